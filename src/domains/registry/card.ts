import type { Split } from '../datasets/schema.ts'
import { metricTitle } from '../goals/metrics.ts'
import { short } from '../goals/outcome.ts'
import { type Goal, type GoalOutcome, lowerIsBetter, type Metric, type Task } from '../goals/schema.ts'
import type { Derived, Evaluation, Parity, Signature } from './schema.ts'

/** Of a card as it is written; replaced once somebody looked. */
export const fairnessUnknown = 'Fairness between groups of people was not examined.'

/** What a model card is written from: evidence only, nothing that was not measured or declared. */
export interface CardEvidence {
  name: string
  versionId: string
  task: Task
  algorithm: string
  metric: Metric
  goal: Goal | null
  outcome: GoalOutcome | null
  dataset: { name: string; number: number; rows: number | null; columns: number }
  split: Pick<Split, 'id' | 'kind' | 'seed' | 'folds' | 'parts' | 'leaks' | 'groupColumn' | 'timeColumn'> &
    Partial<Pick<Split, 'partColumn'>>
  signature: Signature
  training: TrainingFacts
  evaluation: Evaluation & { diagnosis?: { sentence: string } | null; calibration?: { error?: number } | null }
  parity: Parity
  sealedOpenedAt: string
  /** The version that it was made from, where it was not trained from data alone. */
  derived?: Pick<Derived, 'fromName' | 'summary'> | null
  /** What its network began with, where that was not random numbers. */
  weights?: { name: string; kind?: string; licence: string; origin?: string; commit?: string } | null
}

/** training.json (docs/job-contract.md), the part that the card speaks of. */
export interface TrainingFacts {
  algorithm: string
  params?: Record<string, unknown>
  seed?: number
  validation: Record<string, { mean: number; std: number | null }>
  baseline?: Record<string, unknown>
  threshold?: { value: number; rule: string } | null
  /** The number of the winning trial. */
  trial?: number
  leaderboard?: {
    algorithm: string
    trial?: number
    params?: Record<string, unknown>
    mean: number | null
    std: number | null
  }[]
  ensemble?: { adopted: boolean; reason: string } | null
  derivedFeatures?: { name: string; expression: string; kept: boolean }[]
  export?: { ok: boolean; path: string; reason?: string | null }
  environment?: { python?: string; packages?: Record<string, string> }
  model?: { baseline?: string }
  seconds?: number
  peakMemoryBytes?: number
}

/** The model card in Markdown. */
export function writeCard(evidence: CardEvidence): string {
  return [
    heading(evidence),
    purpose(evidence),
    verdict(evidence),
    data(evidence),
    method(evidence),
    beginnings(evidence),
    performance(evidence),
    decision(evidence),
    leaks(evidence),
    parity(evidence),
    limits(evidence),
    environment(evidence),
  ]
    .filter((section) => section !== '')
    .join('\n\n')
    .concat('\n')
}

const heading = ({ name, versionId, algorithm, task }: CardEvidence) =>
  `# ${text(name)}\n\nA ${words(algorithm)} model for ${taskWords[task]}. Version id: ${versionId}.`

const taskWords: Record<Task, string> = {
  binary: 'a yes-or-no question',
  multiclass: 'a choice among classes',
  regression: 'a number',
  multilabel: 'any number of labels',
  clustering: 'groups of rows that are alike',
  anomaly: 'rows unlike the others',
  projection: 'few coordinates in place of many columns',
  topics: 'the topics of texts',
  embedding: 'words as vectors',
  forecast: 'what comes next in time',
  tokens: 'a label for each word',
  seq2seq: 'a text from a text',
  detection: 'things in images, each with its box',
  segmentation: 'the class of each pixel',
  transcription: 'what is said',
  diarisation: 'who speaks when',
  generation: 'text that goes on from a text',
}

