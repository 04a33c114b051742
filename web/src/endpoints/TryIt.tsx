import type { Endpoint, PredictOutput } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useRef, useState } from 'react'
import { atoll, changed, fieldOf } from '../api.ts'
import { useProject, useProjectRef } from '../app/project.ts'
import { WhyRow } from '../models/WhyRow.tsx'
import { Button } from '../ui/Button.tsx'
import { CodeBlock } from '../ui/CopyButton.tsx'
import { Segmented } from '../ui/Field.tsx'
import { duration, fixed, percent, short } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, Notice } from '../ui/State.tsx'
import { exampleRow, type Row, RowForm } from './RowForm.tsx'
import { type Language, snippet } from './snippets.ts'

/** Ask the endpoint with a form made from its signature; the same request as code beside it. */
export function TryIt({ endpoint }: { endpoint: Endpoint }) {
  const ref = useProjectRef()
  const project = useProject()
  const [row, setRow] = useState<Row>(() => exampleRow(endpoint.signature))
  const [formKey, setFormKey] = useState(0)
  const [language, setLanguage] = useState<Language>('curl')
  const took = useRef(0)
  const [asked, setAsked] = useState<Row>(row)
  const predict = useMutation({
    mutationFn: async () => {
      const began = performance.now()
      const answer = await atoll.endpoints.predict(endpoint.id, [row])
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
            why={endpoint.state === 'ready' ? null : `The endpoint is ${endpoint.state}.`}
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
            <Answer answer={predict.data} endpoint={endpoint} seconds={took.current} />
          ) : (
            <p className="text-soft">Change what you like and ask. Requests from here count as traffic.</p>
          )}
        </Section>
        {predict.data && (
          <Section title="Why" note="How much each column moved the answer away from the mean answer.">
            <WhyRow
              key={JSON.stringify(asked)}
              row={asked}
              explain={(how) => atoll.endpoints.explain(endpoint.id, [asked], how)}
              signature={endpoint.signature}
            />
          </Section>
        )}
        <Section
          title="The same from code"
          actions={
            <Segmented
              label="Language"
              size="sm"
              value={language}
              onChange={setLanguage}
              choices={[
                { value: 'curl', label: 'curl' },
                { value: 'typescript', label: 'TypeScript' },
                { value: 'python', label: 'Python' },
                { value: 'cli', label: 'CLI' },
              ]}
            />
          }
          bare
        >
          <CodeBlock
            label={`${language} code`}
            code={snippet(language, {
              origin: window.location.origin,
              endpoint: endpoint.name,
              id: endpoint.id,
              project: project?.name ?? ref,
              row,
            })}
          />
          <p className="mt-1.5 text-sm text-faint">
            Runs as it stands once a token is in ATOLL_TOKEN.{' '}
            <Link to="/p/$project/settings" params={{ project: ref }} search={{ tab: 'tokens' }} className="link">
              Make a token
            </Link>
          </p>
        </Section>
      </div>
    </div>
  )
}

function Answer({ answer, endpoint, seconds }: { answer: PredictOutput; endpoint: Endpoint; seconds: number }) {
  const prediction = answer.predictions[0]
  if (!prediction) return null
  const probabilities = Object.entries(prediction.probabilities ?? {}).sort((a, b) => b[1] - a[1])
  const { threshold, positive } = endpoint.signature
  return (
    <div role="status">
      <p className="text-xl font-semibold">
        {prediction.label !== undefined ? (
          <>
            <span className="font-normal text-soft">{endpoint.signature.target} = </span>
            {prediction.label}
          </>
        ) : (
          <span className="num">{short(prediction.value, 5)}</span>
        )}
      </p>
      {probabilities.length > 0 && (
        <ul className="mt-3 space-y-1.5">
          {probabilities.slice(0, 10).map(([name, value]) => (
            <li key={name}>
              <div className="flex justify-between">
                <span>{name}</span>
                <span className="num text-soft">{percent(value, 1, true)}</span>
              </div>
              <div className="relative h-2 overflow-hidden rounded-full bg-sunken">
                <div className="h-full rounded-full bg-s1" style={{ width: `${value * 100}%` }} />
                {name === positive && threshold !== null && (
                  <span
                    className="absolute inset-y-0 w-0.5 bg-ink"
                    style={{ left: `${threshold * 100}%` }}
                    title={`threshold ${fixed(threshold, 3)}`}
                  />
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      {threshold !== null && positive !== null && (
        <p className="mt-2 text-sm text-faint">
          Called {positive} from {percent(threshold)} on.
        </p>
      )}
      {answer.warnings.length > 0 && (
        <div className="mt-3 space-y-2">
          {answer.warnings.map((warning) => (
            <Notice key={warning} severity="warning">
              {warning.replace(/^Row 0, column/, 'Column')}
            </Notice>
          ))}
        </div>
      )}
      <p className="num mt-3 text-xs text-faint">
        {duration(seconds)} there and back, version {answer.version}, {prediction.id}
      </p>
    </div>
  )
}
