import type { Inspection } from '@atoll/sdk'
import { Button } from '../ui/Button.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import { bytes, count } from '../ui/format.ts'
import { Details, Section } from '../ui/Page.tsx'
import { Notice } from '../ui/State.tsx'

const formats: Record<Inspection['format'], string> = {
  onnx: 'ONNX graph',
  gguf: 'GGUF language model',
  transformers: 'Folder of transformers',
  torchscript: 'TorchScript program',
  sklearn: 'Python object (pickle or joblib)',
  xgboost: 'XGBoost model',
  lightgbm: 'LightGBM model',
  catboost: 'CatBoost model',
  custom: 'Folder with code of its own',
}
const containers = { mlflow: ' in a folder of MLflow', sagemaker: ' in a model.tar.gz' }
const ways = {
  server: 'Inputs and outputs are put around the graph; it answers in a process of its own',
  job: 'Its own library opens it in the sandbox, and writes it as a graph where that is proven to answer the same',
  nobody: 'It is served as it is',
}
const marks = {
  pickle:
    'Reading this file runs what it names. What it names was read without loading it, and only a process in the sandbox loads it.',
  code: 'This file is a program. Only a process in the sandbox runs it.',
}

const sizes = (shape: (number | null)[] | null) => (shape ? ` [${shape.map((size) => size ?? 'any').join(', ')}]` : '')

/** What was found in a file without running anything of it. */
export function ImportFound({ filename, found, other }: { filename: string; found: Inspection; other: () => void }) {
  return (
    <Section
      title={filename}
      note="Read without running anything of it"
      actions={
        <Button size="sm" onClick={other}>
          Take another
        </Button>
      }
    >
      {found.marked && (
        <div className="mb-3">
          <Notice severity="warning" word="Can run code">
            {marks[found.marked]}
          </Notice>
        </div>
      )}
      <Details
        rows={[
          ['Format', `${formats[found.format]}${found.container ? containers[found.container] : ''}`],
          ['Model', found.algorithm],
          ['Task', found.task ?? 'not stated'],
          found.classes !== null && ['Classes', found.classes.slice(0, 30).join(', ')],
          found.columns !== null && [
            'Columns',
            `${found.columns
              .slice(0, 40)
              .map(({ name }) => name)
              .join(', ')}${found.columns.length > 40 ? ` and ${found.columns.length - 40} more` : ''}`,
          ],
          found.columns === null && found.width !== null && ['Columns', `${count(found.width, 'column')}, not named`],
          found.graph !== null && [
            'Takes',
            found.graph.inputs.map(({ name, datatype, shape }) => `${name}: ${datatype}${sizes(shape)}`).join('; '),
          ],
          found.graph !== null && [
            'Gives',
            found.graph.outputs.map(({ name, datatype, shape }) => `${name}: ${datatype}${sizes(shape)}`).join('; '),
          ],
          ['Licence', found.licence || 'not stated'],
          ['Size', `${bytes(found.sizeBytes)}${found.files.length > 1 ? `, ${count(found.files.length, 'file')}` : ''}`],
          ['SHA-256', <Copyable key="s" text={found.sha256} shown={found.sha256.slice(0, 16)} />],
          ['How it will answer', ways[found.convertedBy]],
        ]}
      />
      {found.notes.length > 0 && (
        <ul className="mt-3 list-disc space-y-1 pl-5 text-sm text-soft">
          {found.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
    </Section>
  )
}
