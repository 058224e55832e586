import { readFileSync } from 'node:fs'
import { StemmaError } from '@stemma/base'
import { Command, CommanderError, Option } from 'commander'
import type { Context } from './context.ts'
import type { ChangesFlags } from './changes.ts'
import { type DigestFlags, printDigests } from './digest.ts'
import { EXIT, EXIT_CODES_HELP, type ExitCode } from './exit-code.ts'
import { reportFailure } from './failure.ts'
import { type FollowFlags, follow } from './follow.ts'
import type { LintFlags } from './lint.ts'
import type { LogExportFlags } from './log-export.ts'
import { type LogShowFlags, type LogVerifyFlags, showLog, verifyLog } from './log.ts'
import { type StatusFlags, printStatus } from './node-status.ts'
import { openScreen } from './screen.ts'
import { type ServeFlags, serve } from './serve.ts'
import type { VerifyFlags } from './verify.ts'

/** Runs the command with its arguments and gives the exit code. Failures are reported, never thrown. */
export async function runCommand(args: readonly string[], context: Context): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.fine
  const program = newProgram(context, (code) => (exitCode = code))
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage
    const screen = openScreen(context.output, args.includes('--json'))
    reportFailure(error, { screen, errors: context.errors, debug: isOn(context.env['STEMMA_DEBUG']) })
    return StemmaError.is(error, 'BAD_ARGUMENT') ? EXIT.usage : EXIT.failed
  }
}

const EXAMPLES = `
Examples:
  stemma serve app.db                              serve to this machine, at tcp://127.0.0.1:7411
  stemma follow tcp://127.0.0.1:7411 copy.db       keep a copy that any program can read
  stemma status tcp://127.0.0.1:7411               who follows, and how far behind
  stemma digest app.db copy.db                     the same? the exit code says so
  stemma changes app.db                            what changes, row by row, as lines of JSON
  stemma lint migrations/*.sql                     which statements are not safe to replicate as text
  stemma lint --database app.db --log              which of those that ran were not, and how often

The token that leader and followers share is read from --token-file, or from STEMMA_TOKEN.
STEMMA_DEBUG=1 adds stack traces to errors.`

