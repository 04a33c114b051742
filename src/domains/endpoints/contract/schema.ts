import * as z from 'zod'
import { servedBy } from '../../../ports/inference/signature.ts'
import { SignatureInput } from '../../registry/schema.ts'

export const Health = z.object({
  status: z.literal('ok'),
  endpoint: z.string(),
  model: z.string(),
  version: z.number(),
})

/** What an endpoint serves, takes and answers. */
export const EndpointMetadata = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  state: z.string(),
  model: z.string(),
  version: z.number(),
  task: z.string(),
  served: z.enum(servedBy),
  classes: z.array(z.string()).nullable(),
  positive: z.string().nullable(),
  threshold: z.number().nullable(),
  inputs: z.array(SignatureInput),
  outputs: z.array(
    z.object({
      name: z.string().describe('in a prediction; outputs.NAME is one of the further outputs of the graph'),
      kind: z.enum(['number', 'integer', 'boolean', 'text', 'numbers', 'by class', 'structure']),
      width: z.number().optional(),
    }),
  ),
  links: z.object({ predict: z.string(), openapi: z.string(), health: z.string(), inferenceProtocol: z.string() }),
})
