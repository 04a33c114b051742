import * as z from 'zod'

export const methods = ['auto', 'exact', 'permutation', 'kernel', 'linear', 'tree', 'lime'] as const

/** How rows are to be explained. */
export const ExplainOptions = z.object({
  method: z
    .enum(methods)
    .default('auto')
    .describe('auto: linear where the model adds up, exact for few columns, else permutation'),
  scale: z
    .enum(['answer', 'log_odds'])
    .default('answer')
    .describe('contributions to the probability or value, or to its log odds'),
  output: z
    .string()
    .max(500)
    .optional()
    .describe('the class that is explained; absent: the positive one, or the predicted one of several'),
  top: z.number().int().min(1).max(1000).optional().describe('only so many columns; the others are summed in `rest`'),
  rounds: z.number().int().min(1).max(50).optional().describe('walks per background row of a sampled method'),
  samples: z.number().int().min(50).max(5000).optional().describe('lime: how many neighbours are asked for'),
  column: z.string().max(500).optional().describe('lime: the text to take apart word by word'),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31)
    .default(0),
})

export const ExplainInput = ExplainOptions.extend({
  rows: z.array(z.record(z.string(), z.unknown())).min(1).max(100).optional(),
  row: z.record(z.string(), z.unknown()).optional(),
}).refine(({ rows, row }) => (rows === undefined) !== (row === undefined), 'Send either "rows" or "row".')

export const Contribution = z.object({
  column: z.string(),
  /** What the row holds there. */
  value: z.unknown(),
  contribution: z.number(),
  /** Standard error of a sampled method. */
  error: z.number().nullable(),
})

export const Explanation = z.object({
  label: z.string().optional(),
  probabilities: z.record(z.string(), z.number()).optional(),
  value: z.number().optional(),
  output: z.string().nullable().describe('the class that is explained; null for a number'),
  base: z.number().describe('the mean answer over the background rows'),
  answer: z.number().describe('the answer for this row; base, contributions and rest add up to it'),
  contributions: z.array(Contribution).describe('the largest first'),
  rest: z.number().describe('sum of the contributions that `top` left out'),
  method: z.string(),
  evaluations: z.number(),
  scale: z
    .enum(['answer', 'log_odds', 'margin'])
    .describe('what base, contributions and answer are; margin: what several classes are made from'),
  fit: z
    .number()
    .optional()
    .describe('lime: the share of the variance nearby that the line explains; what it misses is in `rest`'),
  features: z
    .array(z.object({ feature: z.string(), contribution: z.number() }))
    .optional()
    .describe('trees: the prepared features that mattered most'),
})

export const ExplainOutput = z.object({
  model: z.string(),
  version: z.number(),
  backgroundRows: z.number(),
  explanations: z.array(Explanation),
  warnings: z.array(z.string()),
})
export type ExplainOutput = z.infer<typeof ExplainOutput>

export const GradientsInput = z
  .object({
    rows: z.array(z.record(z.string(), z.unknown())).min(1).max(20).optional(),
    overall: z.literal(true).optional().describe('tables: the mean over the background rows instead of single rows'),
    method: z
      .enum(['integrated_gradients', 'expected_gradients'])
      .optional()
      .describe(
        'tables: from the mean row, or (usual) from every background row in turn; texts and images: integrated gradients',
      ),
    output: z.string().max(500).optional().describe('the class that is explained'),
  })
  .refine(({ rows, overall }) => (rows === undefined) !== (overall === undefined), 'Send either "rows" or "overall".')

