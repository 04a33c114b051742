import * as z from 'zod'
import { PageQuery } from '../../../kernel/paging.ts'
import { Iso, Ref } from '../../auth/schema.ts'

const Time = z.iso.datetime({ offset: true })

/** What a captured prediction must be to be listed; all that is asked must hold. */
export const LogFilter = z.object({
  q: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .describe('text in any column of the row, or in the answer; upper and lower case are one'),
  column: z.string().min(1).max(200).optional().describe('look for q in this column alone'),
  id: z.string().min(1).max(200).optional().describe('of a prediction, or of a request with all its rows'),
  key: z.string().min(1).max(1000).optional().describe('the value of the captured key'),
  from: Time.optional(),
  to: Time.optional(),
  label: z.string().max(1000).optional().describe('what was answered: a class, a group, true or false'),
  variant: z.string().min(1).max(40).optional(),
  version: z.string().min(1).max(100).optional().describe('id of the model version that answered'),
  above: z.coerce.number().optional().describe('score at least'),
  below: z.coerce.number().optional().describe('score less than'),
  truth: z.enum(['known', 'unknown', 'right', 'wrong']).optional().describe('right and wrong: of classes'),
})
export type LogFilter = z.output<typeof LogFilter>
export const LogQuery = PageQuery.extend({ ...LogFilter.shape, project: Ref.optional() })
export const LogExportQuery = LogFilter.extend({ format: z.enum(['csv', 'parquet']).default('csv'), project: Ref.optional() })

export const LogEntry = z.object({
  id: z.string(),
  at: Iso,
  version: z.string(),
  variant: z.string(),
  row: z.record(z.string(), z.unknown()),
  prediction: z.record(z.string(), z.unknown()),
  score: z
    .number()
    .nullable()
    .describe('the probability of the positive class, or of the likeliest; of numbers the number, of anomalies the score'),
  truth: z.object({ value: z.unknown(), at: Iso }).nullable().describe('what turned out, where it is known'),
})
export type LogEntry = z.output<typeof LogEntry>

export const LogPage = z.object({
  items: z.array(LogEntry),
  nextCursor: z.string().nullable(),
  searchedTo: Iso.nullable().describe(
    'where the search paused, because it took long: the next page goes on there; null where it did not',
  ),
})
