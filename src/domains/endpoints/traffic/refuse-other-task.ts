import { invalidInput } from '../../../kernel/errors.ts'
import type { ModelVersion } from '../../registry/schema.ts'
import { type EndpointRow, signatureOf } from '../store.ts'

/** Whoever asks an endpoint must get the same kind of answer from each of its variants. */
export function refuseOtherTask(row: EndpointRow, version: ModelVersion, variant: string): void {
  const main = signatureOf(row)
  const { signature } = version
  const name = `${version.modelName}:${version.number}`
  if (signature.task !== main.task)
    throw invalidInput(
      `The variant "${variant}" (${name}) is for ${signature.task}, and "${row.name}" answers ${main.task}. Variants answer the same question.`,
      { field: 'variants', variant },
    )
  const before = main.classes ?? []
  const after = signature.classes ?? []
  const missing = before.filter((one) => !after.includes(one))
  const extra = after.filter((one) => !before.includes(one))
  if (missing.length + extra.length > 0)
    throw invalidInput(
      `The variant "${variant}" (${name}) knows other classes than "${row.name}": ${[...missing.map((one) => `"${one}" is missing`), ...extra.map((one) => `"${one}" is new`)].slice(0, 5).join(', ')}.`,
      { field: 'variants', variant, missing, extra },
    )
  const known = new Set(main.inputs.map((input) => input.name))
  const needed = signature.inputs.find((input) => !input.nullable && !known.has(input.name))
  if (needed)
    throw invalidInput(
      `The variant "${variant}" (${name}) needs the column "${needed.name}", which those who ask "${row.name}" do not send.`,
      { field: 'variants', variant, column: needed.name },
    )
}
