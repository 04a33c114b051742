import { closestName } from '../../kernel/closest.ts'
import { invalidInput } from '../../kernel/errors.ts'
import type { ParameterRule, ParametersRule, Step } from './catalogue.ts'
import type { RecipeStep } from './schema.ts'

export interface RawColumn {
  name: string
  type: string
}

const selectors = new Set(['*numbers', '*categories', '*texts', '*datetimes', '*all'])
/** Steps that make columns whose names depend on the data. */
const namesDependOnData = new Set([
  'one_hot',
  'hash_encode',
  'date_parts',
  'time_since',
  'tfidf',
  'pca',
  'interact',
  'polynomial',
  'impute',
  'ratio',
])

/**
 * Refuses steps that the catalogue does not know, parameters it does not allow, and columns that are not there, naming the step (from 1),
 * the column and the nearest existing name. Without columns (no data set yet) only steps and parameters are checked.
 */
export function checkSteps(
  catalogue: ReadonlyMap<string, Step>,
  steps: readonly RecipeStep[],
  given: { columns: readonly RawColumn[]; target: string | null } | null,
): void {
  const known = given && new KnownColumns(given.columns, given.target)
  steps.forEach((step, i) => {
    const number = i + 1
    const info = catalogue.get(step.step)
    if (!info) {
      const near = closestName(step.step, catalogue.keys())
      throw invalidInput(
        `Step ${number}: there is no step "${step.step}". ${near ? `Did you mean "${near}"?` : `Steps are ${[...catalogue.keys()].join(', ')}.`}`,
        { field: `steps.${i}.step`, step: number, stepName: step.step },
      )
    }
    checkParameters(info, step, number)
    known?.check(step, number)
    known?.apply(step)
  })
}

function checkParameters(info: Step, step: RecipeStep, number: number): void {
  const { properties, required = [] } = info.parameters as unknown as ParametersRule
  const where = `Step ${number} (${step.step})`
  const facts = (name: string) => ({ field: `steps.${number - 1}.${name}`, step: number, stepName: step.step, parameter: name })
  for (const [name, value] of Object.entries(step)) {
    if (name === 'step') continue
    const rule = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (!rule) {
      const near = closestName(name, Object.keys(properties))
      const all = Object.keys(properties).join(', ') || 'none'
      throw invalidInput(
        `${where}: there is no parameter "${name}". ${near ? `Did you mean "${near}"?` : `Its parameters are ${all}.`}`,
        facts(name),
      )
    }
    if (value === null || value === undefined) continue
    const wrong = wrongValue(value, rule)
    if (wrong) throw invalidInput(`${where}: "${name}" is ${JSON.stringify(value)}, but ${wrong}.`, facts(name))
  }
  const absent = required.find((name) => step[name] === undefined || step[name] === null)
  if (absent)
    throw invalidInput(
      `${where}: the parameter "${absent}" is needed. ${properties[absent]?.description ?? ''}`.trim(),
      facts(absent),
    )
}

function wrongValue(value: unknown, rule: ParameterRule): string | null {
  const kinds = rule.type === undefined ? [] : [rule.type].flat()
  if (kinds.length > 0 && !kinds.some((kind) => isOfKind(value, kind))) return `must be ${kinds.join(' or ')}`
  if (rule.enum && !rule.enum.includes(value)) return `must be one of ${rule.enum.join(', ')}`
  if (typeof value === 'number') {
    if (rule.minimum !== undefined && value < rule.minimum) return `must be at least ${rule.minimum}`
    if (rule.exclusiveMinimum !== undefined && value <= rule.exclusiveMinimum) return `must be above ${rule.exclusiveMinimum}`
    if (rule.maximum !== undefined && value > rule.maximum) return `must be at most ${rule.maximum}`
  }
  if (Array.isArray(value) && rule.items)
    for (const item of value) {
      const wrong = wrongValue(item, rule.items)
      if (wrong) return `${JSON.stringify(item)} in it ${wrong}`
    }
  return null
}

