import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { connectLink, listenLinks, type Link } from '../src/index.ts'

// How fast do large messages go one way between two processes, and how long does a small one take there and back?
// node bench/throughput.ts [--kib 1024] [--mib 4096] [--over websocket]

const { values } = parseArgs({
  options: { kib: { type: 'string' }, mib: { type: 'string' }, url: { type: 'string' }, over: { type: 'string' } },
})
const messageBytes = Number(values.kib ?? 1024) * 1024
const totalBytes = Number(values.mib ?? 2048) * 1024 * 1024

if (values.url === undefined) await serve()
else await receive(values.url)

async function serve(): Promise<void> {
  const message = new Uint8Array(messageBytes).fill(7)
  const listener = await listenLinks({
    over: values.over === 'websocket' ? 'websocket' : 'tcp',
    port: 0,
    onError: (error) => print(error.message),
    onLink(link) {
      let left = 0
      const fill = (): void => {
        while (left > 0) {
          left -= messageBytes
          if (!link.send([message])) return
        }
      }
      return {
        message(bytes) {
          if (bytes.byteLength === 1) link.send([bytes.slice()])
          else left = totalBytes
          fill()
        },
        drain: fill,
        closed() {},
      }
    },
  })
  const child = fork(import.meta.filename, [
    '--url',
    listener.url,
    '--kib',
    String(messageBytes / 1024),
    '--mib',
    String(totalBytes / 2 ** 20),
  ])
  child.once('exit', () => void listener.close())
}

async function receive(url: string): Promise<void> {
  let got = 0
  let answer: (() => void) | undefined
  let began = performance.now()
  const { promise: done, resolve } = Promise.withResolvers<void>()
  const link: Link = await connectLink({
    url,
    onLink: () => ({
      message(bytes) {
        if (bytes.byteLength === 1) return answer?.()
        got += bytes.byteLength
        if (got >= totalBytes) resolve()
      },
      drain() {},
      closed() {},
    }),
  })
  const trips: number[] = []
  for (let i = 0; i < 5000; i++) {
    const back = new Promise<void>((next) => (answer = next))
    const sent = performance.now()
    link.send([Uint8Array.of(1)])
    await back
    trips.push(performance.now() - sent)
  }
  trips.sort((a, b) => a - b)
  const micros = (share: number): string => ((trips[Math.floor(trips.length * share)] ?? 0) * 1000).toFixed(0)
  print(`round trip: p50 ${micros(0.5)} us, p99 ${micros(0.99)} us`)
  const cpu = process.cpuUsage()
  began = performance.now()
  link.send([new Uint8Array(2)])
  await done
  const seconds = (performance.now() - began) / 1000
  const used = process.cpuUsage(cpu)
  const kernel = ((used.system / (used.user + used.system)) * 100).toFixed(0)
  const cpuShare = ((used.user + used.system) / 1e4 / seconds).toFixed(0)
  print(
    `${messageBytes / 1024} KiB messages: ${(totalBytes / 1e9 / seconds).toFixed(2)} GB/s; receiver's CPU ${cpuShare} %, ${kernel} % of it in the kernel`,
  )
  link.close()
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
