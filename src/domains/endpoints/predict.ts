import { invalidInput, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import type { Events } from '../../kernel/events.ts'
import { noteFault } from '../../kernel/fault-notes.ts'
import type { Principal } from '../../kernel/principal.ts'
import { RawBody } from '../../kernel/raw-body.ts'
import type { RequestTrace } from '../../kernel/request-trace.ts'
import type { FileBody } from '../../kernel/route.ts'
import type { AnyEncoder, EncodedRows } from '../../ports/inference/encode.ts'
import type { RawScores } from '../../ports/inference/inference.ts'
import { answerWidth } from '../../ports/inference/signature.ts'
import type { Access } from '../auth/access.ts'
import { compileUncertain } from '../evaluation/uncertainty/answer.ts'
import { UncertaintyWish } from '../evaluation/uncertainty/schema.ts'
import { type besidePredictions, besideWishes, refuseBeside } from './contract/beside.ts'
import { rowOfFile } from './file-row.ts'
import type { LiveEndpoint } from './live.ts'
import { encodeBeside, isBeside, withoutKey } from './log/key-field.ts'
import { followRun, noteRequest, variantName } from './metrics/follow-request.ts'
import { rowsOf } from './rows-of-body.ts'
import { modelHeader } from './scaling/hosted-models.ts'
import type { RowServing, Serving } from './serving.ts'
import type { EndpointRow } from './store.ts'
import type { LiveVariant } from './traffic/live-traffic.ts'
import { mainVariant } from './traffic/schema.ts'
import type { Answered } from './traffic/shadows.ts'
import { answerPrompts } from './write-rows.ts'

export interface PredictNeeds {
  access: Access
  events: Events
  /** The endpoint in this process, loaded where it is not yet. */
  ready(row: EndpointRow): Promise<LiveEndpoint>
  /** Explanations and nearest examples, where a body asks for them. */
  beside: ReturnType<typeof besidePredictions>
}

/** A request: the text of its body as it came, which captures keep, and how to parse it. */
export interface PredictRequest {
  body(): unknown
  text: string
  /** The body as it came, where it is at hand: what is plain is read from it, and its text never made. */
  raw?: RawBody | undefined
  /** Instead of JSON: one item as a file. */
  file?: FileBody | undefined
  requestId: string
  /** Where somebody follows the request. */
  trace?: RequestTrace | undefined
  /** Aborted when the caller hangs up; asked for only by what takes long. */
  hangUp?(): AbortSignal
  project?: string
  /** Asked for in the address; the body may ask too. */
  uncertainty?: unknown
  /** A header of the request, by its name in small letters. */
  header?(name: string): string | undefined
}

/** How long "this credential may use this endpoint" is believed without asking again. */
const grantMs = 2000
const maxRefs = 1000

interface Grant {
  endpoint: LiveEndpoint
  until: number
}

/** The hot path: from a parsed body to the text of the answer. Who may was decided by the one `authorize`, moments ago at most. */
export function predictor({ access, events, ready, beside }: PredictNeeds) {
  // A principal is one object for as long as its credential is believed.
  let grants = new WeakMap<Principal, Map<string, Grant>>()
  const asking = new Map<string, Promise<LiveEndpoint>>()
  const forget = () => {
    grants = new WeakMap()
  }
  events.on('endpoint.changed', forget)
  events.on('credential.revoked', forget)

  /** Many requests that arrive before the first decision wait for it together. */
  function grantOnce(by: Principal, ref: string, project: string | undefined, key: string): Promise<LiveEndpoint> {
    const whose = `${by.credential.kind} ${by.credential.id ?? by.userId} ${key}`
    let asked = asking.get(whose)
    if (!asked) {
      asked = grant(by, ref, project, key).finally(() => asking.delete(whose))
      asking.set(whose, asked)
    }
    return asked
  }

  async function grant(by: Principal, ref: string, project: string | undefined, key: string): Promise<LiveEndpoint> {
    const row = await access.resolve<EndpointRow>('endpoints', by, ref, project)
    await access.authorize(by, 'endpoints:predict', row)
    refuseStopped(row)
    const endpoint = await ready(row)
    const own = grants.get(by) ?? new Map<string, Grant>()
    if (own.size >= maxRefs) own.clear()
    grants.set(by, own.set(key, { endpoint, until: Date.now() + grantMs }))
    return endpoint
  }

  /** The endpoint that somebody may ask, as it was decided moments ago at most. */
  function mayAsk(
    by: Principal,
    ref: string,
    project: string | undefined,
    now = Date.now(),
  ): LiveEndpoint | Promise<LiveEndpoint> {
    const key = project === undefined ? ref : `${project} ${ref}`
    const granted = grants.get(by)?.get(key)
    const isAwake = granted !== undefined && granted.endpoint.serving !== null
    return isAwake && granted.until > now ? granted.endpoint : grantOnce(by, ref, project, key)
  }

  /** Answers JSON text of `PredictOutput`: at once where nothing need be waited for, which at this pace is most of the cost. */
  function answerText(by: Principal, ref: string, request: PredictRequest): string | Promise<string> {
    const start = performance.now()
    const now = Date.now()
    const asked = mayAsk(by, ref, request.project, now)
    if (asked instanceof Promise) return asked.then((endpoint) => answerSoon(by, endpoint, request, start, now))
    return answerNow(by, asked, request, start, now) ?? answerSoon(by, asked, request, start, now)
  }

  /** A plain body for one model that runs here and at once; null for all others. */
  function answerNow(by: Principal, endpoint: LiveEndpoint, request: PredictRequest, start: number, now: number): string | null {
    const { serving, traffic, gate, metrics } = endpoint
    if (endpoint.hosted !== null || serving === null || serving.answers !== 'rows') return null
    const { raw } = request
    const { predictNow } = serving.model
    if (!predictNow || !raw || request.trace || request.uncertainty !== undefined) return null
    const batch = serving.encoder.encodeBodyOnce(raw)
    const scores = batch && predictNow(batch)
    if (!batch || !scores || (traffic !== null && !traffic.isMainAlone(request))) return null
    gate.enter(by, now)
    let error: unknown = null
    try {
      const list = predictionsOf(serving, scores, batch.rows, request, null)
      const predictions = `[${list}`
      endpoint.captures.record({
        at: now,
        body: raw,
        rows: () => rowsOf(request.body()),
        version: serving.versionId,
        predictions,
      })
      if (traffic !== null)
        shadowRows(endpoint, serving, request, { at: now, rowCount: batch.rows, isPlain: true, predictions, start })
      return `${serving.head}${list},"warnings":[]}`
    } catch (caught) {
      error = caught
      noteFault(caught, { endpoint: endpoint.name, variant: mainVariant })
      throw caught
    } finally {
      gate.leave(by, now, batch.rows)
      const ms = performance.now() - start
      metrics.record(now, ms, batch.rows, error !== null)
      if (traffic !== null) traffic.settled(null, { now, ms, rows: batch.rows, error })
    }
  }

  async function answerSoon(
    by: Principal,
    endpoint: LiveEndpoint,
    request: PredictRequest,
    start: number,
    now: number,
  ): Promise<string> {
    let rowCount = 0
    let error: unknown = null
    let variant: LiveVariant | null = null
    let serving: Serving | null = null
    endpoint.gate.enter(by, now)
    try {
      const model = endpoint.hosted === null ? undefined : request.header?.(modelHeader)
      if (model !== undefined) serving = await endpoint.hosted!.serving(model)
      else if (endpoint.traffic === null) ({ serving } = endpoint)
      else ({ serving, variant } = endpoint.traffic.choose(by, request))
      if (!serving) throw notReady(endpoint)
      serving.inFlight.enter()
      if (serving.answers === 'text') {
        refuseBeside(request)
        const rows = promptsOf(request, endpoint.name)
        rowCount = rows.length
        const predictions = await answerPrompts(endpoint, serving, {
          requestId: request.requestId,
          body: () => request.body(),
          at: now,
          rows,
        })
        const { generation } = request.body() as { generation?: object }
        const asked = rows.map((row) => ({ ...generation, ...(row as object) }))
        shadow(endpoint, { at: now, rowCount, rows: () => asked, predictions, ms: performance.now() - start })
        return `${serving.head}${predictions.slice(1)},"warnings":[]}`
      }
      const read = request.file
        ? encodedFile(serving, request.file, endpoint.captures.key)
        : encoded(serving.encoder, request, endpoint.captures.key)
      // What needs no preparing is not waited for: a turn of the loop is longer than reading a row.
      const { batch, warnings, forCapture, isPlain } = read instanceof Promise ? await read : read
      rowCount = batch.rows
      const uncertain = isPlain && request.uncertainty === undefined ? null : uncertainOf(serving, request)
      const wishes = isPlain ? null : besideWishes(request)
      const run = followRun(request.trace)
      const scores = await inTime(
        endpoint,
        serving,
        serving.model.predict(
          batch,
          serving.signature.decoding || serving.signature.turns
            ? { signal: request.hangUp?.(), timing: run?.timing }
            : run?.options,
        ),
      )
      run?.done()
      let predictions = `[${predictionsOf(serving, scores, rowCount, request, uncertain)}`
      const answered = request.trace && performance.now()
      endpoint.captures.record({
        at: now,
        body: request.text,
        rows: () => rowsOf(request.body()),
        forCapture,
        version: serving.versionId,
        variant: serving.variant,
        predictions,
      })
      if (answered) request.trace!.span('capture', answered, performance.now())
      if (endpoint.traffic !== null) shadowRows(endpoint, serving, request, { at: now, rowCount, isPlain, predictions, start })
      if (wishes) predictions = await beside({ by, version: serving.about, wishes, rows: rowsOf(request.body()), predictions })
      return `${serving.head}${predictions.slice(1)},"warnings":${warnings.length === 0 ? '[]' : JSON.stringify(warnings)}}`
    } catch (caught) {
      error = caught
      noteFault(caught, { endpoint: endpoint.name, variant: variantName(serving) })
      throw caught
    } finally {
      if (request.trace) noteRequest(request.trace, { endpoint, serving, rows: rowCount })
      serving?.inFlight.leave()
      endpoint.gate.leave(by, now, rowCount)
      const ms = performance.now() - start
      endpoint.metrics.record(now, ms, rowCount, error !== null)
      if (serving && endpoint.traffic !== null) endpoint.traffic.settled(variant, { now, ms, rows: rowCount, error })
    }
  }

  return { answerText, mayAsk }
}

type Uncertain = (answer: string, scores: RawScores, row: number) => string

/** The JSON list of predictions, with their ids, from behind its opening bracket: the head of an answer ends with that. */
function predictionsOf(
  serving: RowServing,
  scores: RawScores,
  rows: number,
  { requestId }: PredictRequest,
  uncertain: Uncertain | null,
): string {
  let text = ''
  for (let r = 0; r < rows; r++) {
    const answer = serving.answer(scores, r, rows === 1 ? requestId : `${requestId}.${r}`)
    text += `${r === 0 ? '' : ','}${uncertain ? uncertain(answer, scores, r) : answer}`
  }
  return `${text}]`
}

/** An answer within the time its endpoint allows. What runs in this process is not timed: it would hold up the clock too. */
function inTime(endpoint: LiveEndpoint, { model }: RowServing, scores: Promise<RawScores>): Promise<RawScores> {
  const { timeoutSeconds } = endpoint.policy
  if (model.place === 'inline' || timeoutSeconds >= usualTimeoutSeconds) return scores
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(
          new PlatformError(
            'timeout',
            `"${endpoint.name}" did not answer within its ${timeoutSeconds} s. Send fewer rows, or allow more time.`,
            {
              timeoutSeconds,
            },
          ),
        ),
      timeoutSeconds * 1000,
    ).unref()
    scores.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Workers give up after that by themselves. */
const usualTimeoutSeconds = 60

/** Lets the shadows of an endpoint be asked what was just answered. */
export function shadow(endpoint: LiveEndpoint, answered: Answered): void {
  const { traffic } = endpoint
  if (traffic?.hasShadows) traffic.shadows.ask(traffic.others, answered)
}

function shadowRows(
  endpoint: LiveEndpoint,
  serving: RowServing,
  request: PredictRequest,
  {
    start,
    isPlain,
    ...answered
  }: { at: number; rowCount: number; predictions: string; isPlain: boolean | undefined; start: number },
): void {
  if (!endpoint.traffic?.hasShadows) return
  const { key } = endpoint.captures
  const ms = performance.now() - start
  shadow(endpoint, { ...answered, ms, raw: isPlain ? request.raw : undefined, rows: () => rowsToAsk(serving, request, key) })
}

async function rowsToAsk(
  { signature, encoder }: RowServing,
  request: PredictRequest,
  key: string | null,
): Promise<readonly unknown[]> {
  const given = request.file ? [await rowOfFile(signature, request.file)] : rowsOf(request.body())
  return isBeside(encoder, key) ? given.map((row) => withoutKey(row, key)) : given
}

export const notReady = (endpoint: Pick<LiveEndpoint, 'name' | 'message' | 'state'>) =>
  new PlatformError('unavailable', `The endpoint "${endpoint.name}" is not ready: ${endpoint.message ?? endpoint.state}.`)

function promptsOf(request: PredictRequest, endpoint: string): unknown[] {
  if (request.file)
    throw new PlatformError(
      'unsupported_type',
      `The endpoint "${endpoint}" takes texts, not files. Send {"rows": [{"prompt": "…"}]} as application/json.`,
    )
  return rowsOf(request.body())
}

/** Adds to a row's answer how sure it is, where that is asked for; null where not. */
function uncertainOf(
  { uncertainty, signature }: Pick<RowServing, 'uncertainty' | 'signature'>,
  request: PredictRequest,
): Uncertain | null {
  // Bodies are parsed only where they may ask: most are read without.
  const asked = request.text.includes('"uncertainty"') ? (request.body() as { uncertainty?: unknown }).uncertainty : undefined
  const wish = asked ?? request.uncertainty
  if (wish === undefined) return null
  const read = UncertaintyWish.safeParse(wish)
  if (!read.success)
    throw invalidInput(`"uncertainty" is not as it should be: ${read.error.issues[0]?.message}. Send {"coverage": 0.9}.`, {
      field: `uncertainty.${read.error.issues[0]?.path.join('.') ?? ''}`,
    })
  if (!uncertainty)
    throw preconditionFailed('This version keeps nothing of how sure it is. Train a version anew: those made since do.', {})
  const said = compileUncertain(uncertainty, signature, read.data)
  return (answer, scores, row) => {
    const one = said(scores.values.subarray(row * scores.width, row * scores.width + answerWidth(signature)))
    return `${answer.slice(0, -1)},${JSON.stringify(one).slice(1)}`
  }
}

/** Most bodies are written as the one before and need no parsing. */
function encoded(encoder: AnyEncoder, request: PredictRequest, key: string | null): EncodedRows | Promise<EncodedRows> {
  const batch = encoder.encodeBody(request.raw ?? RawBody.of(request.text))
  if (batch !== null) return { batch, warnings: [], isPlain: true }
  const rows = rowsOf(request.body())
  if (isBeside(encoder, key)) return encodeBeside(encoder, rows, key)
  const result = encoder.encode(rows)
  encoder.learn(rows)
  return result
}

async function encodedFile({ encoder, signature }: RowServing, file: FileBody, key: string | null): Promise<EncodedRows> {
  const rows = [await rowOfFile(signature, file)]
  return isBeside(encoder, key) ? encodeBeside(encoder, rows, key) : encoder.encode(rows)
}

export function refuseStopped(row: EndpointRow): void {
  if (row.running) return
  throw preconditionFailed(`The endpoint "${row.name}" is stopped. Start it before sending rows.`, { endpoint: row.id })
}
