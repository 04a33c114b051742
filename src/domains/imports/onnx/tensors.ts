import type * as z from 'zod'
import { invalidInput } from '../../../kernel/errors.ts'
import type { SignatureInput } from '../../registry/schema.ts'
import type { OnnxFacts, OnnxValue } from '../inspect/onnx.ts'
import type { ImportAnswers } from '../schema.ts'
import { type InputPlan, type Need, numeric, refusedInput, STRING, typeOf } from './plan.ts'

/** Numbers of one row, of all its tensors: more would be a file, not a row. */
const mostNumbers = 2 ** 21

/** Whether a graph is asked with tensors: it has one of more than two sizes, or the person says so. */
export const takesTensors = (onnx: OnnxFacts, { takes }: ImportAnswers): boolean =>
  takes === 'tensor' || (takes !== 'rows' && onnx.inputs.some(({ shape }) => (shape?.length ?? 0) > 2))

/** Each input of a graph as a column: numbers of one shape, single numbers, single texts. Of free sizes beside the rows the person says what they are. */
export function planTensors(
  onnx: OnnxFacts,
  { columns, sizes }: ImportAnswers,
  path: string,
  need: Need,
): { plans: InputPlan[]; columns: z.infer<typeof SignatureInput>[] } | null {
  const refused = refusedInput(path)
  const free = onnx.inputs.flatMap(({ name, shape }) =>
    (shape ?? []).flatMap((size, i) => (i > 0 && size === null ? [`${name}[${i}]`] : [])),
  )
  if (sizes && sizes.length !== free.length)
    throw invalidInput(
      `The graph leaves ${free.length} sizes free (${free.join(', ') || 'none'}), and ${sizes.length} were said.`,
      { field: 'sizes' },
    )
  if (free.length > 0 && !sizes) {
    need('sizes', `The graph leaves sizes free: ${free.join(', ')}. Say them in this order; what is served takes these alone.`)
    return null
  }
  const names = columns === 'numbered' || !columns ? onnx.inputs.map(({ name }) => name) : columns
  if (names.length !== onnx.inputs.length)
    throw invalidInput(`The graph has ${onnx.inputs.length} inputs; ${names.length} names were given.`, { field: 'columns' })
  const said = [...(sizes ?? [])]
  const plans: InputPlan[] = []
  const made: z.infer<typeof SignatureInput>[] = []
  let numbers = 0
  let strings = 0
  for (const [i, one] of onnx.inputs.entries()) {
    const shape = sizesOfRow(one, refused, said)
    const isText = one.type === STRING
    if (!isText && !numeric.has(one.type))
      throw refused(one, 'holds numbers of a kind that is not taken here; cast them from float.')
    const width = shape.reduce((product, size) => product * size, 1)
    if (isText && width !== 1) throw refused(one, 'takes several texts at once; only single ones are served beside tensors.')
    const from = isText ? ('strings' as const) : ('numbers' as const)
    const first = isText ? strings : numbers
    plans.push({ name: one.name, type: one.type, shape: [one.shape![0] ?? null, ...shape], from, first, width })
    made.push(
      width === 1
        ? {
            name: names[i]!,
            type: isText ? 'text' : typeOf(one.type),
            tensor: from,
            index: first,
            nullable: false,
            required: true,
          }
        : { name: names[i]!, type: 'tensor', tensor: 'values', index: first, nullable: false, shape },
    )
    if (isText) strings += 1
    else numbers += width
  }
  if (numbers > mostNumbers)
    throw invalidInput(`A row of the graph has ${numbers} numbers; at most ${mostNumbers} are taken.`, { file: path })
  return { plans, columns: made }
}

function sizesOfRow(one: OnnxValue, refused: (one: OnnxValue, why: string) => Error, said: number[]): number[] {
  if (one.kind !== 'tensor' || !one.shape || one.shape.length === 0)
    throw refused(one, 'is no tensor of known sizes; such graphs are not served.')
  const [rows, ...sizes] = one.shape
  if (rows !== null && rows !== 1)
    throw refused(one, `takes ${rows} rows at once, no more and no fewer. Export it with a free number of rows.`)
  return sizes.map((size) => size ?? said.shift()!)
}
