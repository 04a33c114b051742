import type { Endpoint, GenerateInput } from '@atoll/sdk'
import { type KeyboardEvent, useState } from 'react'
import { useProject, useProjectRef } from '../../app/project.ts'
import { Button } from '../../ui/Button.tsx'
import { CodeBlock } from '../../ui/CopyButton.tsx'
import { Segmented, TextareaField } from '../../ui/Field.tsx'
import { Section } from '../../ui/Page.tsx'
import { ErrorNote } from '../../ui/State.tsx'
import { LanguageChoice, TokenLink } from '../LanguageChoice.tsx'
import type { Language } from '../snippets.ts'
import { type Message, Messages } from './Messages.tsx'
import { SettingsFields } from './SettingsFields.tsx'
import { settingsOf, untouched } from './settings.ts'
import { writingSnippet } from './snippets.ts'
import { useWriting } from './use-writing.ts'
import { WritingFigures } from './WritingFigures.tsx'

/** A language model to talk with, or to let go on from a text; what it writes shows as it is written. */
export function WriteTab({ endpoint }: { endpoint: Endpoint }) {
  const canChat = endpoint.signature.generation?.chat === true
  const [mode, setMode] = useState<'chat' | 'prompt'>(canChat ? 'chat' : 'prompt')
  const [system, setSystem] = useState('')
  const [messages, setMessages] = useState<Message[]>([])
  const [draft, setDraft] = useState(() => (canChat ? '' : exampleOf(endpoint)))
  const [typed, setTyped] = useState(untouched)
  const [settingsKey, setSettingsKey] = useState(0)
  const writing = useWriting(endpoint.id)
  const why =
    endpoint.state !== 'ready'
      ? `The endpoint is ${endpoint.state}.`
      : draft.trim() === ''
        ? 'There is nothing to send yet.'
        : null

  const inputOf = (text: string): GenerateInput & { prompt?: string } => ({
    ...(mode === 'prompt'
      ? { prompt: text }
      : {
          messages: [
            ...(system.trim() ? [{ role: 'system' as const, content: system }] : []),
            ...messages,
            { role: 'user', content: text },
          ],
        }),
    ...settingsOf(typed),
  })

  async function send() {
    if (why || writing.isWriting) return
    const input = inputOf(draft)
    if (mode === 'prompt') return void (await writing.write(input))
    const before = messages
    setMessages([...before, { role: 'user', content: draft }])
    setDraft('')
    const text = await writing.write(input)
    // What was refused is not part of the conversation; it is to be sent again, changed.
    if (text === null) {
      setMessages(before)
      setDraft(draft)
    } else setMessages([...before, { role: 'user', content: draft }, { role: 'assistant', content: text }])
  }

  function begin(next: typeof mode) {
    writing.clear()
    setMessages([])
    setMode(next)
    setDraft(next === 'prompt' ? exampleOf(endpoint) : '')
  }

  const onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing || mode === 'prompt') return
    event.preventDefault()
    void send()
  }

  return (
    <div className="grid grid-cols-[minmax(0,1fr)] items-start gap-6 xl:grid-cols-[minmax(0,1fr)_28rem]">
      <Section
        title={mode === 'chat' ? 'A conversation' : 'A text to go on from'}
        actions={
          <>
            {canChat && (
              <Segmented
                label="How to ask"
                size="sm"
                value={mode}
                onChange={begin}
                choices={[
                  { value: 'chat', label: 'Conversation' },
                  { value: 'prompt', label: 'Prompt' },
                ]}
              />
            )}
            {(messages.length > 0 || writing.text !== '') && (
              <Button size="sm" onClick={() => begin(mode)}>
                Begin anew
              </Button>
            )}
          </>
        }
      >
        {mode === 'chat' && <Messages messages={messages} coming={writing.isWriting ? writing.text : null} />}
        <form
          onSubmit={(event) => {
            event.preventDefault()
            void send()
          }}
        >
          <TextareaField
            label={mode === 'chat' ? 'Message' : 'Prompt'}
            hint={mode === 'chat' ? 'Enter sends, Shift+Enter begins a new line.' : undefined}
            rows={mode === 'chat' ? 3 : 6}
            value={draft}
            onKeyDown={onKey}
            onChange={(event) => setDraft(event.target.value)}
          />
          {mode === 'prompt' && (
            <output
              className="mt-3 block min-h-24 rounded-md bg-sunken p-3 whitespace-pre-wrap"
              aria-live="polite"
              aria-busy={writing.isWriting}
            >
              {writing.text || <span className="text-faint">What it writes comes here.</span>}
            </output>
          )}
          <div className="mt-3 flex flex-wrap items-center gap-3">
            {writing.isWriting ? (
              // Keys: one element for both would turn into the other within a click, and send again.
              <Button key="stop" onClick={writing.stop}>
                Stop
              </Button>
            ) : (
              <Button key="send" look="primary" type="submit" why={why}>
                {mode === 'chat' ? 'Send' : 'Write on'}
              </Button>
            )}
            <WritingFigures {...writing} />
          </div>
        </form>
        {writing.error !== null && (
          <div className="mt-3">
            <ErrorNote error={writing.error} />
          </div>
        )}
      </Section>
      <div className="space-y-6">
        <Section
          title="How it writes"
          actions={
            <Button
              size="sm"
              onClick={() => {
                setTyped(untouched)
                setSettingsKey(settingsKey + 1)
              }}
            >
              As usual
            </Button>
          }
        >
          {mode === 'chat' && (
            <TextareaField
              wrap="mb-3"
              label="What it shall keep to"
              hint="Put before the conversation, as far as its template has a place for it."
              rows={2}
              value={system}
              onChange={(event) => setSystem(event.target.value)}
            />
          )}
          <SettingsFields key={settingsKey} endpoint={endpoint} typed={typed} onChange={setTyped} />
        </Section>
        <SameFromCode endpoint={endpoint} input={inputOf(draft || messages.at(-2)?.content || 'Hello')} />
      </div>
    </div>
  )
}

function SameFromCode({ endpoint, input }: { endpoint: Endpoint; input: GenerateInput & { prompt?: string } }) {
  const ref = useProjectRef()
  const project = useProject()
  const [language, setLanguage] = useState<Language>('curl')
  return (
    <Section title="The same from code" actions={<LanguageChoice value={language} onChange={setLanguage} withCli />} bare>
      <CodeBlock
        label={`${language} code`}
        code={writingSnippet(language, {
          origin: window.location.origin,
          endpoint: endpoint.name,
          id: endpoint.id,
          project: project?.name ?? ref,
          input,
        })}
      />
      <p className="mt-1.5 text-sm text-faint">
        Runs as it stands once a token is in ATOLL_TOKEN. <TokenLink />
      </p>
    </Section>
  )
}

const exampleOf = (endpoint: Endpoint): string => {
  const example = endpoint.signature.inputs[0]?.example
  return typeof example === 'string' ? example : ''
}
