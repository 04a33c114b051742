import type * as z from 'zod'
import type { EndpointMetrics } from '../endpoints/schema.ts'

/** What an endpoint did in the last minutes. */
export type OperationFigures = z.infer<typeof EndpointMetrics> & { minutes: number }
