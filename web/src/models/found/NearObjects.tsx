import { count } from '../../ui/format.ts'
import type { NearObject } from '../evidence.ts'
import { NearThings } from './NearThings.tsx'

/** Objects of a model of pairs with those nearest to them. */
export const NearObjects = ({ column, objects }: { column: string; objects: readonly NearObject[] }) => (
  <NearThings
    title={`Nearest by ${column}`}
    note="The values that the model treats most alike, by the cosine of their vectors: 1 is the same direction, 0 nothing in common."
    noun="value"
    things={objects.map(({ value, rows, near }) => ({
      name: value,
      often: count(rows, 'row'),
      near: near.map((one) => ({ name: one.value, similarity: one.similarity })),
    }))}
  />
)
