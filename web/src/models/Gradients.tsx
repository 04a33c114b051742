import type { GradientsInput, Model, ModelVersion } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll } from '../api.ts'
import { Bars } from '../charts/Bars.tsx'
import { exampleRow, isFileInput, type Row, RowForm } from '../endpoints/RowForm.tsx'
import { asSent } from '../endpoints/row-files.ts'
import { Button } from '../ui/Button.tsx'
import { SelectField } from '../ui/Field.tsx'
import { count } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { GradientsView } from './GradientsView.tsx'
import { NearestRows } from './NearestRows.tsx'

const families = ['tabular', 'text', 'image', 'audio']
const noGradients = new Set(['text_tfidf_linear', 'voting', 'stacking', 'bagging', 'blending'])

/** Whether a version is a network that can be asked for its gradients. */
export const hasGradients = ({ manifest, algorithm, signature }: ModelVersion): boolean =>
  manifest.engine !== undefined &&
  families.includes(manifest.engine.family) &&
  manifest.engine.runtime !== 'tabular' &&
  manifest.sandboxOnly.length > 0 &&
  !noGradients.has(algorithm) &&
  signature.decoding === undefined &&
  (signature.classes !== null || signature.target !== null)

/** What a network answers for: columns of a table, words of a text, places of a picture. */
export function Gradients({ model, version }: { model: Model; version: ModelVersion }) {
  const { signature } = version
  const [row, setRow] = useState<Row>(() => exampleRow(signature))
  const [output, setOutput] = useState('')
  const [asked, setAsked] = useState<Row | null>(null)
  const isTable = version.manifest.engine?.family === 'tabular'
  const lacking = signature.inputs.find((input) => isFileInput(input) && !(row[input.name] instanceof File))
  const ask = useMutation({
    mutationFn: async (what: 'row' | 'overall') => {
      const input: GradientsInput = what === 'row' ? { rows: [await asSent(row)] } : { overall: true }
      return atoll.models.gradients(model.id, version.number, { ...input, ...(output && { output }) })
    },
  })
  const one = ask.data?.explanations[0]
  const overall = ask.data?.overall
  return (
    <div className="grid items-start gap-6 xl:grid-cols-2">
      <Section
        title="By gradients"
        note="The network itself is asked, in a sandbox: a few seconds. The parts add up to the answer (Sundararajan et al. 2017)."
      >
        <form
          onSubmit={(event) => {
            event.preventDefault()
            setAsked(row)
            ask.mutate('row')
          }}
        >
          <RowForm signature={signature} row={row} onChange={setRow} />
          {(signature.classes?.length ?? 0) > 1 && (
            <SelectField
              wrap="mt-3 max-w-64"
              label="Class"
              value={output}
              choices={[{ value: '', label: 'the one that it answers' }, ...(signature.classes ?? [])]}
              onChange={setOutput}
            />
          )}
          <div className="mt-4 flex flex-wrap gap-2">
            <Button
              look="primary"
              type="submit"
              busy={ask.isPending && ask.variables === 'row'}
              why={lacking ? `Choose a file for ${lacking.name}.` : null}
            >
              Explain by gradients
            </Button>
            {isTable && (
              <Button busy={ask.isPending && ask.variables === 'overall'} onClick={() => ask.mutate('overall')}>
                On the whole
              </Button>
            )}
          </div>
        </form>
      </Section>
      <Section title="What the answer rests on" className="min-h-40">
        {ask.isPending ? (
          <SkeletonLines lines={6} />
        ) : ask.error ? (
          <ErrorNote error={ask.error} />
        ) : one ? (
          <>
            <GradientsView one={one} what={signature.target ?? 'the answer'} />
            {one.kind === 'words' && asked && <NearestRows model={model} version={version} row={asked} />}
          </>
        ) : overall ? (
          <>
            <Bars
              title="Mean absolute contribution by gradients"
              showTitle={false}
              name="gradients-overall"
              valueLabel="mean absolute contribution"
              summary={`The columns that move the answers most: ${overall.columns
                .slice(0, 3)
                .map(({ column }) => column)
                .join(', ')}.`}
              rows={overall.columns.slice(0, 25).map(({ column, meanAbsolute }) => ({ label: column, value: meanAbsolute }))}
            />
            <p className="mt-1 text-sm text-faint">
              Expected gradients over {count(overall.rows, 'background row')} (Erion et al. 2021).
            </p>
          </>
        ) : (
          <p className="text-soft">{isTable ? 'Fill in a row and ask.' : 'Choose what the model is to read and ask.'}</p>
        )}
      </Section>
    </div>
  )
}
