import type { Endpoint } from '@atoll/sdk'
import { useState } from 'react'
import { useProject, useProjectRef } from '../../app/project.ts'
import { CodeBlock } from '../../ui/CopyButton.tsx'
import { Segmented } from '../../ui/Field.tsx'
import { Section } from '../../ui/Page.tsx'
import { type OpenAiLanguage, openAiSnippet } from './snippets.ts'

/** How clients of the OpenAI API ask this endpoint; nothing where it neither writes nor makes vectors of texts. */
export function OpenAiClients({ endpoint }: { endpoint: Endpoint }) {
  const ref = useProjectRef()
  const project = useProject()
  const [language, setLanguage] = useState<OpenAiLanguage>('python')
  const way = wayOf(endpoint)
  if (way === null) return null
  const baseUrl = `${window.location.origin}/openai/v1`
  const example = endpoint.signature.inputs[0]?.example
  return (
    <div className="mt-6 max-w-3xl">
      <Section
        title="By clients of the OpenAI API"
        actions={
          <Segmented
            label="Client"
            size="sm"
            value={language}
            onChange={setLanguage}
            choices={[
              { value: 'python', label: 'openai for Python' },
              { value: 'node', label: 'openai for Node' },
              { value: 'curl', label: 'curl' },
            ]}
          />
        }
        bare
      >
        <CodeBlock
          label={`${language} code`}
          code={openAiSnippet(language, {
            baseUrl,
            model: endpoint.name,
            // It travels in a header, which holds no other letters.
            project: project && /^[\x21-\x7e]+$/.test(project.name) ? project.name : (project?.id ?? ref),
            way,
            text: typeof example === 'string' && example !== '' ? example : 'Hello',
          })}
        />
        <p className="mt-1.5 text-sm text-faint">
          Base URL <code className="break-all">{baseUrl}</code>, the key is a token, the model is the name of the endpoint.
        </p>
      </Section>
    </div>
  )
}

function wayOf({ signature: { task, inputs, outputs, generation } }: Endpoint): 'chat' | 'completion' | 'embedding' | null {
  if (task === 'generation') return generation?.chat ? 'chat' : 'completion'
  const makesVectors = outputs?.some(({ name }) => name === 'vector' || name === 'embedding')
  const [input] = inputs
  return makesVectors && inputs.length === 1 && (input?.type === 'text' || input?.type === 'category') ? 'embedding' : null
}
