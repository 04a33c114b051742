import * as z from 'zod'
import { invalidInput, preconditionFailed } from '../../../kernel/errors.ts'
import type { Principal } from '../../../kernel/principal.ts'
import type { Explainable } from '../../explanations/opened-versions.ts'
import { ExplainInput, ExplainOptions, type Nearest, NearestInput } from '../../explanations/schema.ts'
import type { ExplanationsService } from '../../explanations/service.ts'

/** What may be asked for beside the predictions of rows. */
export const besideFields = {
  explain: z
    .union([z.boolean(), ExplainOptions])
    .optional()
    .describe('why, by contributions of the columns; true, or how; up to 100 rows'),
  nearest: NearestInput.shape.limit
    .removeDefault()
    .optional()
    .describe('so many training rows nearest to each row, for who may read the data; up to 20 rows'),
}
const BesideWishes = z.object(besideFields)
const mostNearestRows = 20

export interface BesideNeeds {
  explanations: Pick<ExplanationsService, 'explainVersion'>
  /** Training rows nearest to a row; refuses who may not read the data set. */
  nearest(by: Principal, version: string, input: z.output<typeof NearestInput>): Promise<z.infer<typeof Nearest>>
}

export interface Predicted {
  by: Principal
  version: Explainable
  wishes: z.output<typeof BesideWishes>
  /** As they came, once they were predicted. */
  rows: readonly unknown[]
  /** The JSON list of the predictions. */
  predictions: string
}

/** What a body asks for beside predictions; null where it asks for nothing. Bodies are parsed only where they may. */
export function besideWishes(request: { text: string; body(): unknown }): z.output<typeof BesideWishes> | null {
  const { text } = request
  if (!text.includes('"explain"') && !text.includes('"nearest"')) return null
  const { explain, nearest } = (request.body() ?? {}) as Record<string, unknown>
  if (explain === undefined && nearest === undefined) return null
  const read = BesideWishes.safeParse({ explain, nearest })
  if (!read.success) {
    const [issue] = read.error.issues
    const field = issue?.path.join('.') ?? ''
    throw invalidInput(
      `"${field}" is not as it should be: ${issue?.message}. Send "explain": true or {"top": 5}, and "nearest": 3.`,
      { field },
    )
  }
  return explain === false && nearest === undefined ? null : read.data
}

export function refuseBeside(request: { text: string; body(): unknown }): void {
  if (besideWishes(request))
    throw preconditionFailed('A language model gives no explanations and knows no nearest examples; ask for neither.', {})
}

/** Puts explanations and nearest training rows beside predictions: asked of a copy of the model, so that nobody else's rows wait. */
export function besidePredictions({ explanations, nearest }: BesideNeeds) {
  return async ({ by, version, wishes, rows: given, predictions }: Predicted): Promise<string> => {
    const columns = new Set(version.signature.inputs.map(({ name }) => name))
    // Fields that were let pass are another variant's, or what a row is about.
    const rows = given.map((row) => Object.fromEntries(Object.entries(row as object).filter(([name]) => columns.has(name))))
    const told = JSON.parse(predictions) as Record<string, unknown>[]
    if (wishes.explain) {
      const input = ExplainInput.safeParse({ ...(wishes.explain === true ? {} : wishes.explain), rows })
      if (!input.success)
        throw invalidInput(`At most 100 rows are explained at once, not ${rows.length}. Send several requests.`, {
          field: 'rows',
        })
      const found = await explanations.explainVersion(version, input.data)
      found.explanations.forEach(({ label: _, probabilities: __, value: ___, ...explanation }, r) => {
        told[r]!.explanation = explanation
      })
    }
    if (wishes.nearest !== undefined) {
      if (rows.length > mostNearestRows)
        throw invalidInput(
          `The nearest examples of at most ${mostNearestRows} rows are looked for at once, not of ${rows.length}.`,
          { field: 'rows' },
        )
      for (const [r, row] of rows.entries())
        told[r]!.nearest = (await nearest(by, version.id, { row, limit: wishes.nearest })).rows
    }
    return JSON.stringify(told)
  }
}
