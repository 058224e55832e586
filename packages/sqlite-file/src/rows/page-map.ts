import { assert, type PageNumber } from '@stemma/base'

const HEIGHT_BITS = 5
const HEIGHT_MASK = (1 << HEIGHT_BITS) - 1

/** No map has more trees: a word of 32 bits has room for this many and the height. */
export const TREE_ID_MAX: number = 2 ** (32 - HEIGHT_BITS) - 1

/** Where a page stands in a tree, as one number: the tree's id and the page's height above the leaves. 0 is nowhere. */
export type TreePlace = number

/** The place of a page in a tree. Ids count from 1; the height is 0 on a leaf. */
export function placeOf(treeId: number, height: number): TreePlace {
  assert(treeId >= 1 && treeId <= TREE_ID_MAX && height >= 0 && height <= HEIGHT_MASK, 'a tree and a height that fit a word')
  return ((treeId << HEIGHT_BITS) | height) >>> 0
}

export function treeIdOf(place: TreePlace): number {
  return place >>> HEIGHT_BITS
}

export function heightOf(place: TreePlace): number {
  return place & HEIGHT_MASK
}

/** A number of 32 bits for each page of a database; 0 for pages that it was never told about. 4 bytes a page. */
export class PageNumbers {
  #words: Uint32Array
  #pageCount: number

  constructor(pageCount: number) {
    this.#words = new Uint32Array(pageCount + 1)
    this.#pageCount = pageCount
  }

  get pageCount(): number {
    return this.#pageCount
  }

  get bytes(): number {
    return this.#words.byteLength
  }

  get(pageNumber: PageNumber): number {
    return pageNumber <= this.#pageCount ? this.#words[pageNumber]! : 0
  }

  /** Sets the number of a page that the database has. */
  set(pageNumber: PageNumber, value: number): void {
    this.#words[pageNumber] = value
  }

  /**
   * Takes the database for larger or smaller.
   *
   * @returns the first page that is cut off though it had a number; 0 when there is none
   */
  resize(pageCount: number): PageNumber {
    const words = this.#words
    let cutOff: PageNumber = 0
    for (let pageNumber = this.#pageCount; pageNumber > pageCount; pageNumber--) {
      if (words[pageNumber] === 0) continue
      cutOff = pageNumber
      words[pageNumber] = 0
    }
    // With this slack a page that is added costs the copying of 64 words at most, and memory stays close to 4 bytes a page.
    if (pageCount >= words.length) {
      this.#words = new Uint32Array(pageCount + 65 + (pageCount >>> 6))
      this.#words.set(words)
    }
    this.#pageCount = pageCount
    return cutOff
  }
}
