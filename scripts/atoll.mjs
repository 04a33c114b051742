#!/usr/bin/env node
// The one entry of the command line. Runs under any Node >= 20 and hands over to the Node that the package brings.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const packaged = join(root, 'node_modules', '.bin', 'node')
const serverCommands = new Set(['up', 'doctor', 'backup', 'restore', 'secrets'])
const words = process.argv.slice(2)
const first = words.find((word) => !word.startsWith('-'))
const entry =
  first && serverCommands.has(first) && !words.includes('--help')
    ? join(root, 'src', 'main.ts')
    : join(root, 'sdk', 'src', 'cli', 'main.ts')

const child = spawn(
  existsSync(packaged) ? packaged : process.execPath,
  ['--disable-warning=ExperimentalWarning', entry, ...words],
  { stdio: 'inherit' },
)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => {
  if (signal) process.kill(process.pid, signal)
  process.exitCode = code ?? 1
})