/** What a network's answer rests on: base, all parts and `gap` add up to the answer. */
export const GradientExplanation = z.object({
  kind: z.enum(['columns', 'words', 'pixels']),
  output: z.string().nullable(),
  method: z.string(),
  base: z.number().describe('the answer to what it is compared with'),
  answer: z.number(),
  gap: z.number().describe('what the parts lack to add up: the error of the sum that stands for an integral'),
  points: z.number().describe('points of each way at which gradients were taken'),
  contributions: z.array(z.object({ column: z.string(), value: z.unknown(), contribution: z.number() })).optional(),
  words: z
    .array(z.object({ text: z.string(), contribution: z.number().nullable() }))
    .optional()
    .describe('pieces that put together are the text; null where the model reads nothing'),
  size: z.array(z.number()).optional().describe('height and width of the picture as the network sees it'),
  seen: z.string().optional().describe('that picture, as a data URL'),
  cells: z.array(z.array(z.number())).optional().describe('the heat of each cell of a fine grid over it'),
  regions: z.array(z.array(z.number())).optional().describe('and of a grid of 7 x 7'),
  sound: z
    .object({ seconds: z.number(), highestHz: z.number() })
    .optional()
    .describe('where the picture is a spectrogram: how long it is, and the highest note at its top'),
})
export type GradientExplanation = z.infer<typeof GradientExplanation>
export const Gradients = z.object({
  model: z.string(),
  version: z.number(),
  explanations: z.array(GradientExplanation),
  overall: z
    .object({
      rows: z.number(),
      method: z.string(),
      columns: z.array(z.object({ column: z.string(), meanAbsolute: z.number() })),
    })
    .nullable(),
})

export const HeldOutQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  order: z
    .enum(['first', 'wrong', 'unsure'])
    .default('first')
    .describe('wrong: mistakes made with the most confidence; unsure: nearest to a tie'),
})
/** Sealed rows as a client would send them, and what the version said. */
export const HeldOut = z.object({
  rows: z.array(
    z.object({ number: z.number(), actual: z.unknown(), predicted: z.unknown(), row: z.record(z.string(), z.unknown()) }),
  ),
})

export const DependenceInput = z.object({
  column: z.string().max(500),
  with: z.string().max(500).optional().describe('a second column: the mean answer over both'),
  points: z.number().int().min(2).max(50).default(20),
  output: z.string().max(500).optional().describe('the class; absent: the positive one, or the first of several'),
})
/** How the answer moves with a column, over the background rows. */
export const Dependence = z.object({
  column: z.string(),
  output: z.string().nullable(),
  values: z.array(z.union([z.number(), z.string()])),
  mean: z.array(z.number()).describe('partial dependence (Friedman 2001)'),
  rows: z.array(z.array(z.number())).optional().describe('a line for each of at most 50 rows (Goldstein et al. 2015)'),
  accumulated: z.array(z.number()).optional().describe('accumulated local effects of a number, around 0 (Apley and Zhu 2020)'),
  pair: z
    .object({ column: z.string(), values: z.array(z.union([z.number(), z.string()])), mean: z.array(z.array(z.number())) })
    .optional(),
})

export const NearestInput = z.object({
  row: z.record(z.string(), z.unknown()),
  limit: z.number().int().min(1).max(50).default(5),
})
/** Training rows nearest to a row, by the columns that move the answers. */
export const Nearest = z.object({
  rows: z.array(
    z.object({
      number: z.number(),
      actual: z.unknown(),
      distance: z.number().describe('0 the same, 1 as far as can be'),
      row: z.record(z.string(), z.unknown()),
    }),
  ),
})

/** background.json of a package: training rows that stand for "not knowing" a column. */
export const Background = z.object({
  rows: z.array(z.record(z.string(), z.unknown())),
  from: z.string(),
  seed: z.number(),
})

/** shap.json of a package: contributions over held-out rows. */
export const GlobalShap = z.object({
  method: z.string(),
  rows: z.number(),
  backgroundRows: z.number(),
  /** Classes in the order of `meanAbsolute`; null for a number. */
  outputs: z.array(z.string()).nullable(),
  base: z.array(z.number()),
  columns: z.array(
    z.object({
      column: z.string(),
      type: z.string(),
      /** Mean absolute contribution by output. */
      meanAbsolute: z.array(z.number()),
      /** By row: the contribution to the output that was explained there. Absent for columns that hardly matter. */
      contributions: z.array(z.number()).optional(),
      /** By row: where its value lies among the rows, from 0 to 1; null where values have no order or are missing. */
      places: z.array(z.number().nullable()).optional(),
    }),
  ),
})
export type GlobalShap = z.infer<typeof GlobalShap>
