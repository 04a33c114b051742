import type { EndpointRow } from '../store.ts'
import { ScalingPolicy } from './schema.ts'

/** What an endpoint's row says of its room; the usual where it says nothing. */
export const policyOf = (row: Pick<EndpointRow, 'scaling'>): ScalingPolicy =>
  ScalingPolicy.parse(row.scaling === null ? {} : JSON.parse(row.scaling))
