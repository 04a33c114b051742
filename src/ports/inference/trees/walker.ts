/** Trees walked together: their steps do not wait for each other's memory. */
export const lanes = 8
/** Bytes of a node in the walker's memory: threshold or leaf value (f32), byte offset of its feature in a row, address of its left child; the right one follows it. */
export const nodeBytes = 16
/** Bytes of a block of trees: the depth of the deepest, the address of each root, the byte offset of the sum that each adds to. */
export const blockBytes = 4 * (1 + 2 * lanes)

export interface Walker {
  memory: WebAssembly.Memory
  /** Walks every row down all trees of the blocks and adds the leaves' values to the row's sums, in the order of the trees. */
  walk(blocks: number, blocksEnd: number, rows: number, rowBytes: number, sums: number, sumBytes: number, rowCount: number): void
}

/** A program for WebAssembly, because there a comparison is a number: no branch of a tree is ever guessed wrong. */
export function openWalker(pages: number): Walker {
  const memory = new WebAssembly.Memory({ initial: pages })
  const instance = new WebAssembly.Instance(program(), { trees: { memory } })
  return { memory, walk: instance.exports.walk as Walker['walk'] }
}

let compiled: WebAssembly.Module | undefined
const program = (): WebAssembly.Module => {
  compiled ??= new WebAssembly.Module(moduleBytes())
  return compiled
}

const i32 = 0x7f
const parameters = ['block', 'blocksEnd', 'rows', 'rowBytes', 'sums', 'sumBytes', 'rowCount'] as const
const nodes = Array.from({ length: lanes }, (_, lane) => `node${lane}`)
const locals = ['row', 'sum', 'rowsLeft', 'depth', ...nodes]
const names: readonly string[] = [...parameters, ...locals]

const get = (name: string): number[] => [0x20, names.indexOf(name)]
const set = (name: string): number[] => [0x21, names.indexOf(name)]
const tee = (name: string): number[] => [0x22, names.indexOf(name)]
const constant = (value: number): number[] => [0x41, ...signed(value)]
const loadInt = (offset: number): number[] => [0x28, 2, ...unsigned(offset)]
const loadFloat = (offset: number): number[] => [0x2a, 2, ...unsigned(offset)]
const storeFloat = [0x38, 2, 0]
const add = [0x6a]
const subtract = [0x6b]
const shiftLeft = [0x74]
const addFloats = [0x92]
const isGreater = [0x5e]
const isBelow = [0x49]
const loop = (body: number[], again: number[]): number[] => [0x03, 0x40, ...body, ...again, 0x0d, 0, 0x0b]

/** node = left child, or the node after it where the row's feature is greater than the threshold. A leaf is its own left child, and its feature is below everything. */
const step = (node: string): number[] => [
  ...[...get(node), ...loadInt(8)],
  ...[...get('row'), ...get(node), ...loadInt(4), ...add, ...loadFloat(0)],
  ...[...get(node), ...loadFloat(0), ...isGreater],
  ...[...constant(Math.log2(nodeBytes)), ...shiftLeft, ...add, ...set(node)],
]

/** sums[row][target of the tree] += value of the leaf */
const addLeaf = (node: string, lane: number): number[] => [
  ...[...get('sum'), ...get('block'), ...loadInt(4 * (1 + lanes + lane)), ...add, ...tee('depth')],
  ...[...get('depth'), ...loadFloat(0), ...get(node), ...loadFloat(0), ...addFloats, ...storeFloat],
]

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const steps = loop(nodes.flatMap(step), [...get('depth'), ...constant(1), ...subtract, ...tee('depth')])
  const oneRow = [
    ...nodes.flatMap((node, lane) => [...get('block'), ...loadInt(4 * (1 + lane)), ...set(node)]),
    ...[...get('block'), ...loadInt(0), ...set('depth')],
    ...steps,
    ...nodes.flatMap(addLeaf),
    ...[...get('row'), ...get('rowBytes'), ...add, ...set('row')],
    ...[...get('sum'), ...get('sumBytes'), ...add, ...set('sum')],
  ]
  const oneBlock = [
    ...[...get('rows'), ...set('row'), ...get('sums'), ...set('sum'), ...get('rowCount'), ...set('rowsLeft')],
    ...loop(oneRow, [...get('rowsLeft'), ...constant(1), ...subtract, ...tee('rowsLeft')]),
    ...[...get('block'), ...constant(blockBytes), ...add, ...tee('block')],
  ]
  const body = [1, ...unsigned(locals.length), i32, ...loop(oneBlock, [...get('blocksEnd'), ...isBelow]), 0x0b]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, ...unsigned(parameters.length), ...parameters.map(() => i32), 0]),
    ...section(2, [1, ...text('trees'), ...text('memory'), 2, 0, 1]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...text('walk'), 0, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ])
}

const section = (id: number, bytes: number[]): number[] => [id, ...unsigned(bytes.length), ...bytes]
const text = (value: string): number[] => [value.length, ...Buffer.from(value)]

function unsigned(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const low = rest & 127
    rest >>>= 7
    if (rest === 0) return [...bytes, low]
    bytes.push(low | 128)
  }
}

function signed(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; ) {
    const low = rest & 127
    rest >>= 7
    const isDone = (rest === 0 && (low & 64) === 0) || (rest === -1 && (low & 64) !== 0)
    if (isDone) return [...bytes, low]
    bytes.push(low | 128)
  }
}
