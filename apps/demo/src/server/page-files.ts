import { fileURLToPath } from 'node:url'
import { build } from 'vite'

/** The page as it is served: nothing of it comes from anywhere else. */
export interface PageFiles {
  readonly html: string
  readonly files: ReadonlyMap<string, { readonly text: string; readonly type: string }>
}

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Bundles the page from source, in memory: half a second, and no step of building for anybody. */
export async function buildPage(): Promise<PageFiles> {
  const built = await build({
    root: fileURLToPath(new URL('../../page', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { write: false, assetsInlineLimit: 0, modulePreload: false, target: 'es2022' },
  })
  const files = new Map<string, { text: string; type: string }>()
  let html = ''
  for (const { output } of Array.isArray(built) ? built : 'output' in built ? [built] : []) {
    for (const file of output) {
      const text = file.type === 'chunk' ? file.code : asText(file.source)
      if (file.fileName === 'index.html') html = text
      else
        files.set(file.fileName.replace('assets/', ''), {
          text,
          type: TYPES[file.fileName.split('.').at(-1) ?? ''] ?? 'text/plain',
        })
    }
  }
  return { html, files }
}

function asText(source: string | Uint8Array): string {
  return typeof source === 'string' ? source : Buffer.from(source).toString('utf8')
}
