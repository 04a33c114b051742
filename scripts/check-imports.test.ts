import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkModules, readModule } from './check-imports.ts'

const problemsOf = (files: Record<string, string>) =>
  checkModules(Object.entries(files).map(([path, text]) => readModule(path, text))).problems

test('sees static, type, re-exported, bare and dynamic imports, and no comments', () => {
  const { imports } = readModule(
    'domains/a/b.ts',
    `import { x } from './x.ts'
import type { Y } from '../../kernel/y.ts'
import { type Z } from './z.ts'
export { w } from './w.ts'
import 'node:fs'
// import { no } from './no.ts'
const lazy = await import('./lazy.ts')`,
  )
  assert.deepEqual(
    imports.map(({ to, isType, line }) => [to, isType, line]),
    [
      ['domains/a/x.ts', false, 1],
      ['kernel/y.ts', true, 2],
      ['domains/a/z.ts', true, 3],
      ['domains/a/w.ts', false, 4],
      ['node:fs', false, 5],
      ['domains/a/lazy.ts', false, 7],
    ],
  )
})

test('an import that points up is named with its line', () => {
  const kernel = { 'kernel/a.ts': `import { b } from '../ports/b/b.ts'`, 'ports/b/b.ts': 'export const b = 1' }
  assert.match(problemsOf(kernel).join(), /src\/kernel\/a\.ts:1 imports ports\/b\/b\.ts: kernel must not see ports/)
  const face = { 'domains/a/a.ts': `\nimport type { F } from '../../facades/rest/f.ts'`, 'facades/rest/f.ts': '' }
  assert.match(problemsOf(face).join(), /src\/domains\/a\/a\.ts:2 .*domains must not see facades/)
  assert.deepEqual(problemsOf({ 'facades/rest/f.ts': `import { a } from '../../domains/a/a.ts'`, 'domains/a/a.ts': '' }), [])
})

test('raw files, processes and fetch outside the ports are named; tests may use them', () => {
  assert.match(problemsOf({ 'domains/a/a.ts': `import { readFile } from 'node:fs/promises'` }).join(), /belong in a port/)
  assert.match(problemsOf({ 'facades/rest/a.ts': `import { spawn } from 'node:child_process'` }).join(), /belong in a port/)
  assert.match(problemsOf({ 'domains/a/a.ts': 'const r = await fetch(url)' }).join(), /calls fetch/)
  assert.deepEqual(problemsOf({ 'domains/a/a.ts': `import { isIP } from 'node:net'\nport.fetch(1)\nconst text = 'fetch('` }), [])
  assert.deepEqual(problemsOf({ 'domains/a/a.test.ts': `import { readFile } from 'node:fs/promises'` }), [])
})

test('an adapter is named by the map alone', () => {
  const files = {
    'ports/x/x.ts': 'export interface X {}',
    'ports/x/disk.ts': `import { readFile } from 'node:fs/promises'`,
    'domains/a/a.ts': `import type { X } from '../../ports/x/x.ts'\nimport { open } from '../../ports/x/disk.ts'`,
  }
  assert.deepEqual(problemsOf(files), [
    'src/domains/a/a.ts:2 imports the adapter ports/x/disk.ts: only platform.ts names adapters',
  ])
})

test('an import of a file that is not there is named', () => {
  assert.match(problemsOf({ 'kernel/a.ts': `import { b } from './b.ts'` }).join(), /which is not there/)
})

test('a domain sees only those built before it', () => {
  const files = {
    'platform.ts': `import { aService } from './domains/a/service.ts'\nimport { bRoutes } from './domains/b/routes.ts'\nimport { bService } from './domains/b/service.ts'\n
const b = bService({})\nconst a = aService({ b })\nconst routes = bRoutes(b)`,
    'domains/a/service.ts': `import type { B } from '../b/service.ts'`,
    'domains/b/service.ts': `import type { A } from '../a/service.ts'`,
    'domains/b/routes.ts': '',
  }
  assert.deepEqual(problemsOf(files), [
    'src/domains/b/service.ts:1 imports domains/a/service.ts: a is built after b in platform.ts',
  ])
})
