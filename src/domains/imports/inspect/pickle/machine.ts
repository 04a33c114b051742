import { type ByteSource, shown } from '../byte-source.ts'
import { pickleBytes } from './bytes.ts'
import { dtypeOf, globalName, isKind, type PickleValue } from './values.ts'

export interface PickleFacts {
  protocol: number
  /** Every global that the pickle names, `module.name`. */
  globals: string[]
  /** It asks its reader for objects that are elsewhere (torch's storages). */
  asksReader: boolean
  result: PickleValue
  /** Where it ends. */
  end: number
}

const mostOpcodes = 20_000_000
const mostMemo = 4_000_000
const mostGlobals = 5000
/** Of long lists and dictionaries only the beginning is kept. */
const mostItems = 2000
const deepest = 8

/**
 * Reads the program that a pickle is, opcode by opcode, and carries it out on an inert stack: names of globals are noted, calls are written down,
 * nothing is imported or called. joblib's arrays, which lie between the opcodes, are stepped over. Throws `wrong` on what is no pickle.
 */
export async function readPickle(
  source: ByteSource,
  { start = 0, wrong, depth = 0 }: { start?: number; wrong: (why: string) => Error; depth?: number },
): Promise<PickleFacts> {
  if (depth > deepest) throw wrong(`pickles lie more than ${deepest} deep within one another`)
  const at = pickleBytes(source, start, wrong)
  const facts: PickleFacts = { protocol: 0, globals: [], asksReader: false, result: null, end: 0 }
  const seen = new Set<string>()
  const memo = new Map<number, PickleValue>()
  const marks: number[] = []
  const stack: PickleValue[] = []
  const other: PickleValue = { kind: 'other' }

  const pop = (): PickleValue => {
    if (stack.length <= (marks.at(-1) ?? 0)) throw wrong('it takes from an empty stack')
    return stack.pop()!
  }
  const top = (): PickleValue => stack.at(-1) ?? null
  const sinceMark = (): PickleValue[] => {
    const mark = marks.pop()
    if (mark === undefined) throw wrong('it has no mark where it needs one')
    return stack.splice(mark)
  }
  const remember = (key: number) => {
    if (memo.size >= mostMemo) throw wrong(`it remembers more than ${mostMemo} objects`)
    memo.set(key, top())
  }
  const recall = (key: number) => {
    if (!memo.has(key)) throw wrong('it recalls what it did not remember')
    stack.push(memo.get(key)!)
  }
  const list = (kind: 'list' | 'tuple' | 'set', items: PickleValue[]): PickleValue => ({
    kind,
    items: items.slice(0, mostItems),
    count: items.length,
  })
  const name = (module: PickleValue, what: PickleValue): PickleValue => {
    if (typeof module !== 'string' || typeof what !== 'string') throw wrong('it computes the name of what it loads')
    const full = `${module}.${what}`
    if (!seen.has(full)) {
      seen.add(full)
      if (seen.size > mostGlobals) throw wrong(`it names more than ${mostGlobals} globals`)
      facts.globals.push(full)
    }
    return { kind: 'global', module, name: what }
  }
  const put = (into: PickleValue, pairs: PickleValue[]) => {
    if (!isKind(into, 'dict')) return
    for (let i = 0; i + 1 < pairs.length && into.entries.size < mostItems; i += 2)
      if (typeof pairs[i] === 'string') into.entries.set(pairs[i] as string, pairs[i + 1]!)
  }
  const append = (into: PickleValue, items: PickleValue[]) => {
    if (!isKind(into, 'list') && !isKind(into, 'set')) return
    for (const item of items) if (into.items.length < mostItems) into.items.push(item)
    into.count += items.length
  }

  /** joblib writes an array right behind the object that describes it. */
  async function arrayBehind(wrapper: Extract<PickleValue, { kind: 'call' }>): Promise<PickleValue> {
    const state = wrapper.state
    const field = (key: string) => (isKind(state, 'dict') ? state.entries.get(key) : undefined)
    const shape = (isKind(field('shape'), 'tuple') ? (field('shape') as { items: PickleValue[] }).items : []).map(Number)
    const dtype = dtypeOf(field('dtype'))
    if (/^O/.test(dtype)) {
      const inner = await readPickle(source, { start: at.position(), wrong, depth: depth + 1 })
      for (const global of inner.globals) if (!seen.has(global) && seen.add(global)) facts.globals.push(global)
      facts.asksReader ||= inner.asksReader
      at.jump(inner.end)
      return { kind: 'array', shape, dtype, head: null, objects: inner.result }
    }
    const [, letter, size] = /^([a-zA-Z])(\d+)$/.exec(dtype) ?? []
    if (!size || shape.some((n) => !Number.isSafeInteger(n) || n < 0))
      throw wrong('an array in it is of a kind that is not known')
    const each = letter === 'U' ? 4 * Number(size) : Number(size)
    const length = shape.reduce((product, n) => product * n, each)
    if (length > source.sizeBytes) throw wrong('an array in it is larger than the file')
    if (field('numpy_array_alignment_bytes') !== undefined && field('numpy_array_alignment_bytes') !== null) {
      await at.need(1)
      at.skip(at.uint8())
    }
    const head = await at.taken(length)
    return { kind: 'array', shape, dtype, head, objects: null }
  }

  for (let step = 0; step < mostOpcodes; step++) {
    await at.need(16)
    const op = at.uint8()
    switch (op) {
      case 0x80: // PROTO
        facts.protocol = at.uint8()
        if (facts.protocol > 5) throw wrong(`its protocol ${facts.protocol} is not known`)
        break
      case 0x95: // FRAME
        at.skip(8)
        break
      case 0x28: // MARK
        marks.push(stack.length)
        break
      case 0x2e: // STOP
        facts.result = pop()
        facts.end = at.position()
        return facts
      case 0x30: // POP
        if (marks.length > 0 && stack.length === marks.at(-1)) marks.pop()
        else pop()
        break
      case 0x31: // POP_MARK
        sinceMark()
        break
      case 0x32: // DUP
        stack.push(top())
        break
      case 0x4e:
        stack.push(null)
        break
      case 0x88:
      case 0x89:
        stack.push(op === 0x88)
        break
      case 0x46: // FLOAT, INT and LONG as text
      case 0x49:
      case 0x4c: {
        const text = await at.line()
        stack.push(op === 0x49 && (text === '00' || text === '01') ? text === '01' : Number(text.replace(/L$/, '')))
        break
      }
      case 0x47:
        stack.push(at.float64())
        break
      case 0x4a:
        stack.push(at.int32())
        break
      case 0x4b:
        stack.push(at.uint8())
        break
      case 0x4d:
        stack.push(at.uint16())
        break
      case 0x8a: // LONG1, LONG4
      case 0x8b:
        stack.push(await at.long(op === 0x8a ? at.uint8() : at.int32()))
        break
      case 0x53: // STRING, UNICODE as text
        stack.push((await at.line()).replace(/^['"]|['"]$/g, ''))
        break
      case 0x56:
        stack.push(await at.line())
        break
      case 0x55: // SHORT_BINSTRING, SHORT_BINUNICODE
      case 0x8c:
        stack.push(await at.text(at.uint8()))
        break
      case 0x54: // BINSTRING, BINUNICODE
      case 0x58:
        stack.push(await at.text(at.uint32()))
        break
      case 0x8d:
        stack.push(await at.text(at.uint64()))
        break
      case 0x43: // bytes
        stack.push(await at.bytes(at.uint8()))
        break
      case 0x42:
        stack.push(await at.bytes(at.uint32()))
        break
      case 0x8e:
      case 0x96:
        stack.push(await at.bytes(at.uint64()))
        break
      case 0x97: // NEXT_BUFFER: bytes that the caller would bring
        throw wrong('its bytes are kept outside of it')
      case 0x98:
        break
      case 0x5d:
        stack.push(list('list', []))
        break
      case 0x29:
        stack.push(list('tuple', []))
        break
      case 0x7d:
        stack.push({ kind: 'dict', entries: new Map() })
        break
      case 0x8f:
        stack.push(list('set', []))
        break
      case 0x6c:
        stack.push(list('list', sinceMark()))
        break
      case 0x74:
        stack.push(list('tuple', sinceMark()))
        break
      case 0x91:
        stack.push(list('set', sinceMark()))
        break
      case 0x64: {
        const pairs = sinceMark()
        const made: PickleValue = { kind: 'dict', entries: new Map() }
        put(made, pairs)
        stack.push(made)
        break
      }
      case 0x85:
      case 0x86:
      case 0x87: {
        const items: PickleValue[] = []
        for (let n = op - 0x84; n > 0; n--) items.unshift(pop())
        stack.push(list('tuple', items))
        break
      }
      case 0x61: {
        const item = pop()
        append(top(), [item])
        break
      }
      case 0x65:
      case 0x90: {
        const items = sinceMark()
        append(top(), items)
        break
      }
      case 0x73: {
        const value = pop()
        const key = pop()
        put(top(), [key, value])
        break
      }
      case 0x75: {
        const pairs = sinceMark()
        put(top(), pairs)
        break
      }
      case 0x70: // PUT as text
        remember(Number(await at.line()))
        break
      case 0x71:
        remember(at.uint8())
        break
      case 0x72:
        remember(at.uint32())
        break
      case 0x94:
        remember(memo.size)
        break
      case 0x67:
        recall(Number(await at.line()))
        break
      case 0x68:
        recall(at.uint8())
        break
      case 0x6a:
        recall(at.uint32())
        break
      case 0x63: {
        const module = await at.line()
        stack.push(name(module, await at.line()))
        break
      }
      case 0x93: {
        const what = pop()
        stack.push(name(pop(), what))
        break
      }
      case 0x69: {
        const module = await at.line()
        const of = name(module, await at.line())
        stack.push({ kind: 'call', of, args: list('tuple', sinceMark()), state: null })
        break
      }
      case 0x6f: {
        const [of = null, ...args] = sinceMark()
        stack.push({ kind: 'call', of, args: list('tuple', args), state: null })
        break
      }
      case 0x52: // REDUCE, NEWOBJ
      case 0x81: {
        const args = pop()
        stack.push({ kind: 'call', of: pop(), args, state: null })
        break
      }
      case 0x92: {
        pop()
        const args = pop()
        stack.push({ kind: 'call', of: pop(), args, state: null })
        break
      }
      case 0x62: {
        const state = pop()
        const object = top()
        if (isKind(object, 'call')) {
          object.state = state
          const of = globalName(object.of) ?? ''
          if (of === 'joblib.numpy_pickle.NumpyArrayWrapper') stack[stack.length - 1] = await arrayBehind(object)
          else if (/^joblib\.numpy_pickle(_compat)?\.(Z?NDArrayWrapper)$/.test(of))
            throw wrong('it was written by a joblib older than 0.10; write it again with a newer one')
        }
        break
      }
      case 0x50: // PERSID
        await at.line()
        facts.asksReader = true
        stack.push(other)
        break
      case 0x51:
        pop()
        facts.asksReader = true
        stack.push(other)
        break
      case 0x82:
      case 0x83:
      case 0x84:
        throw wrong('it names globals by numbers of a registry, which hides what they are')
      default:
        throw wrong(`it is no pickle from byte ${at.position() - 1} on (${shown(String.fromCharCode(op))})`)
    }
  }
  throw wrong(`it has more than ${mostOpcodes} instructions`)
}