function purpose({ signature, goal }: CardEvidence): string {
  const { task, target, classes, positive, inputs, generation } = signature
  if (task === 'generation')
    return `## What it is for\n\nIt writes text that goes on from a prompt${generation?.chat ? ', or answers in a conversation' : ''}${generation ? `; it sees ${generation.contextLength} tokens at once` : ''}. What it writes is likely, not true: nobody checked it.`
  if (task === 'seq2seq' || task === 'transcription')
    return `## What it is for\n\nIt writes ${taskWords[task]} (\`${target}\`), from ${inputs.map((input) => `\`${input.name}\``).join(', ')}. What it writes is likely, not certain: how often it is wrong stands below.`
  if ((task === 'detection' || task === 'segmentation') && classes)
    return `## What it is for\n\n${
      task === 'detection'
        ? `It finds things of ${classes.length} kinds in images, each with a box and how sure it is`
        : `It says of each pixel of an image to which of ${classes.length} classes it belongs`
    } (${classes.slice(0, 12).map(text).join(', ')}${classes.length > 12 ? ', …' : ''}).${goal?.description ? `\n\n${text(goal.description)}` : ''}`
  const what =
    positive !== null
      ? `the probability that \`${target}\` is "${text(positive)}"`
      : classes
        ? `which of ${classes.length} classes \`${target}\` is (${classes.slice(0, 12).map(text).join(', ')}${classes.length > 12 ? ', …' : ''})`
        : target === null
          ? taskWords[task]
          : `the number \`${target}\``
  const lines = [
    '## What it is for',
    '',
    `It estimates ${what} from ${inputs.length} columns: ${inputs
      .slice(0, 40)
      .map((input) => `\`${input.name}\``)
      .join(', ')}${inputs.length > 40 ? ', …' : ''}.`,
  ]
  if (goal?.description) lines.push('', text(goal.description))
  return lines.join('\n')
}

function verdict({ goal, outcome }: CardEvidence): string {
  if (!goal) return '## Goal\n\nNo goal was set, so nothing says whether this is good enough.'
  const said = outcome ? outcome.sentence : 'Its metric could not be measured on the sealed rows.'
  return `## Goal\n\n${text(goal.sentence)}\n\n**${outcome?.met ? 'Met' : 'Not met'}.** ${said}`
}

function data({ dataset, split }: CardEvidence): string {
  const parts = split.parts.map((part) => `${part.rows} for ${partWords[part.part]}`).join(', ')
  const how = {
    random: 'at random',
    stratified: 'at random with equal shares of each class',
    grouped: `by whole groups of \`${split.groupColumn}\``,
    time: `in the order of \`${split.timeColumn}\`, the latest rows for the test`,
    given: `as it came with the data (column \`${split.partColumn}\`)`,
  }[split.kind]
  return `## Data

Data set "${text(dataset.name)}", version ${dataset.number}: ${dataset.rows ?? 'unknown'} rows, ${dataset.columns} columns. Split ${how} (seed ${split.seed}): ${parts}. The test rows were sealed: nothing that fitted, tuned or chose a threshold could read them. The licence of the data is not known to the platform.`
}

const partWords = { train: 'training', validation: 'validation', test: 'the sealed test' }

/** A licence of weights goes on to what is made from them. */
function beginnings({ weights }: CardEvidence): string {
  if (!weights) return ''
  const from = weights.origin ? `, from ${text(weights.origin)}` : ', from where is not stated'
  const commit = weights.commit ? ` (commit ${weights.commit.slice(0, 12)})` : ''
  return `## What it began with\n\nThe weights "${text(weights.name)}"${from}${commit}. Their licence: ${weights.licence ? `**${text(weights.licence)}**` : 'not stated'}. What it asks of things made from them it asks of this model.`
}

