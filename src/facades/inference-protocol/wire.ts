import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { deflate, gunzip, gzip, type InputType, inflate } from 'node:zlib'
import { invalidInput, PlatformError } from '../../kernel/errors.ts'
import type { StreamReply } from '../../kernel/route.ts'
import { parseJson, readBytes } from '../rest/json-body.ts'
import { bytesOf, type OutputTensor } from './outputs.ts'
import { checkRequest, type InferRequest } from './request.ts'

type Headers = Record<string, string | string[] | undefined>

export const maxBodyBytes = 64 * 1024 * 1024
/** Smaller answers are sent sooner than they are packed. */
const fewestPackedBytes = 1024
const jsonLength = 'inference-header-content-length'

const unpack = { gzip: promisify<InputType, object, Buffer>(gunzip), deflate: promisify<InputType, object, Buffer>(inflate) }
const pack = { gzip: promisify<InputType, object, Buffer>(gzip), deflate: promisify<InputType, object, Buffer>(deflate) }

/** A request's JSON, and the bytes that follow it where there are tensors in bytes. */
export async function readRequest(source: Readable, headers: Headers): Promise<{ request: InferRequest; binary: Uint8Array }> {
  const body = await unpacked(
    await readBytes(source, headers as Record<string, string>, maxBodyBytes),
    headers['content-encoding'],
  )
  const announced = headers[jsonLength]
  const length = announced === undefined ? body.length : Number(announced)
  if (!Number.isInteger(length) || length < 1 || length > body.length)
    throw invalidInput(
      `The header Inference-Header-Content-Length is ${String(announced).slice(0, 40)}; it must be the length of the JSON at the beginning of the ${body.length} bytes.`,
      { header: 'Inference-Header-Content-Length' },
    )
  const request = checkRequest(parseJson(withoutNaN(body.toString('utf8', 0, length))))
  return { request, binary: body.subarray(length) }
}

/** JSON has no word for a missing number; Python's writers put NaN. */
const withoutNaN = (text: string): string =>
  text.includes('NaN') ? text.replace(/"(?:[^"\\]|\\.)*"|\bNaN\b/g, (found) => (found === 'NaN' ? 'null' : found)) : text

async function unpacked(body: Buffer, encoding: string | string[] | undefined): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw new PlatformError(
      'unsupported_type',
      `The encoding "${String(encoding).slice(0, 40)}" is not taken; send gzip, deflate, or none.`,
    )
  try {
    return await unpack[encoding](body, { maxOutputLength: maxBodyBytes })
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE')
      throw new PlatformError('too_large', `Unpacked, the body is larger than the ${maxBodyBytes} bytes that this route takes.`, {
        maxBytes: maxBodyBytes,
      })
    throw new PlatformError('invalid_input', `The body is not ${encoding}, although its header says so.`, {}, { cause: error })
  }
}

/** An answer as JSON, or as JSON with the bytes of tensors after it, packed where the caller takes that. */
export async function writeReply(about: object, outputs: readonly OutputTensor[], headers: Headers): Promise<StreamReply> {
  const binary: Uint8Array[] = []
  const tensors = outputs.map((tensor) => {
    const { name, datatype, shape, values, isBinary } = tensor
    if (!isBinary) return { name, datatype, shape, data: values }
    const bytes = bytesOf(tensor)
    binary.push(bytes)
    return { name, datatype, shape, parameters: { binary_data_size: bytes.length } }
  })
  const json = Buffer.from(JSON.stringify({ ...about, outputs: tensors }))
  const body = binary.length === 0 ? json : Buffer.concat([json, ...binary])
  const encoding = body.length < fewestPackedBytes ? null : accepted(headers['accept-encoding'])
  return {
    contentType: binary.length === 0 ? 'application/json' : 'application/octet-stream',
    body: encoding ? await pack[encoding](body, { level: 1 }) : body,
    headers: {
      ...(binary.length > 0 && { [jsonLength]: String(json.length) }),
      ...(encoding && { 'content-encoding': encoding }),
    },
  }
}

function accepted(header: string | string[] | undefined): 'gzip' | 'deflate' | null {
  const names = String(header ?? '')
    .toLowerCase()
    .split(',')
    .map((one) => one.split(';', 1)[0]!.trim())
  return names.includes('gzip') ? 'gzip' : names.includes('deflate') ? 'deflate' : null
}
