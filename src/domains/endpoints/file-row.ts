import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { FileBody } from '../../kernel/route.ts'
import type { SignatureColumn } from '../../ports/inference/signature.ts'
import type { Signature } from '../registry/schema.ts'

type Row = Record<string, unknown>

/**
 * The row that a body which is not JSON stands for: a file (`image/*`, `audio/*`, `application/octet-stream`) or text (`text/plain`) is the model's
 * one such input; `multipart/form-data` has a part for each column, and the file may be called "file".
 */
export async function rowOfFile(signature: Signature, { contentType, content }: FileBody): Promise<Row> {
  const type = contentType.split(';')[0]!.trim().toLowerCase()
  if (type === 'multipart/form-data') return rowOfForm(signature, await parseForm(contentType, content))
  if (type === 'text/plain') return { [only(signature, isText).name]: new TextDecoder().decode(content) }
  if (type === 'application/octet-stream' || type.startsWith('image/') || type.startsWith('audio/'))
    return { [only(signature, isFile).name]: content }
  throw new PlatformError(
    'unsupported_type',
    `A body of the type "${type.slice(0, 80)}" is not taken here. Send JSON, a file as image/*, audio/* or application/octet-stream, or a multipart form.`,
  )
}

const isFile = ({ tensor }: SignatureColumn): boolean => tensor === 'image' || tensor === 'audio'
const isText = ({ tensor }: SignatureColumn): boolean => tensor === 'tokens'

function only(signature: Signature, matches: (input: SignatureColumn) => boolean): SignatureColumn {
  const [input, another] = signature.inputs.filter(matches)
  if (input && !another) return input
  throw invalidInput(
    `The model has ${input ? 'several inputs' : 'no input'} that such a body could be; its inputs are ${signature.inputs.map(({ name, type }) => `${name} (${type})`).join(', ')}. Send JSON.`,
    { field: 'body' },
  )
}

async function parseForm(contentType: string, content: Uint8Array): Promise<FormData> {
  try {
    return await new Response(content as Uint8Array<ArrayBuffer>, { headers: { 'content-type': contentType } }).formData()
  } catch (error) {
    throw new PlatformError('invalid_input', 'The body is not a valid multipart form.', {}, { cause: error })
  }
}

async function rowOfForm(signature: Signature, form: FormData): Promise<Row> {
  const row: Row = Object.create(null)
  for (const [field, value] of form) {
    const named = signature.inputs.find(({ name }) => name === field)
    const input = named ?? (field === 'file' && typeof value !== 'string' ? only(signature, isFile) : undefined)
    const name = input?.name ?? field
    if (name in row) throw invalidInput(`The form has several parts for "${name}"; a form is one row.`, { field: name })
    row[name] = typeof value === 'string' ? cellOf(input, value) : new Uint8Array(await value.arrayBuffer())
  }
  return row
}

/** Forms know only text; what is no number or word stays text, so that the refusal names it. */
function cellOf(input: SignatureColumn | undefined, text: string): unknown {
  if (input?.tensor !== 'numbers' || input.type === 'datetime') return text
  if (text.trim() === '') return null
  if (input.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  const value = Number(text)
  return Number.isFinite(value) ? value : text
}
