/** One node of a graph, with the attributes that this platform's engines write. */
export interface GraphNode {
  op: string
  domain: string
  inputs: string[]
  outputs: string[]
  attributes: Map<string, GraphAttribute>
}

export interface GraphAttribute {
  int: number | null
  text: string | null
  ints: number[]
  floats: number[]
  texts: string[]
}

export interface OnnxGraph {
  nodes: GraphNode[]
  /** Scalars and tensors of float64 or float32 that the graph holds. */
  constants: Map<string, number[]>
  outputs: string[]
}

/** Reads the parts of an ONNX file that tell how it computes. Throws on what is not such a file. */
export function readOnnxGraph(bytes: Uint8Array): OnnxGraph {
  const graph: OnnxGraph = { nodes: [], constants: new Map(), outputs: [] }
  eachField(bytes, (number, field) => {
    if (number !== 7) return
    eachField(field.bytes(), (part, inner) => {
      if (part === 1) graph.nodes.push(readNode(inner.bytes()))
      else if (part === 5) readConstant(inner.bytes(), graph.constants)
      else if (part === 12) eachField(inner.bytes(), (n, name) => n === 1 && graph.outputs.push(name.text()))
    })
  })
  return graph
}

function readNode(bytes: Uint8Array): GraphNode {
  const node: GraphNode = { op: '', domain: '', inputs: [], outputs: [], attributes: new Map() }
  eachField(bytes, (number, field) => {
    if (number === 1) node.inputs.push(field.text())
    else if (number === 2) node.outputs.push(field.text())
    else if (number === 4) node.op = field.text()
    else if (number === 7) node.domain = field.text()
    else if (number === 5) readAttribute(field.bytes(), node.attributes)
  })
  return node
}

function readAttribute(bytes: Uint8Array, into: Map<string, GraphAttribute>): void {
  const attribute: GraphAttribute = { int: null, text: null, ints: [], floats: [], texts: [] }
  let name = ''
  eachField(bytes, (number, field) => {
    if (number === 1) name = field.text()
    else if (number === 3) attribute.int = field.int()
    else if (number === 4) attribute.text = field.text()
    else if (number === 7) field.floats(attribute.floats)
    else if (number === 8) field.ints(attribute.ints)
    else if (number === 9) attribute.texts.push(field.text())
  })
  into.set(name, attribute)
}

const float32 = 1
const float64 = 11

function readConstant(bytes: Uint8Array, into: Map<string, number[]>): void {
  let type = 0
  let name = ''
  const values: number[] = []
  let raw: Field | null = null
  eachField(bytes, (number, field) => {
    if (number === 2) type = field.int()
    else if (number === 8) name = field.text()
    else if (number === 9) raw = field.copy()
    else if (number === 4) field.floats(values)
    else if (number === 10) field.doubles(values)
  })
  if (type === float32) (raw as Field | null)?.floats(values)
  else if (type === float64) (raw as Field | null)?.doubles(values)
  else return
  into.set(name, values)
}

const decoder = new TextDecoder()

/** Where one field of a protocol buffer lies. The same object is shown for each field in turn. */
class Field {
  readonly #source: Uint8Array
  readonly #view: DataView
  number = 0
  #wire = 0
  #start = 0
  #end = 0
  at = 0

  constructor(source: Uint8Array) {
    this.#source = source
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength)
  }

  /** Goes to the next field; false at the end. */
  next(): boolean {
    if (this.at >= this.#source.length) return false
    const tag = this.#varint()
    this.number = Math.floor(tag / 8)
    this.#wire = tag % 8
    this.#start = this.at
    if (this.#wire === 0) this.#varint()
    else {
      const length = this.#wire === 2 ? this.#varint() : this.#wire === 5 ? 4 : this.#wire === 1 ? 8 : Number.NaN
      this.#start = this.at
      this.at += length
      if (!(this.at <= this.#source.length)) throw new Error('This is not an ONNX file.')
    }
    this.#end = this.at
    return true
  }

  /** A number of up to 64 bits in two's complement; those beyond 2^53 lose digits, and none that is read is so large. */
  #varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.#source[this.at++]
      if (byte === undefined) throw new Error('This is not an ONNX file.')
      value += (byte & 127) * scale
      if (byte < 128) return value >= 2 ** 63 ? value - 2 ** 64 : value
      scale *= 128
    }
    throw new Error('This is not an ONNX file.')
  }

  int(): number {
    this.at = this.#start
    return this.#varint()
  }

  bytes(): Uint8Array {
    return this.#source.subarray(this.#start, this.#end)
  }

  text(): string {
    // Modes of nodes are short, equal and many.
    const length = this.#end - this.#start
    if (length > 16) return decoder.decode(this.bytes())
    let text = ''
    for (let i = this.#start; i < this.#end; i++) {
      const code = this.#source[i]!
      if (code > 127) return decoder.decode(this.bytes())
      text += String.fromCharCode(code)
    }
    return text
  }

  ints(into: number[]): void {
    for (this.at = this.#start; this.at < this.#end; ) into.push(this.#varint())
  }

  floats(into: number[]): void {
    for (let at = this.#start; at + 4 <= this.#end; at += 4) into.push(this.#view.getFloat32(at, true))
  }

  doubles(into: number[]): void {
    for (let at = this.#start; at + 8 <= this.#end; at += 8) into.push(this.#view.getFloat64(at, true))
  }

  /** This field, kept while the others go by. */
  copy(): Field {
    const field = new Field(this.#source)
    field.#start = this.#start
    field.#end = this.#end
    return field
  }
}

function eachField(bytes: Uint8Array, see: (number: number, field: Field) => void): void {
  const field = new Field(bytes)
  while (field.next()) see(field.number, field)
}
