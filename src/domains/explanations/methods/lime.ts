import type { RawBatch } from '../../../ports/inference/inference.ts'
import type { Random } from '../../evaluation/statistics/random.ts'
import type { GameColumn } from './game.ts'
import { type LocalLine, localLine } from './local-line.ts'

export interface LimePart {
  name: string
  /** What the part is in this row: a range or value of a column, a word, a region of an image. */
  shown: unknown
}

export interface Lime extends LocalLine {
  parts: LimePart[]
  samples: number
}

/** A model by one of its outputs. */
export type Ask<T> = (rows: T) => Promise<Float64Array>

/**
 * LIME of a table's row: rows are drawn column by column from the background, numbers counted as the same where they fall between the same quartiles,
 * words where they are equal; near is what shares many of them.
 */
export async function limeOfRow(
  ask: Ask<RawBatch>,
  { columns, row, background, numberColumns, stringColumns }: LimeTable,
  { samples, random }: { samples: number; random: Random },
): Promise<Lime> {
  const drawn: RawBatch = {
    rows: samples,
    numbers: new Float64Array(samples * numberColumns),
    strings: new Array<string>(samples * stringColumns).fill(''),
  }
  const there = new Uint8Array(samples * columns.length)
  const parts = columns.map(({ name, tensor, index }, c) => {
    const stride = tensor === 'numbers' ? numberColumns : stringColumns
    const from: ArrayLike<number | string> = tensor === 'numbers' ? background.numbers : background.strings
    const into = (tensor === 'numbers' ? drawn.numbers : drawn.strings) as { [at: number]: number | string }
    const own = tensor === 'numbers' ? row.numbers[index]! : row.strings[index]!
    const sameAs = tensor === 'numbers' ? quartileOf(background, own as number, index, numberColumns) : wordOf(own as string)
    for (let r = 0; r < samples; r++) {
      // The first row is the explained one itself.
      const value = r === 0 ? own : from[random.below(background.rows) * stride + index]!
      into[r * stride + index] = value
      there[r * columns.length + c] = sameAs.holds(value) ? 1 : 0
    }
    return { name, shown: sameAs.shown }
  })
  return { ...fitLine(columns.length, there, await ask(drawn), 0.75 * Math.sqrt(columns.length)), parts, samples }
}

export interface LimeTable {
  columns: readonly GameColumn[]
  row: RawBatch
  background: RawBatch
  numberColumns: number
  stringColumns: number
}

interface Like {
  holds(value: number | string): boolean
  shown: unknown
}

function quartileOf(background: RawBatch, own: number, index: number, stride: number): Like {
  if (Number.isNaN(own)) return { holds: (value) => Number.isNaN(value as number), shown: 'missing' }
  const values = Array.from({ length: background.rows }, (_, b) => background.numbers[b * stride + index]!)
  const known = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const cuts = [...new Set([0.25, 0.5, 0.75].map((share) => known[Math.floor(share * (known.length - 1))]!))]
  const low = cuts.findLast((cut) => cut < own) ?? Number.NEGATIVE_INFINITY
  const high = cuts.find((cut) => cut >= own) ?? Number.POSITIVE_INFINITY
  const round = (value: number) => Number(value.toPrecision(4))
  const shown =
    low === Number.NEGATIVE_INFINITY
      ? `at most ${round(high)}`
      : high === Number.POSITIVE_INFINITY
        ? `above ${round(low)}`
        : `above ${round(low)}, at most ${round(high)}`
  return { holds: (value) => (value as number) > low && (value as number) <= high, shown }
}

const wordOf = (own: string): Like => ({ holds: (value) => value === own, shown: own === '' ? 'missing' : own })

/** Nearness falls with the number of parts that are gone. */
function fitLine(parts: number, there: Uint8Array, answers: Float64Array, width: number): LocalLine {
  const near = Float64Array.from(answers, (_, r) => {
    let gone = 0
    for (let p = 0; p < parts; p++) gone += 1 - there[r * parts + p]!
    return Math.exp(-gone / width ** 2)
  })
  return localLine(parts, { there, answers, near })
}

