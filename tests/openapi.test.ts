/** The description of the API, as it is served, is one that tools can read. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permissions } from '../src/kernel/permissions.ts'
import { openWorld } from './platform-world.ts'

type Json = any

/** Everything in a document with the way to it. */
function* parts(value: Json, at = '#'): Generator<[string, Json]> {
  if (value === null || typeof value !== 'object') return
  yield [at, value]
  for (const [key, part] of Object.entries(value)) yield* parts(part, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
}

const follow = (document: Json, ref: string): Json =>
  ref
    .split('/')
    .slice(1)
    .reduce((at, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document)

const types = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'])

function schemasOf(operation: Json): [string, Json][] {
  const content = (part: Json) => Object.values(part?.content ?? {}).map((one: Json) => one.schema)
  return [
    ...operation.parameters.map((one: Json) => [`parameter ${one.name}`, one.schema]),
    ...content(operation.requestBody).map((schema: Json) => ['body', schema]),
    ...Object.entries(operation.responses).flatMap(([status, reply]) =>
      content(reply).map((schema: Json) => [`reply ${status}`, schema]),
    ),
  ] as [string, Json][]
}

/** What is wrong with a JSON Schema, in words. */
function faultsOf(schema: Json): string[] {
  const faults: string[] = []
  for (const [at, part] of parts(schema)) {
    const isProperties = /\/(properties|\$defs|patternProperties)$/.test(at)
    const isValue = /\/(default|enum|const|examples?|required)(\/|$)/.test(at)
    if (isProperties || isValue || Array.isArray(part)) continue
    for (const type of [part.type ?? []].flat()) if (!types.has(type)) faults.push(`${at}: type ${JSON.stringify(type)}`)
    if (part.enum && (!Array.isArray(part.enum) || part.enum.length === 0)) faults.push(`${at}: an empty enum`)
    for (const name of part.required ?? [])
      if (!Object.hasOwn(part.properties ?? {}, name)) faults.push(`${at}: requires "${name}", which it lacks`)
    if (part.pattern !== undefined && !isRegExp(part.pattern)) faults.push(`${at}: pattern ${part.pattern}`)
    for (const [low, high] of [
      ['minimum', 'maximum'],
      ['minLength', 'maxLength'],
      ['minItems', 'maxItems'],
    ] as const)
      if (part[low] > part[high]) faults.push(`${at}: ${low} above ${high}`)
  }
  return faults
}

function isRegExp(pattern: string): boolean {
  try {
    return Boolean(new RegExp(pattern, 'u'))
  } catch {
    return false
  }
}

test('the served description is whole: every route, unique names, references that lead somewhere, every reply described', async () => {
  const world = await openWorld('sqlite')
  try {
    const { json: document, headers } = await world.call('GET', '/openapi.json', { token: null })
    assert.match(String(headers.get('content-type')), /application\/json/)
    assert.match(document.openapi, /^3\.1\.\d+$/)
    for (const field of ['title', 'version']) assert.ok(document.info[field])

    const operations = Object.entries(document.paths as Record<string, Json>).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Json>).map(([method, operation]) => ({ path, method, operation })),
    )
    assert.deepEqual(
      operations.map(({ path, method }) => `${method.toUpperCase()} ${path}`).sort(),
      world.platform.routes
        .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/\*$/, '{path}')}`)
        .sort(),
    )
    const ids = operations.map(({ operation }) => operation.operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const id of ids) assert.match(id, /^[a-z][A-Za-z0-9]*$/)

    let references = 0
    for (const [at, part] of parts(document)) {
      if (typeof part.$ref !== 'string') continue
      references++
      assert.ok(follow(document, part.$ref), `${at} refers to ${part.$ref}, which is not there`)
    }
    assert.ok(references > operations.length)

    for (const { path, method, operation } of operations) {
      const name = `${method} ${path}`
      assert.ok(operation.summary && operation.tags.length === 1 && operation.description, name)
      assert.ok(Object.hasOwn(permissions, operation['x-permission']), name)
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const told = operation.parameters.filter((one: Json) => one.in === 'path')
      assert.deepEqual(
        told.map((one: Json) => one.name),
        inPath,
        name,
      )
      assert.ok(
        told.every((one: Json) => one.required === true),
        name,
      )
      for (const one of operation.parameters)
        assert.ok(['path', 'query', 'header'].includes(one.in) && one.name && one.schema, name)
      const statuses = Object.keys(operation.responses)
      assert.equal(statuses.filter((status) => /^2\d\d$/.test(status)).length, 1, name)
      for (const status of ['4XX', '5XX']) {
        const reply = follow(document, operation.responses[status].$ref)
        assert.equal(reply.content['application/json'].schema.$ref, '#/components/schemas/Error', name)
      }
      assert.ok(method !== 'get' || !operation.requestBody, `${name} has a body`)
      for (const [what, schema] of schemasOf(operation)) assert.deepEqual(faultsOf(schema), [], `${name}, ${what}`)
    }
    const { code } = document.components.schemas.Error.properties.error.properties
    const refused = await world.call('GET', '/v1/users', { token: null })
    assert.ok(code.enum.includes(refused.json.error.code))
  } finally {
    await world.close()
  }
})

test('the page about the API shows every route and needs nothing from elsewhere', async () => {
  const world = await openWorld('sqlite')
  try {
    const { text, headers } = await world.call('GET', '/docs', { token: null, headers: { accept: 'text/html' } })
    assert.match(String(headers.get('content-type')), /text\/html/)
    assert.match(String(headers.get('content-security-policy')), /default-src 'self'/)
    assert.doesNotMatch(text, /<script|<link|<img|<iframe|@import|url\(|\bon\w+=/i, 'no script, nothing to fetch')
    for (const address of text.matchAll(/(?:href|src)="([^"]*)"/g)) {
      const to = address[1]!
      if (to.startsWith('#')) assert.ok(text.includes(`id="${to.slice(1)}"`), to)
      else assert.equal((await world.call('GET', to, { token: null })).status, 200, to)
    }
    for (const { method, path, summary } of world.platform.routes) {
      assert.ok(text.includes(`>${method}</b> <code>${path.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)}</code>`), path)
      assert.ok(text.includes(summary.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)), summary)
    }
  } finally {
    await world.close()
  }
})