function method({ training, derived }: CardEvidence): string {
  const tried = training.leaderboard?.length ?? 0
  const kept = training.derivedFeatures?.filter((feature) => feature.kept) ?? []
  const lines = [
    '## How it was made',
    '',
    `${capitalised(words(training.algorithm))}${tried > 1 ? `, the best of ${tried} candidates` : ''}, seed ${training.seed ?? 'unknown'}.`,
  ]
  if (derived) lines.push('', `Made from ${text(derived.fromName)}: ${text(derived.summary)}.`)
  if (kept.length > 0)
    lines.push(
      '',
      'Derived columns that paid inside cross-validation:',
      '',
      ...kept.map((one) => `- \`${one.name}\` = \`${one.expression}\``),
    )
  const { members, ...others } = training.params ?? {}
  if (Array.isArray(members))
    lines.push(
      '',
      'Made of:',
      '',
      ...members
        .filter(({ weight }) => weight !== 0)
        .map(({ algorithm, weight }) => `- ${words(algorithm)}${typeof weight === 'number' ? `, weight ${short(weight)}` : ''}`),
    )
  if (training.ensemble) lines.push('', text(training.ensemble.reason))
  const settings = Object.entries(Array.isArray(members) ? others : (training.params ?? {}))
  if (settings.length > 0)
    lines.push('', `Settings: ${settings.map(([key, value]) => `\`${key}\` ${JSON.stringify(value)}`).join(', ')}.`)
  return lines.join('\n')
}

function performance({ evaluation, training, metric, sealedOpenedAt }: CardEvidence): string {
  const names = Object.keys(evaluation.metrics).sort((a, b) => Number(b === metric) - Number(a === metric) || (a < b ? -1 : 1))
  const rows = names.map((name) => {
    const test = evaluation.metrics[name]!
    const folds = training.validation[name]
    const title = metricTitle[name as Metric] ?? name
    const validation = folds ? spread(folds.mean, folds.std) : ''
    return `| ${name === metric ? `**${title}**` : title} | ${short(test.value)} | ${short(test.low)} to ${short(test.high)} | ${validation} | ${baselineOf(training, name)} |`
  })
  const method = Object.values(evaluation.metrics)[0]?.method
  const lines = [
    '## How good it is',
    '',
    `On ${evaluation.rows} sealed rows, opened once for this version on ${minuteOf(sealedOpenedAt)}.`,
    '',
    '| Metric | Sealed test | 95 % interval | Validation | Baseline |',
    '|---|---|---|---|---|',
    ...rows,
  ]
  if (method) lines.push('', `Intervals: ${method}. Validation: mean and spread over folds. ${baselineWords(training)}`)
  if (evaluation.diagnosis?.sentence) lines.push('', text(evaluation.diagnosis.sentence))
  return lines.join('\n')
}

/** 2026-11-21T09:07:47.909Z → "2026-11-21 at 09:07 UTC". */
const minuteOf = (iso: string): string => `${iso.slice(0, 10)} at ${iso.slice(11, 16)} UTC`

const baselineWords = ({ model }: TrainingFacts) =>
  model?.baseline ? `The baseline is ${text(model.baseline)}.` : 'The baseline looks at no column.'

function baselineOf({ baseline }: TrainingFacts, metric: string): string {
  const found = baseline?.[metric]
  if (typeof found === 'number') return short(found)
  const mean = (found as { mean?: unknown } | undefined)?.mean
  return typeof mean === 'number' ? short(mean) : ''
}

function decision({ signature, training, goal }: CardEvidence): string {
  if (signature.threshold === null || signature.positive === null) return ''
  const rule = training.threshold?.rule ? ` It was chosen on validation predictions: ${text(training.threshold.rule)}.` : ''
  const { costFalsePositive: alarm, costFalseNegative: miss } = goal ?? { costFalsePositive: null, costFalseNegative: null }
  const costs =
    alarm !== null && miss !== null
      ? ` A needless alarm costs ${short(alarm)}, a missed "${text(signature.positive)}" ${short(miss)}.`
      : ' No costs of mistakes were declared.'
  return `## Threshold\n\nA row is called "${text(signature.positive)}" from a probability of ${short(signature.threshold)}.${rule}${costs}`
}

function leaks({ split }: CardEvidence): string {
  if (split.leaks.length === 0)
    return '## Leaks\n\nLooked for and not found: copies of the target, the same rows or groups on both sides, rows out of time.'
  return `## Leaks\n\n${split.leaks.map((leak) => `- ${leak.severity}: ${text(leak.message)}`).join('\n')}`
}

function parity({ parity, signature }: CardEvidence): string {
  if (parity.served === 'gguf')
    return `## Served is trained\n\n${parity.rows} prompts of held-out rows were gone on from by training code and by the file that serves it: ${parity.flips} texts differ.${parity.passed ? '' : ' **This is not proven.**'}${parity.reason ? ` ${text(parity.reason)}` : ''}`
  const path = parity.served === 'onnx' ? 'the graph that serves it' : 'the Python worker that serves it'
  if (signature.decoding) {
    const outcome = parity.passed ? '' : ' **This is not within what is allowed.**'
    return `## Served is trained\n\n${parity.rows} held-out rows were answered by training code and by ${path === 'the graph that serves it' ? 'the graphs that serve it' : path}: ${parity.flips} texts differ.${outcome}${parity.reason ? ` ${text(parity.reason)}` : ''}`
  }
  const figures = `${parity.rows} rows (${parity.heldOutRows} held out, ${parity.injectedRows} with missing or unseen values put in) were replayed through training code and through ${path}: ${parity.flips} labels differ, the largest difference is ${parity.maxDiff.toExponential(1)} (tolerance ${parity.tolerance.toExponential(0)}).`
  const failed = parity.passed ? '' : ' **This is not within the tolerance.**'
  const reason = parity.reason ? ` ${text(parity.reason)}` : ''
  return `## Served is trained\n\n${figures}${failed}${reason}`
}

