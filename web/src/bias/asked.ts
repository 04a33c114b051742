import type { BiasFacet, DataBiasInput } from '@atoll/sdk'

/** What a bias report is asked for, as the address of the page holds it. */
export interface Asked {
  facets: BiasFacet[]
  cross: boolean
  favourable: DataBiasInput['favourable']
  stratum: string | null
}

export function readAsked(text: string | undefined): Asked | null {
  if (!text) return null
  try {
    const found = JSON.parse(text) as Partial<Asked>
    if (!Array.isArray(found.facets) || found.facets.some((facet) => typeof facet?.column !== 'string')) return null
    return {
      facets: found.facets,
      cross: found.cross === true,
      favourable: found.favourable ?? null,
      stratum: found.stratum ?? null,
    }
  } catch {
    return null
  }
}

export const writeAsked = (asked: Asked): string => JSON.stringify(asked)

export const facetName = ({ name, column }: BiasFacet): string => name || column

/** The part of a request that both stages share: every pair of facets is crossed when that is asked. */
export function bodyOf({ facets, cross, favourable, stratum }: Asked) {
  const names = facets.map(facetName)
  const intersections = cross ? names.flatMap((one, i) => names.slice(i + 1).map((other) => [one, other])).slice(0, 10) : []
  return { facets, intersections, favourable, stratum }
}

const telling = /(^|_)(sex|gender|race|ethnic\w*|nationality|religion|disab\w*|marital|personal_status|age|foreign\w*)($|_)/i

/** Facets to begin with: columns whose names tell of people, numbers cut once. */
export function firstFacets(columns: readonly { name: string; type: string }[], target: string | null): BiasFacet[] {
  const found = columns.filter(
    ({ name, type }) => name !== target && telling.test(name) && type !== 'text' && type !== 'datetime',
  )
  const plain = columns.filter(({ name, type }) => name !== target && (type === 'category' || type === 'boolean'))
  return (found.length > 0 ? found : plain)
    .slice(0, 2)
    .map(({ name, type }) => (type === 'number' || type === 'integer' ? { column: name, threshold: 40 } : { column: name }))
}

/** "female = female div/dep/mar | female single", one group a line. */
export function groupsText(groups: BiasFacet['groups']): string {
  return (groups ?? []).map(({ name, values }) => `${name} = ${values.join(' | ')}`).join('\n')
}

export function readGroups(text: string): { groups: NonNullable<BiasFacet['groups']>; problem: string | null } {
  const groups: NonNullable<BiasFacet['groups']> = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const cut = line.indexOf('=')
    const name = line.slice(0, cut).trim()
    const values = line
      .slice(cut + 1)
      .split('|')
      .map((value) => value.trim())
      .filter(Boolean)
    if (cut < 0 || !name || values.length === 0)
      return { groups, problem: `Line ${at + 1}: write a name, = and the values, with | between them.` }
    groups.push({ name, values })
  }
  return { groups, problem: groups.length === 0 ? 'Write at least one group.' : null }
}
