import * as z from 'zod'

/** A field that may be left out; clients write null for it too. */
export const may = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined)

/** A field that this server cannot honour: only its absence is taken. */
export const cannot = (why: string) => z.null({ error: why }).optional()

/** Of the wire, where only its value when nothing is asked can be had. */
export const only = <const T extends string | number | boolean>(value: T, why: string) =>
  may(z.literal(value, { error: `${why} Leave it out.` }))

/** What clients send for their own books: taken, and without effect here. */
export const withoutEffect = {
  user: may(z.string().max(512)),
  metadata: may(z.record(z.string(), z.string())),
  service_tier: may(z.enum(['auto', 'default'], { error: 'There is one tier here. Leave it out.' })),
  safety_identifier: may(z.string().max(512)),
  prompt_cache_key: may(z.string().max(512)),
  prompt_cache_retention: may(z.string().max(64)),
}

export const model = z.string().min(1).max(200).describe('name or id of an endpoint')

const mostTokens = 32_768
/** Settings that chats and completions share. */
export const sampling = {
  max_tokens: may(z.number().int().min(0).max(mostTokens)),
  temperature: may(z.number().min(0).max(2)),
  top_p: may(z.number().gt(0).max(1)),
  seed: may(z.number().int()),
  stop: may(z.union([z.string().min(1).max(200), z.array(z.string().min(1).max(200)).max(4)])),
  n: may(z.number().int().min(1).max(16)),
  stream: may(z.boolean()),
  stream_options: may(z.object({ include_usage: may(z.boolean()), include_obfuscation: may(z.boolean()) })),
}

/** Tokens made likelier, less likely or impossible. */
export const penalties = {
  frequency_penalty: may(z.number().min(-2).max(2)),
  presence_penalty: may(z.number().min(-2).max(2)),
  logit_bias: may(
    z
      .record(z.string().regex(/^\d{1,7}$/, { error: 'tokens are named by their numbers' }), z.number().min(-100).max(100))
      .refine((bias) => Object.keys(bias).length <= 1024, { error: 'names more than 1024 tokens' }),
  ),
}
export interface Penalties {
  frequency_penalty?: number
  presence_penalty?: number
  logit_bias?: Record<string, number>
}

export const penaltiesOf = ({ frequency_penalty, presence_penalty, logit_bias }: Penalties) => ({
  ...(frequency_penalty && { frequencyPenalty: frequency_penalty }),
  ...(presence_penalty && { presencePenalty: presence_penalty }),
  ...(logit_bias && Object.keys(logit_bias).length > 0 && { bias: logit_bias }),
})

export const logprobSettings = { logprobs: may(z.boolean()), top_logprobs: may(z.number().int().min(0).max(20)) }

export const Usage = z.object({ prompt_tokens: z.number(), completion_tokens: z.number(), total_tokens: z.number() })
export type Usage = z.infer<typeof Usage>

/** Seeds of theirs are any whole number, ours 32 bits; of several choices each has its own. */
export const seedOf = (seed: number | undefined, choice: number): number | undefined =>
  seed === undefined ? undefined : (Math.abs(seed) + choice) % 2 ** 32

export const stopsOf = (stop: string | string[] | undefined): string[] | undefined => (typeof stop === 'string' ? [stop] : stop)