function limits({ signature, split, evaluation, metric }: CardEvidence): string {
  const numbers = signature.inputs.filter((input) => input.min != null && input.max != null)
  const categories = signature.inputs.filter((input) => input.categories?.length)
  const test = evaluation.metrics[metric]
  const lines = ['## Limits', '']
  lines.push(
    '- It learnt from the rows above and holds for rows like them. Ranges and categories that it saw are in `signature.json`; values outside are answered with a warning.',
  )
  if (numbers.length > 0)
    lines.push(
      `- Ranges seen: ${numbers
        .slice(0, 8)
        .map((input) => `\`${input.name}\` ${short(input.min!)} to ${short(input.max!)}`)
        .join(', ')}${numbers.length > 8 ? ', …' : ''}.`,
    )
  if (categories.length > 0)
    lines.push(`- A category not seen in training is handled as the recipe says (${categories.length} columns have categories).`)
  if (split.kind !== 'time') lines.push('- It was not tested on later rows than it learnt from; watch for drift.')
  if (test && Math.abs(test.high - test.low) > 0.1 && !lowerIsBetter.has(metric))
    lines.push(
      `- The interval of the main metric is wide (${short(test.low)} to ${short(test.high)}): more test rows would say more.`,
    )
  if (typeof evaluation.calibration?.error === 'number')
    lines.push(`- Probabilities are off by ${short(evaluation.calibration.error)} on average (expected calibration error).`)
  lines.push(`- ${fairnessUnknown}`)
  return lines.join('\n')
}

function environment({ training }: CardEvidence): string {
  const { python, packages = {} } = training.environment ?? {}
  const listed = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  const took = training.seconds === undefined ? '' : ` Training took ${short(training.seconds)} s.`
  return `## Environment\n\nPython ${python ?? 'unknown'}${listed.length ? `: ${listed.join(', ')}` : ''}.${took}`
}

/** Libraries as they write themselves, other algorithms in words. */
const words = (algorithm: string): string => libraries[algorithm] ?? algorithm.replaceAll('_', ' ')
const libraries: Record<string, string> = {
  lightgbm: 'LightGBM',
  xgboost: 'XGBoost',
  catboost: 'CatBoost',
  svm: 'SVM',
  knn: 'k nearest neighbours',
  mlp: 'multi-layer perceptron',
  tabm: 'TabM',
  tabnet: 'TabNet',
  tab_transformer: 'TabTransformer',
  factorization_machine: 'factorisation machine',
  pair_embeddings: 'pair embeddings',
  kmeans: 'k-means',
  dbscan: 'DBSCAN',
  hdbscan: 'HDBSCAN',
  pca: 'principal components',
  umap: 'UMAP',
  tsne: 't-SNE',
  llm_lora: 'LoRA',
  llm_full: 'fine-tuned language',
  llm_pretrain: 'pre-trained language',
  llm_dpo: 'preference-tuned (DPO) language',
  lda: 'LDA',
  prodlda: 'ProdLDA',
  audio_whisper: 'Whisper',
  text_seq2seq: 'sequence to sequence',
}

const capitalised = (sentence: string): string => sentence.charAt(0).toUpperCase() + sentence.slice(1)

/** Mean and spread with the digits that the spread supports: "0.926 ± 0.016". */
function spread(mean: number, std: number | null): string {
  if (std === null) return short(mean)
  if (!(std > 0)) return `${short(mean)} ± ${short(std)}`
  const decimals = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(std))))
  return `${mean.toFixed(decimals)} ± ${std.toFixed(decimals)}`
}

/** User text in Markdown: no tags, no links, no line breaks of its own. */
const text = (raw: string): string =>
  raw.replace(/\s+/g, ' ').replace(/[<>[\]`*|]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : `\\${mark}`))
