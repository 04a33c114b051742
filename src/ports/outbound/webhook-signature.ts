import { createHmac, randomBytes } from 'node:crypto'

/** What the receiver of a webhook is told once, and keeps. */
export const newWebhookSecret = (): string => `atoll_whs_${randomBytes(24).toString('base64url')}`

/** Whether a text has the form of such a secret. */
export const isWebhookSecret = (text: string | null): text is string => text?.startsWith('atoll_whs_') ?? false

/** HMAC-SHA256 of `<seconds>.<body>`: whoever knows the secret can tell that a call is ours, and is not an old one sent again. */
export function signedHeaders(secret: string, body: string, seconds = Math.floor(Date.now() / 1000)): Record<string, string> {
  const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return { 'x-atoll-timestamp': String(seconds), 'x-atoll-signature': `v1=${signature}` }
}
