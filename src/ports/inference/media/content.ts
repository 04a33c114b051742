import { invalidInput } from '../../../kernel/errors.ts'

const mostBytes = 32 * 2 ** 20
const dataUrl = /^data:[^,]{0,200},/

/** The bytes of a file that a client sent as base64 or as a data URL. */
export function contentOf(value: string | Uint8Array): Uint8Array {
  if (typeof value !== 'string') return value
  const head = value.startsWith('data:') ? dataUrl.exec(value)?.[0] : ''
  if (head === undefined || (head !== '' && !head.endsWith(';base64,')))
    throw invalidInput('It is not a data URL of the form "data:image/png;base64,…".')
  const text = head === '' ? value : value.slice(head.length)
  if (text.length > (mostBytes * 4) / 3) throw invalidInput(`It is larger than ${mostBytes / 2 ** 20} MB.`)
  const content = Buffer.from(text, 'base64')
  // Buffer drops what is no base64 without a word.
  const plain = text.replace(/[\s=]+/g, '').length
  if (content.length === 0 || Math.floor((plain * 3) / 4) !== content.length)
    throw invalidInput(
      text.trim() === '' ? 'It is empty.' : "It is not base64. Send the file's bytes as base64 or as a data URL.",
    )
  return content
}
