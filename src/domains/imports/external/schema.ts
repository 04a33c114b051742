import * as z from 'zod'
import { externalProtocols } from '../../../ports/external/external.ts'
import { Name, ResourceInput } from '../../auth/schema.ts'

const column = z.strictObject({
  name: z.string().trim().min(1).max(200),
  type: z.enum(['number', 'integer', 'boolean', 'category', 'text']).default('number'),
  nullable: z.boolean().default(true),
})

/** A model that answers elsewhere, as a version of a model here. */
export const ExternalInput = z.strictObject({
  ...ResourceInput.omit({ tags: true }).shape,
  name: Name.describe('Of the model; a model of that name gets another version.'),
  url: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .describe('openai: the base URL, up to /v1; http: where rows are sent'),
  protocol: z.enum(externalProtocols),
  model: z.string().min(1).max(200).nullable().default(null).describe('openai: what the model is called there'),
  task: z.enum(['generation', 'embedding', 'binary', 'multiclass', 'regression']),
  contextLength: z.number().int().min(16).max(4_000_000).default(8192).describe('generation: tokens that it sees at once'),
  inputs: z.array(column).max(2000).default([]).describe('http: the columns of a row'),
  classes: z.array(z.string().min(1).max(200)).min(2).max(2000).nullable().default(null),
  positive: z.string().nullable().default(null),
  target: z.string().max(200).nullable().default(null),
  header: z
    .strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,100}$/)
        .default('authorization'),
      value: z
        .string()
        .regex(/^[\x20-\x7e]{1,4000}$/)
        .describe('kept encrypted, and never shown'),
    })
    .nullable()
    .default(null)
    .describe('with a secret, sent to the URL alone'),
  timeoutSeconds: z.number().min(1).max(600).default(60),
  licence: z.string().max(200).default(''),
})
export type ExternalInput = z.output<typeof ExternalInput>

/** external.json of a package: how its model is asked. The secret is elsewhere, under the id. */
export const ExternalFile = z.object({
  protocol: z.enum(externalProtocols),
  url: z.string(),
  model: z.string().nullable(),
  headerName: z.string().nullable(),
  secret: z.string().nullable(),
  timeoutSeconds: z.number(),
  contextLength: z.number(),
})
export type ExternalFile = z.infer<typeof ExternalFile>
