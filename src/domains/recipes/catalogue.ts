import type * as z from 'zod'
import type { Files } from '../../ports/files/files.ts'
import type { StepInfo } from './schema.ts'

export type Step = z.infer<typeof StepInfo>

/** A parameter's rule: the part of JSON Schema that the catalogue uses. */
export interface ParameterRule {
  type?: string | string[]
  enum?: unknown[]
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  items?: ParameterRule
  default?: unknown
  description?: string
}
export interface ParametersRule {
  properties: Record<string, ParameterRule>
  required?: string[]
}

/** The steps that the engines know, by name. The engines' own file is the one description of them. */
export async function readCatalogue({
  files,
  enginesFolder,
}: {
  files: Files
  enginesFolder: string
}): Promise<Map<string, Step>> {
  const { steps } = (await files.readJson(enginesFolder, 'atoll_engines/recipes/catalogue.json')) as {
    steps: Step[]
  }
  return new Map(
    steps.map(({ step, title, subject, does, accepts, missing, unseen, trainingOnly, parameters }) => [
      step,
      { step, title, subject, does, accepts, missing, unseen, trainingOnly, parameters },
    ]),
  )
}
