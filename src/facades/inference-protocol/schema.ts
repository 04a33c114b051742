import * as z from 'zod'

const Parameters = z.record(z.string(), z.unknown())
const Shape = z
  .array(
    z
      .number()
      .int()
      .min(0)
      .max(2 ** 31),
  )
  .max(32)
const Named = z.string().min(1).max(500)

const InferInput = z.object({
  name: Named,
  shape: Shape,
  datatype: z.string(),
  parameters: Parameters.optional(),
  data: z.unknown().optional(),
})
export type InferInput = z.infer<typeof InferInput>

const InferOutput = z.object({ name: Named, parameters: Parameters.optional() })

/** The JSON of a request, before its tensors are read. Fields that are not known are left aside, as the protocol has it. */
export const InferRequest = z.object({
  id: z.string().max(500).optional(),
  parameters: Parameters.optional(),
  inputs: z.array(InferInput).min(1).max(2000),
  outputs: z.array(InferOutput).max(2000).optional(),
})
export type InferRequest = z.infer<typeof InferRequest>

const TensorMetadata = z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) })
export const ModelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(TensorMetadata),
  outputs: z.array(TensorMetadata),
  parameters: z.record(z.string(), z.string()).optional(),
})
export type ModelMetadata = z.infer<typeof ModelMetadata>
