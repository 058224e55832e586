import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'
import { describe, expect, test as base } from 'vitest'
import { type Demo, startDemo } from './demo-fixture.ts'
import { CHROMIUM_FLAGS, findChromium } from './find-chromium.ts'

const executablePath = findChromium()
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Where to put screenshots for people to look at: SHOTS=folder. */
const SHOTS = process.env['SHOTS']

const VIEWS = ['live', 'compare', 'pitfalls', 'break', 'inside', 'sql'] as const
const WIDTHS = [360, 820, 1440] as const
const WAIT = { timeout: 90_000 }

interface Fixtures {
  readonly demo: Demo
  readonly browser: Browser
  /** Opens the page; whatever it complains of, or asks of others, is in `complaints`. */
  readonly open: (options?: BrowserContextOptions) => Promise<{ page: Page; complaints: string[] }>
}

const test = base.extend<Fixtures>({
  demo: [
    // oxlint-disable-next-line no-empty-pattern -- vitest reads what a fixture needs from this pattern
    async ({}, use) => {
      const demo = await startDemo('--rate', '10')
      await use(demo)
      await demo.stop()
    },
    { scope: 'file' },
  ],
  browser: [
    // oxlint-disable-next-line no-empty-pattern -- as above
    async ({}, use) => {
      const browser = await chromium.launch({
        ...(executablePath === undefined ? {} : { executablePath }),
        args: [...CHROMIUM_FLAGS],
      })
      await use(browser)
      await browser.close()
    },
    { scope: 'file' },
  ],
  open: async ({ demo, browser }, use) => {
    const contexts: { close(): Promise<void> }[] = []
    await use(async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
      contexts.push(context)
      const page = await context.newPage()
      page.setDefaultTimeout(WAIT.timeout)
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text())
      })
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== demo.origin) complaints.push(`it asks ${request.url()}`)
      })
      await page.goto(demo.url)
      await page.getByRole('status').filter({ hasText: 'live' }).waitFor()
      return { page, complaints }
    })
    for (const context of contexts) await context.close()
  },
})

