import type { RawBody } from '../../kernel/raw-body.ts'
import type { RequestTrace } from '../../kernel/request-trace.ts'
import type { FileBody, TextInput } from '../../kernel/route.ts'
import { requestKey } from './contract/request-key.ts'
import type { PredictRequest } from './predict.ts'

type PredictInput = TextInput & { params: { endpoint: string }; query: { project?: string } & AskedInAddress }

interface AskedInAddress {
  coverage?: unknown
  kind?: unknown
  answer?: unknown
}

/** A prediction that is asked over HTTP. */
export class PredictCall implements PredictRequest {
  readonly requestId: string
  readonly project?: string
  /** What the address asks of how sure predictions are. */
  readonly uncertainty?: unknown
  readonly raw: RawBody | undefined
  readonly file: FileBody | undefined
  readonly trace: RequestTrace | undefined
  private readonly input: TextInput
  /** A value of its own: it is handed on alone. */
  readonly body = (): unknown => this.input.body()

  constructor(input: PredictInput) {
    const { query } = input
    this.input = input
    this.raw = input.raw
    this.file = input.file
    this.trace = input.trace
    if (query.project !== undefined) this.project = query.project
    if (query.coverage !== undefined || query.kind !== undefined || query.answer !== undefined)
      this.uncertainty = { coverage: query.coverage, kind: query.kind, answer: query.answer }
    const key = input.header('idempotency-key')
    this.requestId =
      key === undefined
        ? input.requestId
        : requestKey({ key, by: input.principal, endpoint: input.params.endpoint, text: input.text })
  }

  get text(): string {
    return this.input.text
  }

  header(name: string): string | undefined {
    return this.input.header(name)
  }

  hangUp(): AbortSignal {
    return this.input.hangUp()
  }
}
