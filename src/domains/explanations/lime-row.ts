import { invalidInput } from '../../kernel/errors.ts'
import type { RawBatch } from '../../ports/inference/inference.ts'
import { randomFrom } from '../evaluation/statistics/random.ts'
import { scaled } from './methods/game.ts'
import { type Lime, limeOfImage, limeOfRow, limeOfText } from './methods/lime.ts'
import { backgroundOf, type OpenedVersion } from './opened-versions.ts'

export interface LimeWish {
  output: number
  scale: 'answer' | 'log_odds'
  seed: number
  samples?: number
  /** The text that is taken apart, where the model reads more than one column. */
  column?: string
}

const samplesOf = { row: 1000, text: 400, image: 250 }
const grid = 7
const rowsPerCall = 512

/** LIME of a row by what it is: an image, a text, or columns. */
export async function limeRow(opened: OpenedVersion, row: Record<string, unknown>, wish: LimeWish): Promise<Lime> {
  const { inputs } = opened.version.signature
  const random = randomFrom(wish.seed)
  const image = inputs.find(({ tensor }) => tensor === 'image')
  const text = textColumn(opened, wish.column)
  if (image && !text) {
    const { batch } = await opened.encoder.encode([row])
    const pixels = batch.items?.[0]?.image
    if (!pixels || !image.size)
      throw invalidInput(`The column "${image.name}" holds no image to take apart.`, { column: image.name })
    const [height, width] = image.size
    const ask = (painted: Uint8Array[]) =>
      answersOf(opened, wish, { ...repeated(batch, painted.length), items: painted.map((one) => ({ image: one })) })
    const about = { pixels, height, width, channels: image.channels ?? 3 }
    return limeOfImage(ask, about, { samples: wish.samples ?? samplesOf.image, random, grid })
  }
  if (text) {
    const value = row[text]
    if (typeof value !== 'string' || value.trim() === '')
      throw invalidInput(`The column "${text}" holds no text to take apart.`, { column: text })
    const ask = async (texts: string[]) => {
      const answers = new Float64Array(texts.length)
      for (let from = 0; from < texts.length; from += rowsPerCall / 8) {
        const part = texts.slice(from, from + rowsPerCall / 8)
        const { batch } = await opened.encoder.encode(part.map((one) => ({ ...row, [text]: one })))
        answers.set(await answersOf(opened, wish, batch), from)
      }
      return answers
    }
    return limeOfText(ask, value, { samples: wish.samples ?? samplesOf.text, random })
  }
  const { batch } = await opened.encoder.encode([row])
  const table = {
    columns: inputs as { name: string; tensor: 'numbers' | 'strings'; index: number }[],
    row: batch,
    background: backgroundOf(opened),
    numberColumns: opened.shape.numberColumns,
    stringColumns: opened.shape.stringColumns,
  }
  return limeOfRow((rows) => answersOf(opened, wish, rows), table, { samples: wish.samples ?? samplesOf.row, random })
}

/** The text to take apart: the one that is named, or the only column there is. */
function textColumn({ version }: OpenedVersion, wanted: string | undefined): string | null {
  const { inputs } = version.signature
  if (wanted === undefined)
    return inputs.length === 1 && (inputs[0]!.type === 'text' || inputs[0]!.tensor === 'tokens') ? inputs[0]!.name : null
  const input = inputs.find(({ name }) => name === wanted)
  if (!input)
    throw invalidInput(`The model has no column "${wanted}"; it reads ${inputs.map(({ name }) => name).join(', ')}.`, {
      field: 'column',
    })
  if (input.tensor === 'image') return null
  if (input.tensor !== 'strings' && input.tensor !== 'tokens')
    throw invalidInput(`The column "${wanted}" is no text.`, { field: 'column' })
  return wanted
}

const repeated = ({ numbers, strings }: RawBatch, rows: number): RawBatch => ({
  rows,
  numbers: Float64Array.from({ length: rows * numbers.length }, (_, i) => numbers[i % numbers.length]!),
  strings: Array.from({ length: rows * strings.length }, (_, i) => strings[i % strings.length]!),
})

async function answersOf({ model }: OpenedVersion, { output, scale }: LimeWish, batch: RawBatch): Promise<Float64Array> {
  const scores = await model.predict(batch)
  const values = scaled(scores, scale)
  return Float64Array.from({ length: batch.rows }, (_, r) => values[r * scores.width + output]!)
}
