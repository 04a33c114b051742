import * as z from 'zod'
import { type Endpoint, Prediction } from '../schema.ts'
import { type AnswerField, answerFields } from './answer-fields.ts'
import { rowSchema } from './row-schema.ts'

type Json = Record<string, unknown>

/** The OpenAPI 3.1 description of one endpoint, from the signature of what it serves: for generating a client or validating rows beforehand. */
export function endpointOpenApi(endpoint: Endpoint): Json {
  const isText = endpoint.signature.task === 'generation'
  const path = `/v1/endpoints/${endpoint.id}`
  return {
    openapi: '3.1.0',
    info: {
      title: endpoint.name,
      version: `${endpoint.modelName}:${endpoint.versionNumber}`,
      description:
        endpoint.description ||
        `Predictions of ${endpoint.modelName}, version ${endpoint.versionNumber} (${endpoint.signature.task}).`,
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: {
      [`${path}/predict`]: { post: predictOperation(isText) },
      [`${path}/health`]: {
        get: readOperation('health', 'Whether it answers: 200, or 503 with the reason', { $ref: '#/components/schemas/Health' }),
      },
      [`${path}/metadata`]: { get: readOperation('metadata', 'What it serves, takes and answers', { type: 'object' }) },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A personal token: atoll_pat_…' } },
      schemas: {
        Row: isText ? promptSchema : rowSchema(endpoint.signature.inputs, endpoint.capture.key),
        Prediction: predictionSchema(endpoint, isText),
        Predictions: predictionsSchema,
        Health: {
          type: 'object',
          required: ['status', 'endpoint', 'model', 'version'],
          properties: {
            status: { const: 'ok' },
            endpoint: { type: 'string' },
            model: { type: 'string' },
            version: { type: 'integer' },
          },
        },
        Refusal: refusalSchema,
        Problem: problemSchema,
      },
    },
  }
}

const row = { $ref: '#/components/schemas/Row' }

function predictOperation(isText: boolean): Json {
  const wishes = isText
    ? { generation: { type: 'object', description: 'maxTokens, temperature, topP, topK, seed, stop' } }
    : rowWishes
  return {
    operationId: 'predict',
    summary: isText ? 'Whole answers to prompts' : 'Predict rows of raw columns',
    parameters: [
      {
        name: 'Idempotency-Key',
        in: 'header',
        required: false,
        description:
          'Same key and same body: predictions with the same ids, so that a call that is sent again is known as the same.',
        schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
      },
    ],
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            oneOf: [
              { type: 'object', additionalProperties: false, required: ['row'], properties: { row, ...wishes } },
              {
                type: 'object',
                additionalProperties: false,
                required: ['rows'],
                properties: { rows: { type: 'array', minItems: 1, maxItems: isText ? 64 : 10_000, items: row }, ...wishes },
              },
            ],
          },
        },
      },
    },
    responses: {
      '200': answer('A prediction for each row, in their order.', { $ref: '#/components/schemas/Predictions' }),
      '400': refused('The body is not JSON, or holds no rows.'),
      '401': refused('No token, or a wrong one.'),
      '404': refused('No such endpoint, or none that may be seen.'),
      '412': refused('The endpoint is stopped, or cannot do what is asked beside the predictions.'),
      '422': refused('Rows that the model does not take; facts.problems names row and column of each, up to 100.'),
      '429': refused('Too many requests; Retry-After says when to try again.'),
      '503': refused('Not ready; Retry-After says when to try again.'),
    },
  }
}

const rowWishes: Json = {
  uncertainty: {
    type: 'object',
    description: 'Sets or intervals that hold the truth with the coverage.',
    properties: { coverage: { type: 'number', minimum: 0.5, maximum: 0.995 } },
  },
  explain: {
    description: 'true, or settings (method, scale, output, top): why, by contributions of the columns; up to 100 rows.',
    oneOf: [{ type: 'boolean' }, { type: 'object' }],
  },
  nearest: { type: 'integer', minimum: 1, maximum: 50, description: 'So many training rows nearest to each row; up to 20 rows.' },
}

