import type { Endpoint } from '@atoll/sdk'
import { NumberField, TextareaField } from '../../ui/Field.tsx'
import { whole } from '../../ui/format.ts'
import type { Typed } from './settings.ts'

/** How the next word is chosen, and how long it goes on. */
export function SettingsFields({
  endpoint,
  typed,
  onChange,
}: {
  endpoint: Endpoint
  typed: Typed
  onChange: (typed: Typed) => void
}) {
  const { generation } = endpoint.signature
  const set = (change: Partial<Typed>) => onChange({ ...typed, ...change })
  const byChance = (typed.temperature ?? 0) > 0
  return (
    <div className="grid grid-cols-2 gap-3">
      <NumberField
        label="Temperature"
        hint="0: always the likeliest"
        min={0}
        max={5}
        step={0.1}
        placeholder="0"
        value={typed.temperature}
        onChange={(temperature) => set({ temperature })}
      />
      <NumberField
        label="Most tokens"
        hint={generation ? `${whole(generation.contextLength)} with the prompt` : undefined}
        min={1}
        step={1}
        placeholder={String(generation?.maxNewTokens ?? 256)}
        value={typed.maxTokens}
        onChange={(maxTokens) => set({ maxTokens })}
      />
      <NumberField
        label="Top p"
        hint="share of the likeliest"
        min={0}
        max={1}
        step={0.05}
        placeholder="1"
        disabled={!byChance}
        value={typed.topP}
        onChange={(topP) => set({ topP })}
      />
      <NumberField
        label="Top k"
        hint="number of the likeliest"
        min={0}
        max={1000}
        step={1}
        placeholder="all"
        disabled={!byChance}
        value={typed.topK}
        onChange={(topK) => set({ topK })}
      />
      <NumberField
        label="Seed"
        hint="the same seed, the same text"
        min={0}
        max={2 ** 32 - 1}
        step={1}
        placeholder="by chance"
        disabled={!byChance}
        value={typed.seed}
        onChange={(seed) => set({ seed })}
      />
      <TextareaField
        label="Stop texts"
        hint="one a line"
        rows={2}
        className="num"
        value={typed.stop}
        onChange={(event) => set({ stop: event.target.value })}
      />
    </div>
  )
}
