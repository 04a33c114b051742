import { PlatformError } from '../../kernel/errors.ts'
import { seconds } from '../../kernel/time.ts'
import type { Letter, Mail, MailServer } from './mail.ts'

/** Mail by SMTP (RFC 5321), one connection a letter. A certificate must be valid; without encryption no password is said. */
export function openSmtp({ tls }: { tls?: { ca?: string } } = {}): Mail {
  return {
    async send(server: MailServer, letter: Letter): Promise<string> {
      const { host, port, security, user, password, from } = server
      // Loaded only where it is used: a start takes no longer for what it does not need.
      const { createTransport } = await import('nodemailer')
      const transport = createTransport({
        host,
        port,
        secure: security === 'tls',
        requireTLS: security === 'starttls',
        ignoreTLS: security === 'none',
        ...(user !== null && password !== null && { auth: { user, pass: password } }),
        connectionTimeout: seconds(10),
        greetingTimeout: seconds(10),
        socketTimeout: seconds(20),
        disableFileAccess: true,
        disableUrlAccess: true,
        tls: { minVersion: 'TLSv1.2', ...tls },
      })
      try {
        const { response } = await transport.sendMail({ from, ...letter })
        return withoutPassword(server, response)
      } catch (error) {
        throw refused(server, error as Error & { code?: string; response?: string })
      } finally {
        transport.close()
      }
    },
  }
}

function refused(server: MailServer, error: Error & { code?: string; response?: string }): PlatformError {
  const { host, port } = server
  const where = `The mail server ${host}:${port}`
  const facts = { host, port }
  if (error.code === 'EAUTH')
    return new PlatformError('precondition_failed', `${where} does not take the user and password of the settings.`, facts)
  if (error.code === 'ETLS' || /certificate|self-signed|ssl|tls/i.test(error.message))
    return new PlatformError('precondition_failed', `${where} offers no encryption that can be trusted: ${error.message}`, facts)
  if (error.response) {
    const said = withoutPassword(server, error.response).slice(0, 500)
    return new PlatformError('precondition_failed', `${where} refused the letter: ${said}`, facts)
  }
  const why = reasons.find(([sign]) => sign.test(`${error.code} ${error.message}`))?.[1]
  return new PlatformError('unavailable', `${where} could not be reached${why ? `: ${why}` : ''}.`, facts, { cause: error })
}

const reasons: [RegExp, string][] = [
  [/ENOTFOUND|EAI_AGAIN|EDNS/, 'no address is known under this name'],
  [/ECONNREFUSED/, 'nothing takes the connection at this port'],
  [/./, 'it did not answer as a mail server does; the port or the kind of encryption may be another'],
]

/** What a server says is shown: not the password, should it repeat that. */
function withoutPassword({ user, password }: MailServer, text: string): string {
  if (password === null) return text
  const spellings = [`\0${user}\0${password}`, password].map((one) => Buffer.from(one).toString('base64'))
  return [password, ...spellings].reduce((rest, one) => rest.replaceAll(one, '…'), text)
}