const word = /[\p{L}\p{N}]+(?:['’][\p{L}]+)*/gu
const mostWords = 150

/** LIME of a text: words are removed at random, each with all its repetitions; near is what keeps most of them. */
export async function limeOfText(
  ask: Ask<string[]>,
  text: string,
  { samples, random }: { samples: number; random: Random },
): Promise<Lime> {
  const words = [...new Set([...text.matchAll(word)].map(([one]) => one.toLowerCase()))].slice(0, mostWords)
  const place = new Map(words.map((one, p) => [one, p]))
  const { there, near } = drawParts(words.length, samples, random)
  const texts = Array.from({ length: samples }, (_, r) =>
    text.replace(word, (one) => {
      const p = place.get(one.toLowerCase())
      return p === undefined || there[r * words.length + p] === 1 ? one : ''
    }),
  )
  const answers = await ask(texts)
  return {
    ...localLine(words.length, { there, answers, near }),
    parts: words.map((one) => ({ name: one, shown: one })),
    samples,
  }
}

/** LIME of an image: squares of a grid are painted in their mean colour. */
export async function limeOfImage(
  ask: Ask<Uint8Array[]>,
  { pixels, height, width, channels }: { pixels: Uint8Array; height: number; width: number; channels: number },
  { samples, random, grid }: { samples: number; random: Random; grid: number },
): Promise<Lime> {
  const cells = grid * grid
  const edges = (size: number) => Array.from({ length: grid + 1 }, (_, i) => Math.round((i * size) / grid))
  const [rows, columns] = [edges(height), edges(width)]
  const each = (cell: number, see: (at: number) => void) => {
    const [i, j] = [Math.floor(cell / grid), cell % grid]
    for (let y = rows[i]!; y < rows[i + 1]!; y++)
      for (let x = columns[j]!; x < columns[j + 1]!; x++) see((y * width + x) * channels)
  }
  const colours = Array.from({ length: cells }, (_, cell) => {
    const sums = new Float64Array(channels)
    let count = 0
    each(cell, (at) => {
      count++
      for (let c = 0; c < channels; c++) sums[c]! += pixels[at + c]!
    })
    return sums.map((sum) => Math.round(sum / Math.max(1, count)))
  })
  const { there, near } = drawParts(cells, samples, random)
  const answers = new Float64Array(samples)
  for (let from = 0; from < samples; from += imagesAtOnce) {
    const count = Math.min(imagesAtOnce, samples - from)
    const painted = Array.from({ length: count }, (_, r) => {
      const copy = pixels.slice()
      for (let cell = 0; cell < cells; cell++) {
        if (there[(from + r) * cells + cell] === 1) continue
        each(cell, (at) => {
          for (let c = 0; c < channels; c++) copy[at + c] = colours[cell]![c]!
        })
      }
      return copy
    })
    answers.set(await ask(painted), from)
  }
  const parts = Array.from({ length: cells }, (_, cell) => {
    const [i, j] = [Math.floor(cell / grid), cell % grid]
    return { name: `row ${i + 1}, column ${j + 1}`, shown: { x: j / grid, y: i / grid, width: 1 / grid, height: 1 / grid } }
  })
  return { ...localLine(cells, { there, answers, near }), parts, samples }
}

const imagesAtOnce = 16

/** Which parts each sample keeps: how many are gone is drawn first, so that few and many are tried; the first sample keeps all. */
function drawParts(parts: number, samples: number, random: Random): { there: Uint8Array; near: Float64Array } {
  const there = new Uint8Array(samples * parts).fill(1)
  const near = new Float64Array(samples)
  for (let r = 0; r < samples; r++) {
    const gone = r === 0 ? 0 : 1 + random.below(parts)
    for (let free = parts, needed = gone; free > 0 && needed > 0; free--) {
      if (random.below(free) < needed) {
        there[r * parts + free - 1] = 0
        needed--
      }
    }
    // The cosine between what is kept and the whole, in a kernel of width 0.25.
    const distance = 1 - Math.sqrt((parts - gone) / Math.max(1, parts))
    near[r] = Math.sqrt(Math.exp(-(distance ** 2) / 0.25 ** 2))
  }
  return { there, near }
}
