/** Ways in which GGUF stores numbers, by their code: name, numbers in a block, bytes of a block (ggml's `ggml_type`). */
export const tensorTypes: ReadonlyMap<number, { name: string; block: number; bytes: number }> = new Map(
  (
    [
      [0, 'F32', 1, 4],
      [1, 'F16', 1, 2],
      [2, 'Q4_0', 32, 18],
      [3, 'Q4_1', 32, 20],
      [6, 'Q5_0', 32, 22],
      [7, 'Q5_1', 32, 24],
      [8, 'Q8_0', 32, 34],
      [10, 'Q2_K', 256, 84],
      [11, 'Q3_K', 256, 110],
      [12, 'Q4_K', 256, 144],
      [13, 'Q5_K', 256, 176],
      [14, 'Q6_K', 256, 210],
      [16, 'IQ2_XXS', 256, 66],
      [17, 'IQ2_XS', 256, 74],
      [18, 'IQ3_XXS', 256, 98],
      [19, 'IQ1_S', 256, 50],
      [20, 'IQ4_NL', 32, 18],
      [21, 'IQ3_S', 256, 110],
      [22, 'IQ2_S', 256, 82],
      [23, 'IQ4_XS', 256, 136],
      [24, 'I8', 1, 1],
      [25, 'I16', 1, 2],
      [26, 'I32', 1, 4],
      [27, 'I64', 1, 8],
      [28, 'F64', 1, 8],
      [29, 'IQ1_M', 256, 56],
      [30, 'BF16', 1, 2],
      [34, 'TQ1_0', 256, 54],
      [35, 'TQ2_0', 256, 66],
      [39, 'MXFP4', 32, 17],
    ] as const
  ).map(([code, name, block, bytes]) => [code, { name, block, bytes }]),
)

/** Kinds of values in the metadata of GGUF. */
export const valueType = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const

/** Bytes of the kinds that have a fixed size. */
export const valueBytes: ReadonlyMap<number, number> = new Map([
  [valueType.uint8, 1],
  [valueType.int8, 1],
  [valueType.uint16, 2],
  [valueType.int16, 2],
  [valueType.uint32, 4],
  [valueType.int32, 4],
  [valueType.float32, 4],
  [valueType.bool, 1],
  [valueType.uint64, 8],
  [valueType.int64, 8],
  [valueType.float64, 8],
])
