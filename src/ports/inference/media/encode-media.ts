import { invalidInput, isPlatformError, PlatformError, unprocessable } from '../../../kernel/errors.ts'
import { type AnyEncoder, compileEncoder, describe, type EncodedRows, Notes, noteMissing } from '../encode.ts'
import type { EncoderPackage, Frame, PreparedItem } from '../inference.ts'
import { Problems } from '../problems.ts'
import { type SignatureColumn, shapeOf, textColumns } from '../signature.ts'
import { contentOf } from './content.ts'
import { describeFiles } from './describe-files.ts'
import { type MediaValue, openPreparer, type Preparer } from './preparer.ts'
import { openRemotePreparer } from './remote-preparer.ts'

/** Longer texts than any model reads take seconds to divide into tokens. */
const mostCharacters = 100_000
/** Shorter texts are divided in less time than another thread takes to be asked. */
const inlineCharacters = 1000
/** What the prepared rows of one request may take. */
const mostPreparedBytes = 256 * 2 ** 20
const atOnce = 4

/** The encoder of a package with images, sounds or texts as tokens: each is prepared by itself, the other columns as ever. */
export async function openMediaEncoder({ folder, signature, trust, served }: EncoderPackage): Promise<AnyEncoder> {
  const { media = [] } = shapeOf(signature)
  const texts = textColumns(signature)
  const files = media.filter(({ tensor }) => tensor !== 'tokens')
  const mediaNames = new Set([...media, ...texts].map(({ name }) => name))
  const others = [...mediaNames]
  const plain = compileEncoder({ ...signature, inputs: signature.inputs.filter(({ name }) => !mediaNames.has(name)) }, { others })
  const preparer = served === 'python' ? null : await openPreparers(media, folder, trust)
  const mostRows = Math.max(1, Math.floor(mostPreparedBytes / media.reduce((sum, input) => sum + bytesOf(input), 0)))

  async function encode(rows: readonly unknown[]): Promise<EncodedRows> {
    if (rows.length > mostRows)
      throw invalidInput(`A request takes at most ${mostRows} rows of this model, not ${rows.length}. Send several requests.`, {
        field: 'rows',
        maxRows: mostRows,
      })
    const notes = new Notes()
    const items: PreparedItem[] = rows.map(() => ({}))
    const problems = new Problems()
    let plainRows: EncodedRows | undefined
    problems.gather(() => {
      plainRows = plain.encode(rows.map((row) => withoutMedia(row)))
    })
    const work = rows.flatMap((row, r) =>
      media.flatMap((input) => {
        let value: MediaValue | undefined
        if (isRow(row) && !problems.isFull)
          problems.gather(() => {
            value = valueOfRow(row, input, r, notes)
          })
        return value === undefined ? [] : [{ r, input, value }]
      }),
    )
    // A Python worker joins columns of text itself.
    if (!preparer)
      rows.forEach((row, r) => {
        items[r]!.fields = Object.fromEntries(
          texts.map(({ name }) => [name, (row as Record<string, string> | null)?.[name] ?? null]),
        )
      })
    await eachOf(preparer ? work : work.filter(({ input }) => input.tensor !== 'tokens'), atOnce, async ({ r, input, value }) => {
      const item = await prepared(input, value, r).catch((error) => problems.add(error))
      // What is certain to be refused is not prepared to its end.
      if (problems.isFull) throw problems.asError()
      if (item) items[r] = { ...items[r], ...item, ...(item.fields && { fields: { ...items[r]!.fields, ...item.fields } }) }
    })
    const refusal = problems.asError()
    if (refusal) throw refusal
    const { batch, warnings } = plainRows!
    return {
      batch: { ...batch, items },
      warnings: [...warnings, ...notes.sentences()],
      ...(files.length > 0 && { forCapture: (options) => describeFiles(rows as Record<string, unknown>[], files, options) }),
    }
  }

  /** A row as the plain encoder knows it; what is no object it refuses itself. */
  function withoutMedia(row: unknown): unknown {
    if (!isRow(row)) return row
    return Object.fromEntries(Object.entries(row).filter(([name]) => !mediaNames.has(name)))
  }

  function valueOfRow(row: object, input: SignatureColumn, r: number, notes: Notes): MediaValue {
    if (input.tensor !== 'tokens') return fileOf(row, input, r)
    const parts = texts.map((column) => textOf(row, column, r, notes))
    const text = (input.prefix ?? '') + parts.filter((part) => part !== '').join(input.separator ?? ' ')
    if (text.length <= mostCharacters) return text
    throw unprocessable(
      `Row ${r}, column "${input.name}": the text has ${text.length} characters; at most ${mostCharacters} are taken, and the model reads its first ${input.maxLength ?? 512} tokens.`,
      { row: r, column: input.name, expected: input.type, problem: 'value' },
    )
  }

  async function prepared(input: SignatureColumn, value: MediaValue, row: number): Promise<PreparedItem> {
    try {
      if (preparer) {
        const { value: made, frame, words } = await preparer.prepare(input.name, value)
        return { [input.tensor]: made, ...(frame && { frame }), ...(words && { words }) }
      }
      const content = contentOf(value)
      // A worker answers in places of its square; the way back takes the image's size.
      const frame = input.fit ? await frameOf(content) : undefined
      return { fields: { [input.name]: Buffer.from(content).toString('base64') }, ...(frame && { frame }) }
    } catch (error) {
      if (!isPlatformError(error) || error.code !== 'invalid_input') throw error
      const said = error.message.charAt(0).toLowerCase() + error.message.slice(1)
      throw new PlatformError(
        'unprocessable',
        `Row ${row}, column "${input.name}": ${said}`,
        { row, column: input.name, expected: input.type, problem: 'value', ...error.facts },
        { cause: error },
      )
    }
  }

  return {
    columns: signature.inputs.map(({ name }) => name),
    encode,
    encodeBody: () => null,
    encodeBodyOnce: () => null,
    learn() {},
    allowOthers: plain.allowOthers,
    close: async () => preparer?.close(),
  }
}

