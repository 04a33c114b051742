import type { GradientExplanation } from '@atoll/sdk'
import { Waterfall } from '../charts/Waterfall.tsx'
import { cell, short } from '../ui/format.ts'
import { PictureHeat } from './PictureHeat.tsx'
import { WordHeat } from './WordHeat.tsx'

const shownColumns = 14
const methodNames: Record<string, string> = {
  integrated_gradients: 'Integrated gradients',
  expected_gradients: 'Expected gradients, over the background rows',
}
const comparedWith = {
  columns: 'the mean answer',
  words: 'a text without words',
  pixels: 'a picture all in the mean colour',
} as const

/** One explanation by gradients: a waterfall, a coloured text, or a picture under a map of heat. */
export function GradientsView({ one, what }: { one: GradientExplanation; what: string }) {
  const name = one.output ?? what
  return (
    <div>
      <p className="mb-3 text-soft">
        {one.output === null ? 'The value' : `The probability of ${one.output}`} is{' '}
        <span className="num text-ink">{short(one.answer, 3)}</span>; of{' '}
        {one.sound ? 'the mean spectrum throughout' : comparedWith[one.kind]}{' '}
        <span className="num text-ink">{short(one.base, 3)}</span>.
      </p>
      {one.kind === 'columns' && <Columns one={one} name={name} />}
      {one.kind === 'words' && <WordHeat words={one.words ?? []} name={name} />}
      {one.kind === 'pixels' && <PictureHeat one={one} name={name} />}
      <p className="mt-2 text-sm text-faint">
        {methodNames[one.method] ?? one.method}, {one.points} points a way. The parts add up but for {one.gap.toExponential(1)}.
      </p>
    </div>
  )
}

function Columns({ one, name }: { one: GradientExplanation; name: string }) {
  const all = one.contributions ?? []
  const shown = all.slice(0, shownColumns).filter(({ contribution }) => contribution !== 0)
  const rest = all.slice(shownColumns).reduce((sum, { contribution }) => sum + contribution, one.gap)
  const others = all.length - shownColumns
  return (
    <Waterfall
      title={`Contributions to ${name}`}
      name="gradients"
      base={one.base}
      answer={one.answer}
      steps={[
        ...shown.map(({ column, value, contribution }) => ({
          label: column,
          note: value === null || value === undefined ? 'missing' : cell(value),
          change: contribution,
        })),
        ...(others > 0 ? [{ label: `${others} other columns`, change: rest }] : []),
      ]}
    />
  )
}
