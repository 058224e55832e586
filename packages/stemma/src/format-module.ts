import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { StemmaError } from '@stemma/base'
import type { LogFormat } from '@stemma/log'

/** What a format's module is told, when it exports a function that makes the format. */
export interface FormatModuleOptions {
  /** Path of the leader's database; undefined where a log is read or followed. */
  readonly database: string | undefined
}

/** True for what names a module: a path, a URL of a file, a package with a scope, or one whose name begins with `stemma-format-`. */
export function namesModule(name: string): boolean {
  return /^(?:\.{0,2}\/|\.{1,2}\\|[a-zA-Z]:[\\/]|file:|@[^/]+\/.|stemma-format-)/.test(name)
}

/**
 * Loads a log format from a module, whoever wrote it: what it exports as `format`, or by default. That is a format, or a function that makes one.
 *
 * A path is taken from the working folder. A package is looked for there first, then beside Stemma.
 *
 * @throws StemmaError UNKNOWN_FORMAT when there is no such module; BAD_FORMAT when it fails, or exports no format
 */
export async function importFormat(specifier: string, options: FormatModuleOptions): Promise<LogFormat> {
  const module = await importModule(specifier)
  const exported = module['format'] ?? module['default']
  let made: unknown
  try {
    made = typeof exported === 'function' ? await (exported as (told: FormatModuleOptions) => unknown)(options) : exported
  } catch (cause) {
    throw badFormat(specifier, `making it failed: ${String(cause)}`, cause)
  }
  const fault = faultOf(made)
  if (fault !== undefined) throw badFormat(specifier, fault)
  return made as LogFormat
}

async function importModule(specifier: string): Promise<Readonly<Record<string, unknown>>> {
  for (const url of placesOf(specifier)) {
    if (url.startsWith('file:') && !existsSync(fileURLToPath(url))) continue
    try {
      return (await import(url)) as Readonly<Record<string, unknown>>
    } catch (cause) {
      if (!isMissing(cause, specifier)) throw badFormat(specifier, `loading it failed: ${String(cause)}`, cause)
    }
  }
  const isPackage = !/^[./\\]|^file:|^[a-zA-Z]:/.test(specifier)
  const next = isPackage ? `; install it: npm install ${specifier}` : ''
  throw new StemmaError('UNKNOWN_FORMAT', `there is no module ${JSON.stringify(specifier)}${next}`, { name: specifier })
}

/** Where a module may be, as `import` takes it. */
function placesOf(specifier: string): string[] {
  if (specifier.startsWith('file:')) return [specifier]
  if (/^[./\\]|^[a-zA-Z]:/.test(specifier)) return [pathToFileURL(resolve(specifier)).href]
  try {
    return [pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(specifier)).href, specifier]
  } catch {
    return [specifier]
  }
}

/** True when there is no package of this name; false when something that the module itself imports is missing. */
function isMissing(error: unknown, specifier: string): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${specifier}'`)
}

/** What a value lacks to be a log format. */
function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null)
    return `it exports ${value === undefined ? 'neither `format` nor a default' : typeof value}`
  const format = value as Readonly<Record<string, unknown>>
  const { name, version, reads, view, isFeedOnly } = format
  if (typeof name !== 'string' || !/^[a-z0-9-]{1,32}$/.test(name))
    return '`name` has to be 1 to 32 lower-case letters, digits and dashes'
  if (!isVersion(version)) return '`version` has to be a whole number from 1'
  if (!Array.isArray(reads) || !reads.every(isVersion) || !reads.includes(version))
    return '`reads` has to list versions, its own among them'
  if (view !== 'pages' && view !== 'rows' && view !== 'statements') return "`view` has to be 'pages', 'rows' or 'statements'"
  if (isFeedOnly !== undefined && typeof isFeedOnly !== 'boolean') return '`isFeedOnly` has to be true or false'
  const needed = ['encode', 'describe', ...(isFeedOnly === true ? [] : [view === 'pages' ? 'apply' : 'decode'])]
  const missing = needed.find((key) => typeof format[key] !== 'function')
  return missing === undefined ? undefined : `\`${missing}\` has to be a function`
}

function isVersion(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}

function badFormat(specifier: string, why: string, cause?: unknown): StemmaError {
  return new StemmaError('BAD_FORMAT', `${JSON.stringify(specifier)} gives no log format: ${why}`, { name: specifier }, cause)
}
