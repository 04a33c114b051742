import * as z from 'zod'

/** Shares of right answers that sets and intervals are kept for. */
export const coverages: readonly number[] = [...Array.from({ length: 50 }, (_, i) => (50 + i) / 100), 0.995]

const Limits = z.array(z.number().nullable()).describe('by coverage; null where there are too few rows to say: everything')

export const Reliability = z.object({
  error: z.number().describe('expected calibration error, 15 bins'),
  brier: z.number(),
  logLoss: z.number(),
  bins: z.array(z.object({ meanPredicted: z.number(), observed: z.number(), count: z.number() })),
})

export const RiskCoverage = z.object({
  share: z.array(z.number()).describe('of the rows that are answered, the surest first'),
  risk: z.array(z.number()).describe('of those: the share of mistakes, or the mean absolute error'),
  confidence: z.array(z.number()).describe('of the least sure that is still answered'),
})

/** uncertainty.json of a package: how wrong the model was on rows that it had not learned from. */
export const Uncertainty = z.object({
  format: z.literal(1),
  rows: z.number(),
  coverages: z.array(z.number()),
  sets: z
    .object({
      lac: Limits.describe('1 - p of the true class (Sadinle et al. 2019)'),
      aps: Limits.describe('p of the classes down to the true one (Romano et al. 2020)'),
      byClass: z.array(Limits).describe('lac by true class (Vovk 2012)'),
    })
    .nullable(),
  intervals: z
    .object({
      absolute: Limits.describe('absolute error (Vovk et al. 2005)'),
      normalised: z
        .object({ at: z.array(z.number()), width: z.array(z.number()), factors: Limits })
        .nullable()
        .describe('absolute error by the error that is usual for such a prediction (Lei et al. 2018)'),
    })
    .nullable(),
  answering: RiskCoverage,
  calibration: z
    .object({
      asServed: Reliability,
      temperature: Reliability.extend({ temperature: z.number() }),
      isotonic: Reliability,
    })
    .nullable(),
  test: z
    .object({
      rows: z.number(),
      sets: z.array(
        z.object({
          kind: z.enum(['lac', 'aps', 'by_class', 'absolute', 'normalised']),
          coverage: z.number(),
          covered: z.number(),
          low: z.number(),
          high: z.number(),
          meanSize: z.number().describe('classes in a set, or the width of an interval'),
          byClass: z.array(z.number().nullable()).optional(),
        }),
      ),
      answering: RiskCoverage,
      calibration: Reliability.nullable(),
    })
    .nullable()
    .describe('the same judged on the sealed rows'),
})
export type Uncertainty = z.infer<typeof Uncertainty>

/** What a prediction is asked to say of how sure it is. */
export const UncertaintyWish = z.object({
  coverage: z.coerce.number().min(0.5).max(0.995).optional().describe('0.9 where only something else is asked for'),
  kind: z
    .enum(['lac', 'aps', 'by_class', 'absolute', 'normalised'])
    .optional()
    .describe('absent: lac for classes, normalised for numbers where the package has it'),
  answer: z.coerce
    .number()
    .min(0.05)
    .max(1)
    .optional()
    .describe('answer only this share of rows, the surest; the others abstain'),
})
export type UncertaintyWish = z.infer<typeof UncertaintyWish>