function readOperation(operationId: string, summary: string, schema: Json): Json {
  return {
    operationId,
    summary,
    responses: { '200': answer(summary, schema), '404': refused('No such endpoint.'), '503': refused('Not ready.') },
  }
}

const answer = (description: string, schema: Json): Json => ({ description, content: { 'application/json': { schema } } })
const refused = (description: string): Json => answer(description, { $ref: '#/components/schemas/Refusal' })

const predictionsSchema: Json = {
  type: 'object',
  required: ['endpoint', 'model', 'version', 'predictions', 'warnings'],
  properties: {
    endpoint: { type: 'string' },
    model: { type: 'string' },
    version: { type: 'integer' },
    predictions: { type: 'array', items: { $ref: '#/components/schemas/Prediction' } },
    warnings: { type: 'array', items: { type: 'string' }, description: 'values outside what training saw' },
  },
}

const promptSchema: Json = {
  oneOf: [
    {
      type: 'object',
      additionalProperties: false,
      required: ['prompt'],
      properties: { prompt: { type: 'string', minLength: 1 } },
    },
    {
      type: 'object',
      additionalProperties: false,
      required: ['messages'],
      properties: {
        messages: {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            required: ['role', 'content'],
            properties: { role: { enum: ['system', 'user', 'assistant'] }, content: { type: 'string' } },
          },
        },
      },
    },
  ],
}

const problemSchema: Json = {
  type: 'object',
  required: ['row', 'column', 'problem', 'message'],
  properties: {
    row: { type: 'integer', description: 'from 0' },
    column: { type: ['string', 'null'] },
    problem: { enum: ['missing', 'unknown', 'type', 'value', 'row'] },
    expected: { type: 'string' },
    message: { type: 'string' },
  },
}

const refusalSchema: Json = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message', 'facts'],
      properties: {
        code: { type: 'string' },
        message: { type: 'string' },
        facts: { type: 'object', properties: { problems: { type: 'array', items: { $ref: '#/components/schemas/Problem' } } } },
      },
    },
  },
}

function predictionSchema({ signature }: Endpoint, isText: boolean): Json {
  const known = (z.toJSONSchema(Prediction, { io: 'output' }) as { properties: Record<string, Json> }).properties
  const fields = answerFields(signature)
  const own = fields.filter(({ name }) => !name.startsWith('outputs.'))
  const others = fields.filter(({ name }) => name.startsWith('outputs.'))
  const besides = isText
    ? ['finishReason', 'tokens', 'seconds', 'seed']
    : ['set', 'interval', 'coverage', 'abstain', 'explanation', 'nearest']
  return {
    type: 'object',
    required: ['id', ...own.map(({ name }) => name)],
    properties: {
      id: { type: 'string', description: 'names this prediction for its truth later' },
      ...Object.fromEntries(own.map((field) => [field.name, fieldSchema(field, known)])),
      ...(others.length > 0 && {
        outputs: {
          type: 'object',
          properties: Object.fromEntries(others.map((field) => [field.name.slice('outputs.'.length), fieldSchema(field, known)])),
        },
      }),
      ...Object.fromEntries(besides.filter((name) => known[name]).map((name) => [name, known[name]])),
    },
  }
}

function fieldSchema({ name, kind, width, words }: AnswerField, known: Record<string, Json>): Json {
  switch (kind) {
    case 'text':
      return words ? { type: 'string', enum: words } : { type: 'string' }
    case 'by class':
      return {
        type: 'object',
        required: words,
        additionalProperties: false,
        properties: Object.fromEntries(words!.map((word) => [word, { type: 'number', minimum: 0, maximum: 1 }])),
      }
    case 'numbers':
      return { type: 'array', minItems: width, maxItems: width, items: { type: 'number' } }
    case 'structure':
      return words ? { type: 'array', items: { enum: words } } : (known[name] ?? {})
    default:
      return { type: kind }
  }
}
