import { cssColour } from './colours.ts'

/** The colour of a class, beside its name. */
export function Swatch({ index }: { index: number }) {
  return (
    <span
      aria-hidden="true"
      className="inline-block size-3 shrink-0 rounded-sm border border-ink/40"
      style={{ background: cssColour(index) }}
    />
  )
}