async function frameOf(content: Uint8Array): Promise<Frame> {
  const { decodeImage } = await import('../image/decode-image.ts')
  const { height, width } = await decodeImage(content)
  return { height, width }
}

/** Short texts here, all else in another place. */
async function openPreparers(
  media: SignatureColumn[],
  folder: string,
  trust: EncoderPackage['trust'],
): Promise<Preparer & { close(): Promise<void> }> {
  const remote = await openRemotePreparer({ folder, inputs: media }, trust === 'built' ? 'thread' : 'process')
  const texts = media.filter(({ tensor }) => tensor === 'tokens')
  if (trust !== 'built' || texts.length === 0) return remote
  const inline = await openPreparer({ folder, inputs: texts })
  const names = new Set(texts.map(({ name }) => name))
  return {
    prepare: (column, value) =>
      names.has(column) && value.length <= inlineCharacters ? inline.prepare(column, value) : remote.prepare(column, value),
    close: remote.close,
  }
}

const isRow = (row: unknown): row is object => row !== null && typeof row === 'object' && !Array.isArray(row)

const cellOf = (row: object, name: string): unknown =>
  Object.hasOwn(row, name) ? (row as Record<string, unknown>)[name] : undefined

function textOf(row: object, input: SignatureColumn, r: number, notes: Notes): string {
  const value = cellOf(row, input.name)
  if (typeof value === 'string' && value !== '') return value
  if (value === undefined || value === null || value === '') {
    noteMissing(input, value, r, notes)
    return ''
  }
  const { name, type } = input
  throw unprocessable(`Row ${r}, column "${name}": expected text, got ${describe(value)}.`, {
    row: r,
    column: name,
    expected: type,
    problem: 'type',
  })
}

function fileOf(row: object, { name, type }: SignatureColumn, r: number): MediaValue {
  const value = cellOf(row, name)
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string' && value !== '') return value
  const given = value === undefined ? 'nothing' : value === '' ? 'empty text' : describe(value)
  throw unprocessable(`Row ${r}, column "${name}": expected the bytes of ${articleOf(type)} file as base64, got ${given}.`, {
    row: r,
    column: name,
    expected: type,
    problem: value === undefined ? 'missing' : 'type',
  })
}

const articleOf = (type: string): string => (type === 'image' || type === 'audio' ? `an ${type}` : `a ${type}`)

function bytesOf({
  tensor,
  size = [1, 1],
  channels = 3,
  sampleRate = 16_000,
  samples,
  maxLength = 512,
}: SignatureColumn): number {
  if (tensor === 'image') return size[0] * size[1] * channels
  // Sounds of any length: a quarter of a minute, as a guess.
  if (tensor === 'audio') return 4 * (samples ?? 15 * sampleRate)
  return 4 * maxLength
}

/** Does `work` for all of `list`, so many at once, in order of their start; ends with the first that fails. */
async function eachOf<T>(list: readonly T[], many: number, work: (one: T) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  await Promise.all(
    Array.from({ length: Math.min(many, list.length) }, async () => {
      while (next < list.length && !failed) {
        const one = list[next++]!
        await work(one).catch((error) => {
          failed = true
          throw error
        })
      }
    }),
  )
}