function newProgram(context: Context, done: (code: ExitCode) => void): Command {
  const program = new Command('stemma')
  program
    .description('Keeps live, readable copies of a SQLite database, and proves that they are true.')
    .version(readVersion(), '-V, --version')
    .helpCommand('help [command]', 'show what a command takes')
    .showSuggestionAfterError()
    .showHelpAfterError('(`stemma help` lists the commands)')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODES_HELP}`)
    .configureOutput({
      writeOut: (text) => void context.output.write(text),
      writeErr: (text) => void context.errors.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'stemma: ')),
    })
    .exitOverride()

  // A leader serves for weeks: it does not hold in memory what only other commands need.
  addServe(program).action(async (database: string, flags: ServeFlags) => done(await serve(database, flags, context)))
  addFollow(program).action(async (url: string, database: string, flags: FollowFlags) =>
    done(await follow(url, database, flags, context)),
  )
  addStatus(program).action(async (target: string, flags: StatusFlags) => done(await printStatus(target, flags, context)))
  addLog(program, context, done)
  addVerify(program).action(async (leader: string, database: string, flags: VerifyFlags) =>
    done(await (await import('./verify.ts')).verify(leader, database, flags, context)),
  )
  addChanges(program).action(async (target: string, flags: ChangesFlags) =>
    done(await (await import('./changes.ts')).printChanges(target, flags, context)),
  )
  program
    .command('digest')
    .description('print the digest of databases; exit with 3 when they differ')
    .argument('<database...>', 'paths of databases, which may be in use')
    .addOption(json())
    .action(async (databases: string[], flags: DigestFlags) => done(await printDigests(databases, flags, context)))
  addLint(program).action(async (files: string[], flags: LintFlags) =>
    done(await (await import('./lint.ts')).lint(files, flags, context)),
  )
  return program
}

function addLint(program: Command): Command {
  return program
    .command('lint')
    .description(
      'say which SQL statements can be replicated as text, why others can not, and what to write instead; exit with 3 for those',
    )
    .argument('[files...]', 'SQL scripts; - is standard input')
    .option('--database <file>', "judge by this database's schema; without files, judge the schema itself")
    .option('--log', 'with --database of a leader: tell what it found of the statements in its log, and how often they ran')
    .addOption(
      new Option('--fail-on <safety>', 'exit with 3 from which kind of finding on')
        .choices(['record', 'rows', 'reject'])
        .default('record'),
    )
    .option('--all', 'also print what is safe since settings of the connection travel with the statement')
    .addOption(json())
}

function addServe(program: Command): Command {
  return program
    .command('serve')
    .description('serve a live database to followers; run it beside the program that writes')
    .argument('<database>', 'path of the database')
    .option('--listen <url>', 'where followers connect: tcp://, tls://, ws:// or wss://, host and port', 'tcp://127.0.0.1:7411')
    .option(
      '--format <names>',
      'log formats to keep, with commas between: wal, row, statement, changeset, or modules such as ./my-format.js',
      'wal',
    )
    .addOption(
      new Option(
        '--row-image <what>',
        'what the row log tells of rows that were updated or deleted: all, or key and what changed',
      )
        .choices(['full', 'changed'])
        .default('full'),
    )
    .option('--statements-as-rows', 'with statement: keep that format though statements are not seen from here, all of it rows')
    .addOption(tokenFile())
    .option('--tls-cert <file>', 'certificate for tls:// and wss://, PEM')
    .option('--tls-key <file>', 'its private key, PEM')
    .addOption(insecure())
    .addOption(
      new Option('--ship <when>', 'send a commit when it is safe from a power cut, or at once')
        .choices(['synced', 'immediate'])
        .default('synced'),
    )
    .option('--log-max <size>', 'keep at most this much of the log, such as 2GiB')
    .option('--log-age <span>', 'keep entries at most this long, such as 7d')
    .option('--convert-to-wal', 'switch the database to WAL mode when it is not in it')
    .addOption(json())
}

function addFollow(program: Command): Command {
  return program
    .command('follow')
    .description('keep a live copy of a database that is served elsewhere')
    .argument('<url>', 'where the leader listens, such as tcp://127.0.0.1:7411')
    .argument('<replica>', 'path of the copy; it is made when there is none')
    .option(
      '--format <name>',
      'log format to follow by: wal, a copy byte for byte; row or changeset, a copy of the rows; statement, one that runs the statements again; or a module',
      'wal',
    )
    .option('--page-size <bytes>', 'with row, statement: pages of this size in a copy that is made')
    .addOption(
      new Option('--encoding <name>', 'with row, statement: how a copy that is made stores texts').choices([
        'utf-8',
        'utf-16le',
        'utf-16be',
      ]),
    )
    .addOption(
      new Option(
        '--on-difference <what>',
        "with row, statement: when a row is not what the leader's was, stop, or force the leader's row",
      )
        .choices(['stop', 'force'])
        .default('stop'),
    )
    .option('--resync', 'take over what differs from the leader first: for a copy that stopped at a difference')
    .option('--verify-every <span>', 'compare the copy with its leader at this distance, such as 1h')
    .addOption(tokenFile())
    .addOption(tlsCa())
    .option('--name <name>', 'what the leader calls this copy in its status')
    .addOption(
      new Option('--on-diverged <what>', "when this copy's history left the leader's: take a snapshot of what differs, or stop")
        .choices(['snapshot', 'stop'])
        .default('snapshot'),
    )
    .option('--once', 'stop when the copy has caught up')
    .addOption(json())
}

function addStatus(program: Command): Command {
  return program
    .command('status')
    .description('show role, position, formats, followers and sizes')
    .argument('<url or database>', 'where a leader listens, or the path of a database on this machine')
    .addOption(tokenFile())
    .addOption(tlsCa())
    .addOption(json())
}

function addVerify(program: Command): Command {
  return program
    .command('verify')
    .description('compare a copy with its leader at the same position, while both run; exit with 3 when they differ')
    .argument('<leader>', "the leader's url, or the path of its database on this machine")
    .argument('<replica>', 'path of the copy')
    .option('--table <name>', 'only this table of a copy by rows; may be given again', addName)
    .addOption(tokenFile())
    .addOption(tlsCa())
    .addOption(json())
}

function addChanges(program: Command): Command {
  return program
    .command('changes')
    .description(
      'print the changes of a database as they happen, as lines of JSON; its leader must serve --format row, or the one that is named',
    )
    .argument('<url or database>', 'where a leader listens, or the path of a database on this machine')
    .option('--from <position>', 'print what comes behind this position, such as 1:42; without it what comes from now on')
    .option('--format <name>', 'print the payloads of this log as they are, such as debezium, instead of lines of our own')
    .option('--table <name>', 'print changes of this table only; may be given again', addName)
    .addOption(tokenFile())
    .addOption(tlsCa())
    .option('--name <name>', 'what the leader calls this reader in its status')
}

function addLog(program: Command, context: Context, done: (code: ExitCode) => void): void {
  const log = program.command('log').description("look into a leader's log")
  log
    .command('show')
    .description('print entries, oldest first')
    .argument('<database>', 'path of the database that is served')
    .option('--format <name>', 'which log; without it all')
    .option('--after <sequence>', 'begin after this sequence', '0')
    .option('--limit <count>', 'stop after this many entries', '1000')
    .option('--details', 'print what each entry changes')
    .addOption(json())
    .action(async (database: string, flags: LogShowFlags) => done(await showLog(database, flags, context)))
  log
    .command('export')
    .description('write the payloads of a log one behind another: changesets, events, or what its format makes')
    .argument('<database>', 'path of the database that is served')
    .requiredOption('--format <name>', 'which log')
    .option('--after <sequence>', 'begin after this sequence; without it with the oldest entry that is kept')
    .option('--limit <count>', 'stop after this many entries')
    .action(async (database: string, flags: LogExportFlags) =>
      done(await (await import('./log-export.ts')).exportLog(database, flags, context)),
    )
  log
    .command('verify')
    .description('check every entry, and that none is missing; exit with 3 when something is wrong')
    .argument('<database>', 'path of the database that is served')
    .addOption(json())
    .action(async (database: string, flags: LogVerifyFlags) => done(await verifyLog(database, flags, context)))
}

function addName(name: string, names: readonly string[] | undefined): string[] {
  return [...(names ?? []), name]
}

function json(): Option {
  return new Option('--json', 'print one JSON object a line, for programs')
}

function tokenFile(): Option {
  return new Option('--token-file <file>', 'file that holds the shared token; without it STEMMA_TOKEN is used')
}

function tlsCa(): Option {
  return new Option('--tls-ca <file>', "certificates that the leader's is checked against, PEM; without it the system's")
}

function insecure(): Option {
  return new Option('--insecure', 'allow tcp:// and ws:// to be reached from other machines: what is sent can be read on the way')
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0'
}

function readVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}
