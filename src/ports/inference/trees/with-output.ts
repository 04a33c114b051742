/** An ONNX file that also answers one of its inner float32 tensors. Protocol buffers merge what is written twice, so it is enough to write it behind. */
export function withOutput(model: Uint8Array, tensor: string): Uint8Array {
  const float32 = field(1, [0x08, 1])
  const about = [...field(1, [...Buffer.from(tensor)]), ...field(2, float32)]
  const addition = field(7, field(12, about))
  const both = new Uint8Array(model.length + addition.length)
  both.set(model)
  both.set(addition, model.length)
  return both
}

/** A field of bytes: its number, its length, itself. */
const field = (number: number, bytes: number[]): number[] => [number * 8 + 2, ...varint(bytes.length), ...bytes]

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest >>>= 7
  }
  return [...bytes, rest]
}