function isOfKind(value: unknown, kind: string): boolean {
  if (kind === 'number') return typeof value === 'number' && Number.isFinite(value)
  if (kind === 'integer') return Number.isInteger(value)
  if (kind === 'array') return Array.isArray(value)
  if (kind === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (kind === 'null') return value === null
  return typeof value === kind
}

/** The columns as the steps go by: raw ones, derived ones by their names, and whether some have names that only the data gives. */
class KnownColumns {
  private readonly names: Set<string>
  private readonly target: string | null
  private hasUnknownNames = false

  constructor(columns: readonly RawColumn[], target: string | null) {
    this.names = new Set(columns.map((column) => column.name).filter((name) => name !== target))
    this.target = target
  }

  check(step: RecipeStep, number: number): void {
    for (const { name, parameter } of columnsIn(step, this.names)) {
      if (this.names.has(name)) continue
      const facts = { field: `steps.${number - 1}.${parameter}`, step: number, stepName: step.step, column: name }
      if (name === this.target)
        throw invalidInput(
          `Step ${number} (${step.step}): "${name}" is the target; a recipe works on the other columns only.`,
          facts,
        )
      if (name.startsWith('*')) {
        if (selectors.has(name)) continue
        throw invalidInput(
          `Step ${number} (${step.step}): "${name}" is no selector. Selectors are ${[...selectors].join(', ')}.`,
          facts,
        )
      }
      if (this.hasUnknownNames && this.looksDerived(name)) continue
      const near = closestName(name, this.names)
      throw invalidInput(
        `Step ${number} (${step.step}): there is no column "${name}" at that point. ${near ? `Did you mean "${near}"?` : `Columns are ${listed([...this.names])}.`}`,
        facts,
      )
    }
  }

  /** Steps name what they make after the column it comes from, a separator between. */
  private looksDerived(name: string): boolean {
    return (
      /^pca?_?\d+$/.test(name) ||
      [...this.names].some((known) => name.startsWith(known) && /^[^\p{L}\p{N}]/u.test(name.slice(known.length)))
    )
  }

  apply(step: RecipeStep): void {
    if (typeof step.name === 'string' && (step.step === 'derive' || step.step === 'ratio')) this.names.add(step.name)
    if (namesDependOnData.has(step.step)) this.hasUnknownNames = true
    const listedColumns = Array.isArray(step.columns) ? step.columns : []
    if (step.step === 'drop_columns') for (const name of listedColumns) this.names.delete(name)
    if (step.step === 'keep_columns') for (const name of this.names) if (!listedColumns.includes(name)) this.names.delete(name)
    if (step.step === 'rename')
      for (const [from, to] of Object.entries((step.names ?? {}) as Record<string, unknown>)) {
        this.names.delete(from)
        if (typeof to === 'string') this.names.add(to)
      }
  }
}

function columnsIn(step: RecipeStep, known: ReadonlySet<string>): { name: string; parameter: string }[] {
  const found = [step.columns ?? []].flat().map((name) => ({ name, parameter: 'columns' }))
  for (const parameter of ['numerator', 'denominator'])
    if (typeof step[parameter] === 'string') found.push({ name: step[parameter] as string, parameter })
  if (step.step === 'rename')
    for (const name of Object.keys((step.names ?? {}) as object)) found.push({ name, parameter: 'names' })
  if (typeof step.expression === 'string')
    for (const name of namesInExpression(step.expression, known)) found.push({ name, parameter: 'expression' })
  return found
}

/** Column names in an expression: bare words that are not functions, and whatever stands in backticks. */
function namesInExpression(expression: string, known: ReadonlySet<string>): string[] {
  const names: string[] = []
  const words = /'[^']*'|"[^"]*"|`((?:[^`]|``)*)`|([\p{L}_][\p{L}\p{N}_]*)\s*(\(?)/gu
  for (const [, quoted, bare, bracket] of expression.matchAll(words)) {
    if (quoted !== undefined) names.push(quoted.replaceAll('``', '`'))
    else if (
      bare &&
      !bracket &&
      (known.has(bare) || !['and', 'or', 'not', 'true', 'false', 'missing'].includes(bare.toLowerCase()))
    )
      names.push(bare)
  }
  return names
}

const listed = (names: string[]): string =>
  names.length > 20 ? `${names.slice(0, 20).join(', ')} and ${names.length - 20} more` : names.join(', ')
