import type * as z from 'zod'
import type { Parity, Signature } from '../registry/schema.ts'
import type { Inspection } from './schema.ts'

const plain = (text: string) =>
  text.replace(/\s+/g, ' ').replace(/[<>[\]`*|]/g, (mark) => (mark === '<' ? '&lt;' : mark === '>' ? '&gt;' : `\\${mark}`))

const formatNames: Record<Inspection['format'], string> = {
  onnx: 'an ONNX graph',
  gguf: 'a GGUF language model',
  transformers: 'a folder of transformers (safetensors)',
  torchscript: 'a TorchScript program',
  sklearn: 'a Python object (pickle or joblib)',
  xgboost: 'an XGBoost model',
  lightgbm: 'a LightGBM model',
  catboost: 'a CatBoost model',
  custom: 'a folder with code of its own',
}

/** The card of a version that was brought: what is known of it, and plainly what is not. */
export function importedCard(facts: {
  name: string
  versionId: string
  description: string
  licence: string
  origin: string
  by: string
  at: string
  inspection: Inspection
  signature: Signature
  algorithm: string
  parity: z.infer<typeof Parity> | null
  notes: readonly string[]
}): string {
  const { inspection, signature, parity } = facts
  const container =
    inspection.container === 'mlflow'
      ? ', in a folder of MLflow'
      : inspection.container === 'sagemaker'
        ? ', in a model.tar.gz'
        : ''
  const classes =
    signature.classes && signature.classes.length <= 50 ? ` Classes: ${signature.classes.map(plain).join(', ')}.` : ''
  return `# ${plain(facts.name)}

A model that was brought, not made here. Version id: ${facts.versionId}.
${facts.description ? `\n${plain(facts.description)}\n` : ''}
## What it is

It was given as ${formatNames[inspection.format]}${container}: ${plain(facts.algorithm)}. Task: ${signature.task}${signature.target ? `, "${plain(signature.target)}"` : ''}. It takes ${signature.inputs.length} ${signature.inputs.length === 1 ? 'column' : 'columns'}.${classes}

## Where it is from

Origin: ${plain(facts.origin) || 'not stated'}. Licence: ${plain(facts.licence) || 'not stated'}. Brought by ${plain(facts.by)} at ${facts.at}; SHA-256 of what was brought: ${inspection.sha256}.

## Is it answered as the original does?

${proofOf(parity)}

## Limits

- Nothing is known here of what it learnt from, and nothing was measured on data of this project.
${inspection.marked === 'pickle' ? '- Its file can run code when it is loaded. Only a process in the sandbox loads it; the server never does.\n' : ''}${inspection.marked === 'code' ? '- It is a program. Only a process in the sandbox runs it; the server never does.\n' : ''}${facts.notes.map((note) => `- ${plain(note)}\n`).join('')}`
}

function proofOf(parity: z.infer<typeof Parity> | null): string {
  if (!parity) return 'This was not compared: there were no rows on which the original could be asked.'
  const how =
    parity.served === 'onnx' ? 'by a graph, in a process of its own' : 'by its own library, in a sandboxed Python process'
  const rows = `${parity.rows} rows (${parity.heldOutRows} that were brought, ${parity.injectedRows} made from these or drawn)`
  const why = parity.reason ? ` ${plain(parity.reason)}` : ''
  return parity.passed
    ? `Yes. It is served ${how}; on ${rows} no answer changed, the largest difference is ${parity.maxDiff.toExponential(2)} (allowed: ${parity.tolerance}).${why}`
    : `No: of ${rows}, ${parity.flips} changed. ${why}`
}
