import * as z from 'zod'

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
