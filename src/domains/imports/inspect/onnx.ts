import { invalidInput } from '../../../kernel/errors.ts'
import { type ByteSource, shown } from './byte-source.ts'
import { bytesPerElement, readTensor, readValueInfo } from './onnx-parts.ts'
import { type ProtoField, type ProtoReader, protoReader } from './proto.ts'

/** An input or output of a graph. */
export interface OnnxValue {
  name: string
  /** The element type of a tensor, as ONNX numbers them; 0 where it is no tensor. */
  type: number
  /** Null where a size is free; null altogether where even the number of sizes is not told. */
  shape: (number | null)[] | null
  kind: 'tensor' | 'sequence' | 'map' | 'other'
}

/** Where a large part lies in another file of the bundle. */
export interface ExternalTensor {
  name: string
  location: string
  offset: number
  length: number
}

export interface OnnxFacts {
  irVersion: number
  producer: string
  opsets: Record<string, number>
  inputs: OnnxValue[]
  outputs: OnnxValue[]
  /** How many nodes of each operator, with its domain unless that is the standard one. */
  operators: Record<string, number>
  nodes: number
  parameters: number
  external: ExternalTensor[]
  /** The node that makes each output: its operator, and what it reads. */
  madeBy: Record<string, { operator: string; inputs: string[]; classes: string[] | null }>
  metadata: Record<string, string>
  /** Labels that a classifier of the graph names. */
  classes: string[] | null
}

const domains: ReadonlySet<string> = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'])
const deepest = 20
const mostNodes = 1_000_000
const mostValues = 4096
const mostDimension = 2 ** 31 - 1

/** Whether a file may be ONNX: whoever asks still reads it whole. */
export async function looksLikeOnnx(source: ByteSource): Promise<boolean> {
  const reader = protoReader(source, (why) => new Error(why))
  const seen = new Set<number>()
  try {
    for await (const field of reader.fieldsOf(0, source.sizeBytes)) {
      // ModelProto knows 1 to 9, 14, 20, 25 and 26 only.
      if (field.number > 26 || (field.number === 1 && field.wire !== 0) || (field.number === 7 && field.wire !== 2)) return false
      seen.add(field.number)
    }
  } catch {
    return false
  }
  return seen.has(7)
}

/** What an ONNX file says of itself, and that it can be opened without harm. Nothing of it is run; weights are stepped over. */
export async function inspectOnnx(source: ByteSource): Promise<OnnxFacts> {
  const wrong = (why: string) =>
    invalidInput(`"${source.path}" is no ONNX file that can be served: ${why}.`, { file: source.path })
  const reader = protoReader(source, wrong)
  const facts: OnnxFacts = {
    irVersion: 0,
    producer: '',
    opsets: {},
    inputs: [],
    outputs: [],
    operators: {},
    nodes: 0,
    parameters: 0,
    external: [],
    madeBy: {},
    metadata: {},
    classes: null,
  }
  const functions = new Set<string>()
  let graph: ProtoField | null = null
  for await (const field of reader.fieldsOf(0, source.sizeBytes)) {
    if (field.number === 1) facts.irVersion = field.value
    else if (field.number === 2) facts.producer = shown(await reader.text(field))
    else if (field.number === 8) await readOpset(reader, field, facts.opsets)
    else if (field.number === 14) await readPair(reader, field, facts.metadata)
    else if (field.number === 25) functions.add(await functionName(reader, field))
    else if (field.number === 7) {
      if (graph) throw wrong('it holds two graphs')
      graph = field
    }
  }
  if (!graph) throw wrong('it holds no graph')
  const walk = graphWalk(reader, facts, { functions, wrong, sizeBytes: source.sizeBytes })
  await walk(graph, 0)
  for (const domain of Object.keys(facts.opsets))
    if (!domains.has(domain) && ![...functions].some((name) => name.startsWith(`${domain}:`)))
      throw wrong(`it uses operators of the domain "${shown(domain)}", which are programs that are not part of ONNX Runtime`)
  if (facts.outputs.length === 0) throw wrong('its graph has no output')
  return facts
}

