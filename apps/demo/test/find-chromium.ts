import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A test run without a screen, which talks to nobody but the page. */
export const CHROMIUM_FLAGS: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/**
 * The path of a Chromium; on Debian it is installed when it is missing. Undefined, after saying so loudly, when there is none to be had.
 *
 * @throws Error in CI when it could have been had: tests that are left out there are not noticed
 */
export function findChromium(): string | undefined {
  const found = PLACES.find(existsSync)
  if (found !== undefined) return found
  const couldInstall = process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0
  if (couldInstall) {
    console.warn('installing chromium for the tests of the demo’s page')
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    spawnSync('apt-get', ['update', '-qq'], { env })
    spawnSync('apt-get', ['install', '-y', '-qq', 'chromium'], { env })
    const installed = PLACES.find(existsSync)
    if (installed !== undefined) return installed
    if (process.env['CI'] !== undefined) throw new Error('chromium could not be installed: apt-get install chromium')
  }
  console.error(
    '\n*** SKIPPED: the tests of the demo’s page, since there is no Chromium here.\n*** Install one (apt-get install chromium) and run them again.\n',
  )
  return undefined
}
