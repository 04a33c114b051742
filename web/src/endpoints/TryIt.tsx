import type { Endpoint } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { atoll, changed, fieldOf } from '../api.ts'
import { useProject, useProjectRef } from '../app/project.ts'
import { WhyRow } from '../models/WhyRow.tsx'
import { NearestImages } from '../places/NearestImages.tsx'
import { Button } from '../ui/Button.tsx'
import { CodeBlock } from '../ui/CopyButton.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { LanguageChoice, TokenLink } from './LanguageChoice.tsx'
import { PredictionAnswer } from './PredictionAnswer.tsx'
import { exampleRow, isFileInput, type Row, RowForm } from './RowForm.tsx'
import { asSent, filesOf } from './row-files.ts'
import { type Language, snippet } from './snippets.ts'

/** Ask the endpoint with a form made from its signature; the same request as code beside it. */
export function TryIt({ endpoint }: { endpoint: Endpoint }) {
  const ref = useProjectRef()
  const project = useProject()
  const [row, setRow] = useState<Row>(() => exampleRow(endpoint.signature))
  const [formKey, setFormKey] = useState(0)
  const [language, setLanguage] = useState<Language>('curl')
  const { inputs } = endpoint.signature
  // Columns can be weighed against each other only where they are plain ones.
  const isOfCells = inputs.every(({ tensor }) => tensor === 'numbers' || tensor === 'strings')
  // Networks of classes keep their view of each training image.
  const seesImages = inputs.some(({ tensor }) => tensor === 'image') && !endpoint.signature.outputs
  const lacking = inputs.find((input) => isFileInput(input) && !(row[input.name] instanceof File))
  const took = useRef(0)
  const [asked, setAsked] = useState<Row>(row)
  const predict = useMutation({
    mutationFn: async () => {
      const began = performance.now()
      const answer = await atoll.endpoints.predict(endpoint.id, [await asSent(row)])
      took.current = (performance.now() - began) / 1000
      setAsked(row)
      return answer
    },
    onSuccess: () => changed('captures'),
  })
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-[minmax(0,1fr)_28rem]">
      <Section
        title="A row"
        actions={
          <Button
            size="sm"
            onClick={() => {
              setRow(exampleRow(endpoint.signature))
              setFormKey(formKey + 1)
            }}
          >
            The example again
          </Button>
        }
      >
        <form
          onSubmit={(event) => {
            event.preventDefault()
            predict.mutate()
          }}
        >
          <RowForm key={formKey} signature={endpoint.signature} row={row} onChange={setRow} />
          <Button
            look="primary"
            type="submit"
            className="mt-4"
            busy={predict.isPending}
            why={
              endpoint.state !== 'ready'
                ? `The endpoint is ${endpoint.state}.`
                : lacking
                  ? `Choose a file for ${lacking.name}.`
                  : null
            }
          >
            Predict
          </Button>
        </form>
      </Section>
      <div className="space-y-6">
        <Section title="The answer" className="min-h-40">
          {predict.error ? (
            <ErrorNote
              error={predict.error}
              title={fieldOf(predict.error) ? `${fieldOf(predict.error)} is refused.` : undefined}
            />
          ) : predict.data ? (
            <PredictionAnswer
              answer={predict.data}
              endpoint={endpoint}
              seconds={took.current}
              sound={soundOf(asked, endpoint)}
              row={asked}
            />
          ) : (
            <p className="text-soft">Change what you like and ask. Requests from here count as traffic.</p>
          )}
        </Section>
        {predict.data && seesImages && (
          <NearestImages
            model={endpoint.model}
            version={endpoint.versionNumber}
            ask={() => asSent(asked)}
            askedKey={predict.data.predictions[0]?.id ?? ''}
          />
        )}
        {predict.data && isOfCells && (
          <Section title="Why" note="How much each column moved the answer away from the mean answer.">
            <WhyRow
              key={JSON.stringify(asked)}
              row={asked}
              explain={(how) => atoll.endpoints.explain(endpoint.id, [asked], how)}
              signature={endpoint.signature}
            />
          </Section>
        )}
        <Section title="The same from code" actions={<LanguageChoice value={language} onChange={setLanguage} withCli />} bare>
          <CodeBlock
            label={`${language} code`}
            code={snippet(language, {
              origin: window.location.origin,
              endpoint: endpoint.name,
              id: endpoint.id,
              project: project?.name ?? ref,
              row,
              files: Object.fromEntries(filesOf(row).map(([name, file]) => [name, { name: file.name, type: file.type }])),
            })}
          />
          <p className="mt-1.5 text-sm text-faint">
            Runs as it stands once a token is in ATOLL_TOKEN. <TokenLink />
          </p>
        </Section>
      </div>
    </div>
  )
}

/** The recording among what was asked about. */
function soundOf(row: Row, { signature }: Endpoint): File | null {
  const input = signature.inputs.find(({ tensor }) => tensor === 'audio')
  const value = input ? row[input.name] : null
  return value instanceof File ? value : null
}
