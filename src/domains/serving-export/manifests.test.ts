/** The manifests and the Dockerfile of an export, held against the schemas of Kubernetes and a linter of Dockerfiles. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { validate as lint } from 'dockerfile-utils'
import { Deployment } from 'kubernetes-models/apps/v1/Deployment'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler'
import { Service } from 'kubernetes-models/v1/Service'
import { parse, stringify } from 'yaml'
import { autoscaler, deployment, dockerfile, type Exported, kustomization, service } from './manifests.ts'

const exported = (more: Partial<Exported> = {}): Exported => ({
  name: 'churn-live-1',
  endpoint: 'Churn live 1',
  model: 'churn',
  version: 7,
  modelBytes: 40_000_000,
  signature: { task: 'regression', classes: null, positive: null, threshold: null, inputs: [] },
  rows: { count: 10 },
  ...more,
})

const kinds = { Deployment, Service, HorizontalPodAutoscaler }

/** What is wrong with a manifest: values that its schema does not take, and fields that no schema knows. */
function faults(text: string): string[] {
  const plain = parse(text)
  const { validate } = kinds[plain.kind as keyof typeof kinds].prototype
  // The schemas let unknown fields pass, where a cluster drops them: they are those that the validator never looks at.
  const looked = new Set<string>()
  const wrong: string[] = []
  try {
    validate.call(watched(plain, '', looked) as never)
  } catch (error) {
    wrong.push(String((error as Error).message))
  }
  return [...wrong, ...fieldsOf(plain).filter((path) => !looked.has(path))]
}

function watched(value: unknown, path: string, looked: Set<string>): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map((one, i) => watched(one, `${path}/${i}`, looked))
  const inner = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, watched(one, `${path}/${name}`, looked)]))
  return new Proxy(inner, {
    get(target, name) {
      looked.add(`${path}/${String(name)}`)
      return Reflect.get(target, name)
    },
  })
}

function fieldsOf(value: unknown, path = ''): string[] {
  if (value === null || typeof value !== 'object') return []
  if (Array.isArray(value)) return value.flatMap((one, i) => fieldsOf(one, `${path}/${i}`))
  return Object.entries(value).flatMap(([name, one]) => [`${path}/${name}`, ...fieldsOf(one, `${path}/${name}`)])
}

const changed = (text: string, change: (manifest: never) => void): string => {
  const manifest = parse(text)
  change(manifest as never)
  return stringify(manifest)
}

test('manifests are what Kubernetes takes, and know no field that it does not', () => {
  for (const one of [exported(), exported({ name: 'm-9', version: 1, modelBytes: 0 })])
    for (const text of [deployment(one), service(one), autoscaler(one)]) assert.deepEqual(faults(text), [], text)
  const { resources } = parse(kustomization())
  assert.deepEqual(resources, ['deployment.yaml', 'service.yaml', 'hpa.yaml'])
  const [pods, traffic, scaled] = [deployment(exported()), service(exported()), autoscaler(exported())].map((text) => parse(text))
  assert.deepEqual(traffic.spec.selector, pods.spec.selector.matchLabels)
  assert.equal(pods.spec.template.metadata.labels['app.kubernetes.io/name'], traffic.spec.selector['app.kubernetes.io/name'])
  assert.equal(scaled.spec.scaleTargetRef.name, pods.metadata.name)
})

test('a manifest that a cluster would refuse, or read otherwise than meant, is told', () => {
  const text = deployment(exported())
  type Pods = { spec: { replicas?: unknown; template: { spec: { containers: Record<string, unknown>[] } } } }
  const broken: [string, (manifest: Pods) => void][] = [
    ['replicas', (one) => Object.assign(one.spec, { replicas: 'two' })],
    ['containers', (one) => Object.assign(one.spec.template.spec, { containers: undefined })],
    ['containerPort', (one) => Object.assign(one.spec.template.spec.containers[0]!, { ports: [{ containerPort: 'http' }] })],
    ['readynessProbe', (one) => Object.assign(one.spec.template.spec.containers[0]!, { readynessProbe: {} })],
    ['minReplicas', (one) => Object.assign(one.spec, { minReplicas: 2 })],
  ]
  for (const [part, change] of broken) {
    const found = faults(changed(text, change as never))
    assert.ok(
      found.some((fault) => fault.includes(part)),
      `${part}: ${found.join(', ') || 'nothing is found'}`,
    )
  }
})

test('the Dockerfile has nothing that a linter finds', () => {
  assert.deepEqual(lint(dockerfile()), [])
  assert.ok(lint(`${dockerfile()}USR node\n`).length > 0)
})
