import { type Command, Option } from 'commander'
import type { MailSettingsInput, Settings } from '../../index.ts'
import { connect, parseNumber, UsageError } from '../context.ts'
import { answer } from '../run.ts'

interface MailFlags {
  host?: string
  port?: number
  security?: 'tls' | 'starttls' | 'none'
  user?: string
  passwordEnv?: string
  from?: string
  domains?: string
  test?: string
  off?: boolean
}

/** `settings`: what an administrator allows, and the mail server. */
export function settingsCommands(program: Command): void {
  const settings = program
    .command('settings')
    .description('what the installation allows; changed by its administrators')
    .action(() =>
      answer(async () => {
        const now = await connect().settings.get()
        return { json: now, text: described(now) }
      }),
    )
  settings
    .command('mail')
    .description('the server that mail goes to; what is not said stays as it is')
    .option('--host <host>')
    .option('--port <port>', '587 unless said', parseNumber)
    .addOption(
      new Option('--security <kind>', 'starttls unless said; none for a relay that wants no password').choices([
        'tls',
        'starttls',
        'none',
      ]),
    )
    .option('--user <user>', '"" for none')
    .option('--password-env <variable>', 'the environment variable that holds the password')
    .option('--from <address>', 'whom letters are from')
    .option('--domains <domains>', 'that mail may go to, by commas ("" for any)')
    .option('--test <address>', 'send a letter there, to see whether it arrives')
    .option('--off', 'no mail leaves')
    .action((flags: MailFlags) =>
      answer(async () => {
        const atoll = connect()
        const { mail: before } = await atoll.settings.get()
        const { test, ...changes } = flags
        const now = Object.keys(changes).length
          ? await atoll.settings.update({ mail: flags.off ? null : mailOf(flags, before) })
          : await atoll.settings.get()
        const tested = test === undefined ? null : await atoll.settings.testMail(test)
        return {
          json: { mail: now.mail, tested },
          text: [mailWords(now.mail), tested && `The letter to ${tested.to} was taken: ${tested.said}`]
            .filter(Boolean)
            .join('\n'),
        }
      }),
    )
  settings
    .command('outbound')
    .description('hosts that may be called: webhooks, models elsewhere, weights')
    .option('--allow <host...>')
    .option('--forbid <host...>')
    .action(({ allow = [], forbid = [] }: { allow?: string[]; forbid?: string[] }) =>
      answer(async () => {
        const atoll = connect()
        const { outboundHosts: before } = await atoll.settings.get()
        const next = [...new Set([...before, ...allow])].filter((host) => !forbid.includes(host))
        const { outboundHosts } =
          allow.length + forbid.length > 0 ? await atoll.settings.update({ outboundHosts: next }) : { outboundHosts: before }
        return { json: outboundHosts, text: hostWords(outboundHosts) }
      }),
    )
}

function mailOf(flags: MailFlags, before: Settings['mail']): MailSettingsInput {
  const host = flags.host ?? before?.host
  const from = flags.from ?? before?.from
  if (host === undefined || from === undefined)
    throw new UsageError('Say --host and --from: the server, and whom letters are from.')
  const password = flags.passwordEnv === undefined ? undefined : process.env[flags.passwordEnv]
  if (flags.passwordEnv !== undefined && !password) throw new UsageError(`The environment has no ${flags.passwordEnv}.`)
  return {
    host,
    from,
    port: flags.port ?? before?.port ?? 587,
    security: flags.security ?? before?.security ?? 'starttls',
    user: flags.user === undefined ? (before?.user ?? null) : flags.user || null,
    domains: flags.domains === undefined ? (before?.domains ?? []) : flags.domains.split(/[\s,]+/).filter(Boolean),
    ...(password && { password }),
  }
}

const mailWords = (mail: Settings['mail']): string =>
  mail === null
    ? 'No mail leaves.'
    : `Mail goes to ${mail.host}:${mail.port} (${mail.security}${mail.user ? `, as ${mail.user}${mail.hasPassword ? '' : ', without a password'}` : ''}), from ${mail.from}, to ${mail.domains.join(', ') || 'any domain'}.`

const hostWords = (hosts: readonly string[]): string =>
  hosts.length === 0 ? 'No host may be called.' : `Hosts that may be called: ${hosts.join(', ')}`

const described = (now: Settings): string =>
  [
    hostWords(now.outboundHosts),
    mailWords(now.mail),
    `Things may ${now.publicVisibility ? '' : 'not '}be made public.`,
    `Folders that data may be added from: ${now.importFolders.join(', ') || 'none'}`,
    `At most ${(100 * now.captureShare).toFixed(0)} % of requests are kept.`,
    `Memory for served models: ${now.servingMemoryMb === null ? 'six tenths of the machine' : `${now.servingMemoryMb} MB`}.`,
  ].join('\n')
