import { invalidInput, PlatformError } from '../../../kernel/errors.ts'
import type { ByteSource } from '../inspect/byte-source.ts'
import type { OnnxFacts } from '../inspect/onnx.ts'
import { protoReader } from '../inspect/proto.ts'
import type { InputPlan, OnnxPlan, OutputPlan } from './plan.ts'
import { floatNumber, node, tagged, valueInfo, varint, whole, wholeNumbers } from './proto-writer.ts'
import { fieldsIn, renamedNode, renamedTensor } from './rename.ts'

/** Bytes, or where they lie in a file. */
type Piece = Buffer | { source: ByteSource; start: number; end: number }

/** What a protocol buffer, and so a graph, may have in one file. */
const mostBytes = 2 ** 31 - 2 ** 20
const mostNodeBytes = 2 ** 28
const FLOAT = 1
const DOUBLE = 11
const STRING = 8

/** Whether a graph already has the platform's own inputs and outputs, in one file. */
export function isReady({ signature, inputs, outputs }: OnnxPlan, onnx: OnnxFacts): boolean {
  const own = (one: InputPlan) =>
    one.from === 'as it is' ||
    (one.name === one.from && one.type === (one.from === 'numbers' ? DOUBLE : STRING) && one.shape.length === 2)
  const same = (one: OutputPlan) => one.make === 'as it is' && one.tensor === one.name && one.type === FLOAT
  const kept = new Set([...outputs.map(({ tensor }) => tensor)])
  return (
    onnx.external.length === 0 &&
    onnx.irVersion >= 4 &&
    signature.rowsPerRun === undefined &&
    inputs.every(own) &&
    outputs.every(same) &&
    onnx.outputs.every(({ name, shape }) => kept.has(name) && shape?.length === 2)
  )
}

/**
 * The graph with the platform's inputs before and outputs behind it; its own nodes and weights stay as they are. Weights that lie in other files
 * of the bundle are put into it: what is served is one file that can name no other.
 */
export async function wrapOnnx(
  source: ByteSource,
  { onnx, plan, fileOf }: { onnx: OnnxFacts; plan: OnnxPlan; fileOf(location: string): ByteSource | undefined },
): Promise<AsyncIterable<Buffer>> {
  const wrong = (why: string) =>
    invalidInput(`"${source.path}" is no ONNX file that can be served: ${why}.`, { file: source.path })
  const reader = protoReader(source, wrong)
  const { rename, before, after, constants, inputs, outputs } = surroundings(plan, onnx)
  const external = new Map(onnx.external.map((one) => [one.name, one]))
  const dropped = new Set(onnx.outputs.filter(({ kind }) => kind !== 'tensor').map(({ name }) => name))
  const model: Piece[] = [whole(1, Math.max(onnx.irVersion, 4))]
  if (!('' in onnx.opsets) && !('ai.onnx' in onnx.opsets)) model.push(tagged(8, whole(2, 15)))
  for await (const field of reader.fieldsOf(0, source.sizeBytes)) {
    if (field.number === 1) continue
    if (field.number !== 7) {
      model.push(await copied(field))
      continue
    }
    const graph: Piece[] = [...before]
    for await (const part of reader.fieldsOf(field.start, field.end)) {
      if (part.number === 11 || part.number === 12) continue
      if (part.number === 1) {
        const isSmall = part.end - part.start <= mostNodeBytes
        if (rename.size === 0 && dropped.size === 0) graph.push(...withTag(1, part))
        else if (!isSmall) throw wrong(`one of its nodes has more than ${mostNodeBytes / 2 ** 20} MB`)
        else {
          const bytes = await source.read(part.start, part.end)
          if (!makes(bytes, dropped)) graph.push(tagged(1, renamedNode(bytes, rename)))
        }
      } else if (part.number === 5 && (external.size > 0 || rename.size > 0)) graph.push(...(await tensor(part)))
      // Sizes that it noted of its own tensors are derived again.
      else if (part.number === 13) continue
      else if (part.wire === 2) graph.push(...withTag(part.number, part))
    }
    graph.push(...after, ...constants)
    for (const one of inputs) graph.push(tagged(11, one))
    if (plan.inputs.some(({ from }) => from === 'as it is'))
      for await (const part of reader.fieldsOf(field.start, field.end)) if (part.number === 11) graph.push(...withTag(11, part))
    for (const one of outputs) graph.push(tagged(12, one))
    model.push(varint(7 * 8 + 2), varint(sizeOf(graph)), ...graph)
  }
  if (sizeOf(model) > mostBytes)
    throw new PlatformError(
      'too_large',
      `The graph and its weights have ${sizeOf(model)} bytes; one file of ONNX holds ${mostBytes}.`,
    )
  return written(model)

  async function copied(field: { number: number; wire: number; start: number; end: number; value: number }): Promise<Buffer> {
    if (field.wire === 0) return whole(field.number, field.value)
    return tagged(field.number, await source.read(field.start, field.end))
  }

  function withTag(number: number, { start, end }: { start: number; end: number }): Piece[] {
    return [varint(number * 8 + 2), varint(end - start), { source, start, end }]
  }

  async function tensor(part: { start: number; end: number }): Promise<Piece[]> {
    let name = ''
    for await (const field of reader.fieldsOf(part.start, part.end)) if (field.number === 8) name = await reader.text(field)
    const place = external.get(name)
    if (!place) {
      const to = rename.get(name)
      return to === undefined ? withTag(5, part) : [tagged(5, renamedTensor(await source.read(part.start, part.end), to))]
    }
    const file = fileOf(place.location)
    if (!file || place.offset + place.length > file.sizeBytes)
      throw wrong(
        `the tensor "${name.slice(0, 80)}" lies in "${place.location.slice(0, 80)}", which was not brought or is shorter`,
      )
    const head: Buffer[] = []
    for (const field of fieldsIn(await source.read(part.start, part.end)))
      if (![8, 9, 13, 14].includes(field.number)) head.push(field.whole)
    head.push(tagged(8, rename.get(name) ?? name), varint(9 * 8 + 2), varint(place.length))
    const start = Buffer.concat(head)
    return [
      varint(5 * 8 + 2),
      varint(start.length + place.length),
      start,
      { source: file, start: place.offset, end: place.offset + place.length },
    ]
  }
}

