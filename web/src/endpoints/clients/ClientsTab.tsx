import type { Endpoint } from '@atoll/sdk'
import { useState } from 'react'
import { atoll } from '../../api.ts'
import { useProject, useProjectRef } from '../../app/project.ts'
import { buttonClass } from '../../ui/Button.tsx'
import { CodeBlock, Copyable } from '../../ui/CopyButton.tsx'
import { Segmented } from '../../ui/Field.tsx'
import { Section } from '../../ui/Page.tsx'
import { LanguageChoice, TokenLink } from '../LanguageChoice.tsx'
import { OpenAiClients } from '../openai/OpenAiClients.tsx'
import { exampleRow } from '../RowForm.tsx'
import { snippet } from '../snippets.ts'
import { writingSnippet } from '../writing/snippets.ts'
import { inferenceSnippet } from './inference-snippets.ts'

type Protocol = 'native' | 'inference'
type Language = 'curl' | 'typescript' | 'python'

/** How programs talk to the endpoint, in each protocol that it speaks, and how it leaves the platform. */
export function ClientsTab({ endpoint }: { endpoint: Endpoint }) {
  const ref = useProjectRef()
  const project = useProject()
  const writes = endpoint.signature.task === 'generation'
  const [protocol, setProtocol] = useState<Protocol>('native')
  const [language, setLanguage] = useState<Language>('curl')
  const { origin } = window.location
  const asked = { origin, endpoint: endpoint.name, id: endpoint.id, project: project?.name ?? ref }
  const row = exampleRow(endpoint.signature)
  const code =
    protocol === 'inference'
      ? inferenceSnippet(language, { origin, endpoint, row })
      : writes
        ? writingSnippet(language, { ...asked, input: { prompt: 'Once upon a time' } })
        : snippet(language, { ...asked, row })
  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-[minmax(0,1fr)_24rem]">
      <div>
        <Section
          title="Copy, paste, run"
          note="Runs as it stands once a token is in ATOLL_TOKEN."
          actions={
            <>
              {!writes && (
                <Segmented
                  label="Protocol"
                  size="sm"
                  value={protocol}
                  onChange={setProtocol}
                  choices={[
                    { value: 'native', label: 'Atoll' },
                    { value: 'inference', label: 'Open Inference V2' },
                  ]}
                />
              )}
              <LanguageChoice value={language} onChange={setLanguage} />
            </>
          }
          bare
        >
          <CodeBlock label={`${language} code`} code={code} />
          <p className="mt-1.5 text-sm text-faint">
            <TokenLink />
          </p>
        </Section>
        <OpenAiClients endpoint={endpoint} />
      </div>
      <div className="space-y-6">
        <Section title="Addresses">
          <dl className="space-y-2">
            {addressesOf(endpoint).map(({ name, path, opens }) => (
              <div key={path}>
                <dt className="flex items-baseline justify-between gap-2 text-sm text-faint">
                  {name}
                  {opens && (
                    <a href={path} target="_blank" rel="noreferrer" className="link" aria-label={`Open: ${name}`}>
                      Open
                    </a>
                  )}
                </dt>
                <dd className="min-w-0">
                  <Copyable text={origin + path} shown={path} />
                </dd>
              </div>
            ))}
          </dl>
        </Section>
        <Section title="Take it with you" note="A folder that answers without Atoll.">
          {whyNotExported(endpoint) ?? (
            <>
              <p className="mb-3 text-soft">
                A Node server of this version with its Dockerfile, Kubernetes manifests, and the rows that prove that it answers
                as it does here (for who may read the data).
              </p>
              <a className={buttonClass('plain', 'sm')} download href={atoll.endpoints.exportUrl(endpoint.id)}>
                Export as a folder (tar)
              </a>
            </>
          )}
        </Section>
      </div>
    </div>
  )
}

function addressesOf({ id, signature }: Endpoint): { name: string; path: string; opens?: boolean }[] {
  const at = `/v1/endpoints/${id}`
  const writes = signature.task === 'generation'
  return [
    { name: 'Predictions (POST)', path: `${at}/predict` },
    ...(writes ? [{ name: 'OpenAI base URL', path: '/openai/v1' }] : []),
    { name: 'Its OpenAPI description', path: `${at}/openapi.json`, opens: true },
    { name: 'Health', path: `${at}/health`, opens: true },
    { name: 'Metadata', path: `${at}/metadata`, opens: true },
    ...(writes ? [] : [{ name: 'Open Inference Protocol V2', path: `/v2/models/${id}`, opens: true }]),
  ]
}

function whyNotExported({ served }: Endpoint) {
  if (served === 'onnx') return null
  return (
    <p className="text-soft">
      {served === 'gguf'
        ? 'Language models are not exported: the package holds model.gguf, and llama.cpp’s own server answers with that.'
        : 'This version answers from a Python worker, because its graph is not proven to say the same. Only models that are one graph are exported.'}
    </p>
  )
}
