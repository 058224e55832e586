/** A simulated clock, and what is to happen when. What is to happen at the same moment happens in the order it was added. */
export class Agenda {
  #now = 0
  #added = 0
  readonly #heap: { readonly at: number; readonly order: number; readonly run: () => void }[] = []

  /** Milliseconds since the simulation began. */
  get now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): void {
    const item = { at: this.#now + Math.max(0, delayMs), order: this.#added++, run }
    const heap = this.#heap
    let index = heap.length
    heap.push(item)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!comesBefore(item, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = item
  }

  /** Lets what comes next happen; false when nothing is left before `until`. */
  step(until: number): boolean {
    const first = this.#heap[0]
    if (first === undefined || first.at > until) {
      this.#now = Math.max(this.#now, until)
      return false
    }
    this.#now = first.at
    this.#removeFirst()
    first.run()
    return true
  }

  #removeFirst(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = index * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && comesBefore(heap[child + 1]!, heap[child]!)) child++
      if (!comesBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

interface Ordered {
  readonly at: number
  readonly order: number
}

function comesBefore(a: Ordered, b: Ordered): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
