/** Pickles as an attacker writes them, opcode by opcode. */
const text = (value: string) => Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)])
const bytes = (...codes: number[]) => Buffer.from(codes)

export const named = (module: string, name: string): Buffer => Buffer.concat([text(module), text(name), bytes(0x93)])

/** Protocol 4: calls a global with one text. */
export const calling = (module: string, name: string, argument: string): Buffer =>
  Buffer.concat([bytes(0x80, 4), named(module, name), text(argument), bytes(0x85, 0x52, 0x2e)])

/** Protocol 0: the same in plain letters. */
export const oldCalling = (module: string, name: string, argument: string): Buffer =>
  Buffer.from(`c${module}\n${name}\n(S'${argument}'\ntR.`)

/** The opcode INST, which names and calls at once. */
export const instance = (module: string, name: string, argument: string): Buffer =>
  Buffer.from(`\x80\x02(S'${argument}'\ni${module}\n${name}\n.`, 'latin1')

/** A model on the outside, whose state holds a call. */
export const hidden = (inner: Buffer): Buffer =>
  Buffer.concat([
    bytes(0x80, 4),
    named('sklearn.linear_model._logistic', 'LogisticRegression'),
    bytes(0x29, 0x81, 0x7d),
    text('coef_'),
    inner.subarray(2, inner.length - 1),
    bytes(0x73, 0x62, 0x2e),
  ])

/** joblib's object array, behind whose description another pickle lies. */
export const behindArray = (inner: Buffer): Buffer =>
  Buffer.concat([
    bytes(0x80, 4),
    named('joblib.numpy_pickle', 'NumpyArrayWrapper'),
    bytes(0x29, 0x81, 0x7d, 0x28),
    text('shape'),
    bytes(0x4b, 1, 0x85),
    text('dtype'),
    named('numpy', 'dtype'),
    text('O8'),
    bytes(0x85, 0x52, 0x75, 0x62),
    inner,
    bytes(0x2e),
  ])

/** The module's name is what a call answers. */
export const computedName = Buffer.concat([
  bytes(0x80, 4),
  named('builtins', 'str'),
  text('os'),
  bytes(0x85, 0x52),
  text('system'),
  bytes(0x93),
  text('id'),
  bytes(0x85, 0x52, 0x2e),
])

/** A number of copyreg's registry. */
export const byRegistry = bytes(0x80, 2, 0x82, 1, 0x29, 0x52, 0x2e)
