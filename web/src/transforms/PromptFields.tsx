import { Segmented, TextareaField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'

export interface PromptWish {
  how: 'column' | 'template' | 'chat'
  text: string
  system: string
}

/** What a language model is asked about each row. */
export function PromptFields({
  wish,
  onChange,
  error,
}: {
  wish: PromptWish
  onChange: (wish: PromptWish) => void
  error: string | null
}) {
  const hint = 'Write {{column}} where its value goes, such as {{text}}'
  return (
    <Section title="What it is asked">
      <div className="space-y-4">
        <Segmented
          label="Prompt"
          value={wish.how}
          onChange={(how) => onChange({ ...wish, how })}
          choices={[
            { value: 'column', label: 'The column “prompt”' },
            { value: 'template', label: 'A text to go on from' },
            { value: 'chat', label: 'A question' },
          ]}
        />
        {wish.how === 'chat' && (
          <TextField
            label="How it is to answer"
            hint="May be empty"
            value={wish.system}
            onChange={(event) => onChange({ ...wish, system: event.target.value })}
          />
        )}
        {wish.how !== 'column' && (
          <TextareaField
            label={wish.how === 'chat' ? 'Asked about each row' : 'Begun for each row'}
            hint={hint}
            required
            rows={4}
            value={wish.text}
            error={error}
            onChange={(event) => onChange({ ...wish, text: event.target.value })}
          />
        )}
      </div>
    </Section>
  )
}

export const promptOf = ({ how, text, system }: PromptWish) =>
  how === 'column' ? undefined : how === 'template' ? text : { user: text, ...(system.trim() !== '' && { system }) }