/** The nodes before and behind the graph, and the names that must give way to the platform's. */
function surroundings(plan: OnnxPlan, onnx: OnnxFacts) {
  const rename = new Map<string, string>()
  const taken = (name: string) => name in onnx.madeBy || onnx.inputs.some((one) => one.name === name)
  const numbers = plan.inputs.filter(({ from }) => from === 'numbers')
  const strings = plan.inputs.filter(({ from }) => from === 'strings')
  for (const name of ['numbers', 'strings', ...plan.outputs.map((one) => one.name)])
    if (taken(name)) rename.set(name, `atoll_${name}`)
  const called = (name: string) => rename.get(name) ?? name
  const before: Buffer[] = []
  const after: Buffer[] = []
  const constants: Buffer[] = []
  const inputs: Buffer[] = []

  for (const [tensor, list, type] of [
    ['numbers', numbers, DOUBLE],
    ['strings', strings, STRING],
  ] as const) {
    const total = list.reduce((sum, { width }) => sum + width, 0)
    if (total === 0) continue
    inputs.push(valueInfo(tensor, type, [null, total]))
    list.forEach((one, i) => {
      let at: string = tensor
      const step = (operator: string, more: string[], attributes: Record<string, number> = {}) => {
        const to = `atoll_${tensor}_${i}_${operator.toLowerCase()}`
        before.push(node(operator, [at, ...more], to, attributes))
        at = to
      }
      if (one.width < total) {
        constants.push(wholeNumbers(`atoll_${tensor}_${i}_places`, range(one.first, one.width)))
        step('Gather', [`atoll_${tensor}_${i}_places`], { axis: 1 })
      }
      if (one.shape.length !== 2) {
        constants.push(wholeNumbers(`atoll_${tensor}_${i}_flat`, [-1, ...one.shape.slice(1).map((size) => size!)]))
        step('Reshape', [`atoll_${tensor}_${i}_flat`])
      }
      if (tensor === 'numbers' && one.type !== DOUBLE) step('Cast', [], { to: one.type })
      before.push(node('Identity', [at], called(one.name)))
    })
  }

  for (const one of plan.outputs) {
    let at = called(one.tensor)
    const step = (operator: string, more: string[] = [], attributes: Record<string, number> = {}) => {
      const to = `atoll_${one.name}_${operator.toLowerCase()}`
      after.push(node(operator, [at, ...more], to, attributes))
      at = to
    }
    const given = one.make.startsWith('pair') ? 1 : one.width
    constants.push(wholeNumbers(`atoll_${one.name}_sizes`, [-1, given]))
    step('Reshape', [`atoll_${one.name}_sizes`])
    if (one.type !== FLOAT) step('Cast', [], { to: FLOAT })
    if (one.make === 'softmax') step('Softmax', [], { axis: 1 })
    if (one.make === 'sigmoid' || one.make === 'pair of sigmoid') step('Sigmoid')
    if (one.make.startsWith('pair')) {
      constants.push(floatNumber(`atoll_${one.name}_one`, 1))
      after.push(node('Sub', [`atoll_${one.name}_one`, at], `atoll_${one.name}_other`))
      after.push(node('Concat', [`atoll_${one.name}_other`, at], `atoll_${one.name}_both`, { axis: 1 }))
      at = `atoll_${one.name}_both`
    }
    after.push(node('Identity', [at], one.name))
  }
  const outputs = plan.outputs.map(({ name, width }) => valueInfo(name, FLOAT, [null, width]))
  return { rename, before, after, constants, inputs, outputs }
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i)

/** Whether a node makes what is no longer asked for (lists of dictionaries, which no client is sent). */
const makes = (bytes: Buffer, dropped: ReadonlySet<string>): boolean =>
  dropped.size > 0 && fieldsIn(bytes).some(({ number, content }) => number === 2 && dropped.has(content.toString('utf8')))

const sizeOf = (pieces: readonly Piece[]): number =>
  pieces.reduce((sum, piece) => sum + (Buffer.isBuffer(piece) ? piece.length : piece.end - piece.start), 0)

async function* written(pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (Buffer.isBuffer(piece)) yield piece
    else
      for (let at = piece.start; at < piece.end; at += 1 << 22) yield piece.source.read(at, Math.min(piece.end, at + (1 << 22)))
  }
}
