import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const entry = join(import.meta.dirname, '..', '..', '..', 'scripts', 'atoll.mjs')

function atoll(...words: string[]) {
  const env = {
    PATH: process.env.PATH,
    HOME: tmpdir(),
    XDG_CONFIG_HOME: join(tmpdir(), 'atoll-no-config'),
    ATOLL_DATA: join(tmpdir(), 'atoll-no-data'),
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...words], { encoding: 'utf8', env })
  return { status, stdout, stderr }
}

test('wrong usage ends with 2 and says what is missing', () => {
  const noDataset = atoll('train')
  assert.equal(noDataset.status, 2)
  assert.match(noDataset.stderr, /--dataset/)
  assert.equal(atoll('no-such-command').status, 2)
  assert.equal(atoll('train', '--dataset', 'x', '--target', 'y', '--budget', 'soon').status, 2)
})

test('without a server to talk to it says how to get one; --json keeps standard output empty', () => {
  const plain = atoll('datasets', 'list', '--json')
  assert.equal(plain.status, 2)
  assert.equal(plain.stdout, '')
  assert.match(JSON.parse(plain.stderr).error.message, /atoll up/)
})

test('help ends with 0 and names every noun', () => {
  const { status, stdout } = atoll('--help')
  assert.equal(status, 0)
  for (const word of [
    'up',
    'demo',
    'datasets',
    'goals',
    'train',
    'jobs',
    'runs',
    'models',
    'deploy',
    'predict',
    'monitors',
    'backup',
  ])
    assert.match(stdout, new RegExp(`^ +${word}\\b`, 'm'))
})
