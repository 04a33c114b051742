import { closestName } from '../../kernel/closest.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { Algorithm } from './algorithms.ts'

/** Refuses a search space that names no algorithm or parameter, or whose ranges cannot be gone through. */
export function checkSpace(space: Record<string, Record<string, unknown>> | null, algorithms: readonly Algorithm[]): void {
  for (const [name, ranges] of Object.entries(space ?? {})) {
    const algorithm = algorithms.find((one) => one.name === name)
    if (!algorithm) {
      const near = closestName(
        name,
        algorithms.map((one) => one.name),
      )
      throw invalidInput(`The search space names "${name}", which is no algorithm.${near ? ` Did you mean "${near}"?` : ''}`, {
        field: `search.space.${name}`,
      })
    }
    for (const [parameter, range] of Object.entries(ranges)) checkRange(`${name}.${parameter}`, range)
  }
}

/** A range is {"int": [low, high]}, {"float": [low, high]} or {"choice": […]}; anything else that is no object is a fixed value. */
function checkRange(name: string, range: unknown): void {
  if (typeof range !== 'object' || range === null || Array.isArray(range)) return
  const { int, float, choice, log } = range as Record<string, unknown>
  const facts = { field: `search.space.${name}` }
  const given = [int, float, choice].filter((one) => one !== undefined)
  const bounds = int ?? float
  if (given.length !== 1 || (choice !== undefined ? !Array.isArray(choice) || choice.length === 0 : !isPair(bounds)))
    throw invalidInput(
      `The search space of ${name} is not clear: write {"int": [low, high]}, {"float": [low, high]} or {"choice": [values]}, with "log": true where steps should multiply.`,
      facts,
    )
  if (!isPair(bounds)) return
  const [low, high] = bounds
  if (int !== undefined && !(Number.isInteger(low) && Number.isInteger(high)))
    throw invalidInput(`The search space of ${name} goes from ${low} to ${high}, which are not whole numbers.`, facts)
  if (low > high || (log && low <= 0))
    throw invalidInput(
      `The search space of ${name} goes from ${low} to ${high}; it must go upwards, and start above zero where it is logarithmic.`,
      facts,
    )
}

const isPair = (value: unknown): value is [number, number] =>
  Array.isArray(value) && value.length === 2 && value.every((one) => typeof one === 'number' && Number.isFinite(one))
