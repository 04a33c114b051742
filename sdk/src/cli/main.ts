import { Command } from 'commander'
import { biasCommands } from './commands/bias.ts'
import { binCommands } from './commands/bin.ts'
import { captureCommand } from './commands/capture.ts'
import { compareCommand } from './commands/compare.ts'
import { compressionCommands } from './commands/compression.ts'
import { dataCommands } from './commands/data.ts'
import { demoCommand } from './commands/demo.ts'
import { endpointCommands } from './commands/endpoints.ts'
import { explainCommands } from './commands/explain.ts'
import { generateCommand } from './commands/generate.ts'
import { invocationCommands } from './commands/invocations.ts'
import { logCommand } from './commands/log.ts'
import { loopCommands } from './commands/loops.ts'
import { monitorCommands } from './commands/monitors.ts'
import { predictCommand } from './commands/predict.ts'
import { scalingCommands } from './commands/scaling.ts'
import { scriptCommands } from './commands/scripts.ts'
import { serveCommands } from './commands/serve.ts'
import { settingsCommands } from './commands/settings.ts'
import { trafficCommands } from './commands/traffic.ts'
import { trainCommands } from './commands/train.ts'
import { transformCommands } from './commands/transform.ts'
import { truthCommand } from './commands/truth.ts'
import { weightsCommands } from './commands/weights.ts'
import { UsageError } from './context.ts'

const program = new Command('atoll')
  .description('Atoll: the whole life of a machine-learning model, in the house.')
  .option('--json', 'print one JSON value')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride()

// The server's own commands (up, doctor, backup, restore, secrets) are handed to it by scripts/atoll.mjs; named here for --help.
for (const [name, about] of [
  ['up', 'start the server (--port, --host, --data)'],
  ['doctor', 'what this machine offers and lacks'],
  ['backup <file>', 'write everything into one file'],
  ['restore <file>', 'lay a backup into an empty data folder'],
  ['secrets', 'rotate: encrypt the secrets that were given with a new key'],
] as const)
  program.command(name).description(about)

dataCommands(program)
trainCommands(program)
invocationCommands(program)
transformCommands(program)
weightsCommands(program)
scriptCommands(program)
serveCommands(program)
monitorCommands(program)
trafficCommands(program)
scalingCommands(program)
endpointCommands(program)
loopCommands(program)
compressionCommands(program)
predictCommand(program)
truthCommand(program)
logCommand(program)
captureCommand(program)
generateCommand(program)
biasCommands(program)
explainCommands(program)
compareCommand(program)
binCommands(program)
settingsCommands(program)
demoCommand(program)
for (const command of everyCommand(program))
  if (!command.options.some((option) => option.long === '--json')) command.option('--json', 'print one JSON value')

try {
  await program.parseAsync()
} catch (error) {
  const { exitCode, code } = error as { exitCode?: number; code?: string }
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n`)
  else if (code === undefined) throw error
  process.exitCode = exitCode === 0 ? 0 : 2
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}