function graphWalk(
  reader: ProtoReader,
  facts: OnnxFacts,
  { functions, wrong, sizeBytes }: { functions: ReadonlySet<string>; wrong: (why: string) => Error; sizeBytes: number },
) {
  return walk

  async function walk(at: ProtoField, depth: number): Promise<void> {
    if (depth > deepest) throw wrong(`its graphs lie more than ${deepest} deep within one another`)
    const initialised = new Set<string>()
    const inputs: OnnxValue[] = []
    for await (const field of reader.fieldsOf(at.start, at.end)) {
      if (field.number === 1) await readNode(field, depth)
      else if (field.number === 5) {
        const tensor = await readTensor(reader, field, wrong)
        initialised.add(tensor.name)
        facts.parameters += tensor.elements
        if (tensor.external) facts.external.push({ name: tensor.name, ...tensor.external })
      } else if (field.number === 15) await readSparse(field)
      else if (depth === 0 && field.number === 11) inputs.push(await value(field))
      else if (depth === 0 && field.number === 12) facts.outputs.push(await value(field))
      if (inputs.length > mostValues || facts.outputs.length > mostValues)
        throw wrong(`it has more than ${mostValues} inputs or outputs`)
    }
    // Old files list their weights among the inputs.
    if (depth === 0) facts.inputs = inputs.filter(({ name }) => !initialised.has(name))
  }

  async function value(field: ProtoField): Promise<OnnxValue> {
    const found = await readValueInfo(reader, field)
    if (!found.shape) return found
    let product = bytesPerElement(found.type) ?? 1
    for (const size of found.shape) {
      if (size === null) continue
      if (size < 0 || size > mostDimension) throw wrong(`the shape of "${shown(found.name)}" has a size of ${size}`)
      product *= Math.max(1, size)
    }
    if (product > mostDimension) throw wrong(`one row of "${shown(found.name)}" would take ${product} bytes`)
    return found
  }

  async function readNode(field: ProtoField, depth: number): Promise<void> {
    if (++facts.nodes > mostNodes) throw wrong(`it has more than ${mostNodes} nodes`)
    let operator = ''
    let domain = ''
    const inputs: string[] = []
    const outputs: string[] = []
    let classes: string[] | null = null
    for await (const part of reader.fieldsOf(field.start, field.end)) {
      if (part.number === 1 && inputs.length < mostValues) inputs.push(await reader.text(part))
      else if (part.number === 2 && outputs.length < mostValues) outputs.push(await reader.text(part))
      else if (part.number === 4) operator = shown(await reader.text(part))
      else if (part.number === 7) domain = await reader.text(part)
      else if (part.number === 5) classes = (await readAttribute(part, depth)) ?? classes
    }
    if (!domains.has(domain) && !functions.has(`${domain}:${operator}`))
      throw wrong(`its node "${operator}" is of the domain "${shown(domain)}", a program that is not part of ONNX Runtime`)
    const name = domain === '' || domain === 'ai.onnx' ? operator : `${domain}.${operator}`
    facts.operators[name] = (facts.operators[name] ?? 0) + 1
    if (depth > 0) return
    facts.classes ??= classes
    for (const output of outputs) if (output !== '') facts.madeBy[output] = { operator: name, inputs, classes }
  }

  /** Graphs and tensors within a node; of a classifier the labels. */
  async function readAttribute(field: ProtoField, depth: number): Promise<string[] | null> {
    let name = ''
    const texts: string[] = []
    const ints: number[] = []
    for await (const part of reader.fieldsOf(field.start, field.end)) {
      if (part.number === 1) name = await reader.text(part)
      else if (part.number === 6 || part.number === 11) await walk(part, depth + 1)
      else if (part.number === 5 || part.number === 10) {
        const tensor = await readTensor(reader, part, wrong)
        if (tensor.external) throw wrong(`its node keeps the tensor "${shown(tensor.name)}" in another file`)
      } else if (part.number === 22 || part.number === 23) await readSparse(part)
      else if (/^classlabels_strings$/.test(name) && part.number === 9 && texts.length < 10_000)
        texts.push(await reader.text(part))
      else if (/^classlabels_(int64s|ints)$/.test(name) && part.number === 8) await reader.ints(part, ints, 10_000)
    }
    return texts.length > 0 ? texts : ints.length > 0 ? ints.map(String) : null
  }

  async function readSparse(field: ProtoField): Promise<void> {
    for await (const part of reader.fieldsOf(field.start, field.end))
      if (part.number === 1 || part.number === 2) {
        const tensor = await readTensor(reader, part, wrong)
        if (tensor.external || tensor.elements > sizeBytes) throw wrong('one of its sparse tensors does not lie within it')
      }
  }
}

async function readOpset(reader: ProtoReader, at: ProtoField, into: Record<string, number>): Promise<void> {
  let domain = ''
  let version = 0
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) domain = await reader.text(field)
    else if (field.number === 2) version = field.value
  }
  into[domain] = version
}

async function readPair(reader: ProtoReader, at: ProtoField, into: Record<string, string>): Promise<void> {
  let key = ''
  let value = ''
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) key = await reader.text(field)
    else if (field.number === 2) value = (await reader.text(field, 16 * 2 ** 20)).slice(0, 2000)
  }
  if (Object.keys(into).length < 100 && key !== '__proto__') into[key] = value
}

async function functionName(reader: ProtoReader, at: ProtoField): Promise<string> {
  let name = ''
  let domain = ''
  for await (const field of reader.fieldsOf(at.start, at.end)) {
    if (field.number === 1) name = await reader.text(field)
    else if (field.number === 10) domain = await reader.text(field)
  }
  return `${domain}:${name}`
}