describe.skipIf(executablePath === undefined)('the page', { timeout: 300_000 }, () => {
  test('it shows a leader and a follower of each format, and they move', async ({ open }) => {
    const { page, complaints } = await open()
    const place = async (): Promise<number> =>
      Number((await page.locator('[data-leader=mixed] .big').innerText()).replaceAll(',', ''))
    const first = await place()
    await expect.poll(place, WAIT).toBeGreaterThan(first)
    for (const id of ['wal', 'row', 'mixed', 'record'])
      await page.locator(`[data-follower=${id}]`).getByText('caught up').waitFor()
    await page.getByRole('button', { name: 'Compare row with the leader' }).click()
    await page
      .locator('[data-follower=row]')
      .getByText(/equal at/)
      .waitFor()
    expect(complaints).toEqual([])
  })

  test('a workload is run, shown in each format with what the numbers mean, and given away as CSV and JSON', async ({ open }) => {
    const { page, complaints } = await open()
    await page.getByRole('tab', { name: 'Compare' }).click()
    await page.getByLabel('Workload').selectOption('inserts')
    await page.getByRole('button', { name: 'Run it' }).click()
    await page.getByText(/^writing/).waitFor()
    const result = page.locator('.result')
    await result.getByText('300 transactions').waitFor()
    await result.getByText('Bytes a commit').hover()
    await page
      .getByRole('tooltip', { name: /Bytes of all entries/ })
      .or(page.getByText(/Bytes of all entries with/))
      .first()
      .waitFor()
    // Inserts of given values are safe to run again, however naively.
    expect(await result.getByText('equal', { exact: true }).count()).toBe(5)
    const json = (await page.evaluate("fetch('/api/comparisons/1.json').then((answer) => answer.json())")) as {
      rows: { bytes: number }[]
    }
    const csv = (await page.evaluate("fetch('/api/comparisons/1.csv').then((answer) => answer.text())")) as string
    for (const { bytes } of json.rows) expect(csv).toContain(`,${bytes},`)
    expect(csv.trim().split('\r\n')).toHaveLength(6)
    expect(complaints).toEqual([])
  })

  test('own SQL can be compared too', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Compare' }).click()
    await page.getByLabel('Workload').selectOption('sql')
    await page.getByLabel(/SQL of one transaction/).fill('UPDATE stock SET count = count - 1')
    await page.getByRole('button', { name: 'Run it' }).click()
    await page.locator('.result').getByText('50 transactions').waitFor()
    await page.getByRole('heading', { name: 'Bytes a commit, of all that ran' }).waitFor()
  })

  test('a follower that is cut off falls behind, and catches up when its link is mended', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Break it' }).click()
    const card = page.locator('[data-follower=wal]')
    await page.getByRole('button', { name: 'Cut off wal' }).click()
    await card.getByText(/\d behind/).waitFor()
    await page.locator('.wire[data-link=cut]').waitFor()
    await page.getByRole('button', { name: 'Mend the link of wal' }).click()
    await card.getByText('caught up').waitFor()
    await page.locator('.notes').getByText('its link is whole again').waitFor()
  })

  test('a follower that is delayed is late, and one that is killed comes back where it was', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Break it' }).click()
    const card = page.locator('[data-follower=row]')
    await page.getByRole('button', { name: 'Delay row' }).click()
    await card.getByText(/\d behind/).waitFor()
    await page.getByRole('button', { name: 'Mend the link of row' }).click()
    await page.getByRole('button', { name: 'kill -9 row' }).click()
    await card.getByText('dead').waitFor()
    await page.getByRole('button', { name: 'Start row' }).click()
    await card.getByText('caught up').waitFor()
  })

  test('a follower can be added and removed, and the leader may be killed', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Break it' }).click()
    await page.getByRole('button', { name: 'Add' }).click()
    await page.locator('[data-follower=wal-2]').getByText('caught up').waitFor()
    await page.getByRole('button', { name: /the leader mixed/ }).click()
    await page.locator('.notes').getByText('started again').waitFor()
    await page.locator('[data-follower=wal-2]').getByText('caught up').waitFor()
    await page.getByRole('button', { name: 'Remove wal-2' }).click()
    await page.locator('[data-follower=wal-2]').waitFor({ state: 'detached' })
  })

  test('a scene of the catalogue is played under each policy, and the cells that differ are marked', async ({ open }) => {
    const { page, complaints } = await open()
    await page.getByRole('tab', { name: 'Pitfalls' }).click()
    await page.getByRole('combobox', { name: /^Scene/ }).selectOption({ index: 0 })
    await page.getByText('RANDOM_VALUE').waitFor()
    await page.getByRole('button', { name: 'Run it' }).click()
    const raw = page.locator('[data-policy=raw]')
    await raw.getByText('the copy differs, and nobody noticed').waitFor()
    expect(await raw.locator('td.differs').count()).toBeGreaterThan(0)
    for (const policy of ['mixed', 'record']) {
      await page.locator(`[data-policy=${policy}]`).getByText('the copy is equal').waitFor()
      expect(await page.locator(`[data-policy=${policy}] td.differs`).count()).toBe(0)
    }
    await page.getByRole('button', { name: 'Next' }).click()
    await page.locator('.scene').getByText('randomblob').first().waitFor()
    expect(complaints).toEqual([])
  })

  test('the last entries of each format are shown with what they say and with their bytes', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Look inside' }).click()
    await page
      .locator('[data-format=wal] .details')
      .first()
      .getByText(/page \d+/)
      .first()
      .waitFor()
    await page
      .locator('[data-format=row] .details')
      .first()
      .getByText(/(insert|update|delete)/)
      .first()
      .waitFor()
    expect(await page.locator('[data-format=row] .hex').first().innerText()).toMatch(/^0000 53 74/)
  })

  test('SQL is run on the leader and asked of everybody; a follower refuses to write', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Play' }).click()
    await page
      .getByRole('textbox', { name: 'SQL' })
      .fill("CREATE TABLE IF NOT EXISTS greetings (word TEXT); INSERT INTO greetings VALUES ('hello')")
    await page.getByRole('button', { name: 'Run on the leader' }).click()
    await page.locator('[data-answer=leader]').getByText('1 rows changed').waitFor()
    await page.getByRole('textbox', { name: 'SQL' }).fill('SELECT word FROM greetings')
    await expect
      .poll(async () => {
        await page.getByRole('button', { name: 'Ask everybody' }).click()
        return page.locator('[data-answer] td', { hasText: 'hello' }).count()
      }, WAIT)
      .toBeGreaterThanOrEqual(6)
    await page.getByRole('textbox', { name: 'SQL' }).fill("INSERT INTO greetings VALUES ('bye')")
    await page.getByRole('button', { name: 'Ask everybody' }).click()
    await page
      .locator('[data-answer=row]')
      .getByText(/read-only|read only|leader/)
      .waitFor()
  })

  test('the tabs are gone through by the keyboard, and the address says where one is', async ({ open }) => {
    const { page } = await open()
    await page.getByRole('tab', { name: 'Live' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Compare', selected: true }).waitFor()
    expect(new URL(page.url()).hash).toBe('#compare')
    await page.keyboard.press('End')
    await page.getByRole('tab', { name: 'Play', selected: true }).waitFor()
    await page.goBack()
    await page.getByRole('tab', { name: 'Compare', selected: true }).waitFor()
  })

  test.for(['light', 'dark'] as const)(
    'nothing stands in the way of anybody who uses the page, in %s',
    async (colorScheme, { open }) => {
      const { page } = await open({ colorScheme })
      for (const view of VIEWS) {
        await page.goto(`${page.url().split('#')[0]}#${view}`)
        await page.getByRole('tab', { selected: true }).waitFor()
        await page.locator('#panel > *').first().waitFor()
        // Told to the page by the tools of its browser, which its policy does not hold up.
        await page.evaluate(AXE)
        const violations = (await page.evaluate(
          'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))',
        )) as string[]
        expect([view, ...violations]).toEqual([view])
      }
    },
  )

  test.for(WIDTHS)('nothing is wider than a screen of %i pixels', async (width, { open }) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await open({ colorScheme, viewport: { width, height: 900 } })
      for (const view of VIEWS) {
        await page.goto(`${page.url().split('#')[0]}#${view}`)
        await page.locator(`#tab-${view}[aria-selected=true]`).waitFor()
        await page.locator('#panel > *').first().waitFor()
        if (SHOTS !== undefined)
          await page.screenshot({ path: join(SHOTS, `${view}-${colorScheme}-${width}.png`), fullPage: true })
        // What is drawn by script gets its width a moment after the page has its own.
        const over = (): Promise<unknown> => page.evaluate('document.documentElement.scrollWidth - innerWidth')
        await expect.poll(async () => [view, await over()], { timeout: 5_000 }).toEqual([view, 0])
      }
    }
  })
})
