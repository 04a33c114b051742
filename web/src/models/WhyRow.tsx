import type { ExplainOptions, ExplainOutput, Signature } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Waterfall } from '../charts/Waterfall.tsx'
import { Segmented, SelectField } from '../ui/Field.tsx'
import { cell, short } from '../ui/format.ts'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'

const shownColumns = 14
const methodNames: Record<string, string> = {
  exact: 'Exact Shapley values: every coalition of columns was asked for.',
  linear: 'Exact: on this scale the answer is a sum over the columns.',
  kernel: 'Kernel SHAP, from a part of all coalitions.',
  permutation: 'Shapley values by random walks.',
}

/** Why the answer to one row is what it is: a waterfall from the mean answer. */
export function WhyRow({
  row,
  explain,
  signature,
}: {
  row: Record<string, unknown>
  explain: (how: ExplainOptions) => Promise<ExplainOutput>
  signature: Signature
}) {
  const [scale, setScale] = useState<'answer' | 'log_odds'>('answer')
  const [output, setOutput] = useState<string | undefined>()
  const why = useQuery({
    queryKey: ['why', JSON.stringify(row), scale, output],
    queryFn: () => explain({ scale, ...(output !== undefined && { output }) }),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const one = why.data?.explanations[0]
  if (why.error) return <ErrorNote error={why.error} />
  if (!one) return <SkeletonLines lines={6} />
  const shown = one.contributions.slice(0, shownColumns).filter(({ contribution }) => contribution !== 0)
  const rest = one.rest + one.contributions.slice(shownColumns).reduce((sum, { contribution }) => sum + contribution, 0)
  const others = one.contributions.length - shownColumns
  const error = Math.max(0, ...one.contributions.map((part) => part.error ?? 0))
  const isClasses = signature.classes !== null
  return (
    <div>
      {isClasses && (
        <div className="mb-2 flex flex-wrap items-end gap-3">
          {(signature.classes?.length ?? 0) > 2 && (
            <SelectField
              wrap="max-w-56"
              label="Class"
              value={output ?? one.output ?? ''}
              choices={signature.classes ?? []}
              onChange={setOutput}
            />
          )}
          <Segmented
            label="Scale"
            size="sm"
            value={scale}
            onChange={setScale}
            choices={[
              { value: 'answer', label: 'Probability' },
              { value: 'log_odds', label: 'Log odds' },
            ]}
          />
        </div>
      )}
      <Waterfall
        title={`Contributions to ${one.output ?? signature.target ?? 'the answer'}`}
        name="why"
        base={one.base}
        answer={one.answer}
        steps={[
          ...shown.map(({ column, value, contribution }) => ({
            label: column,
            note: value === null || value === undefined ? 'missing' : cell(value),
            change: contribution,
          })),
          ...(others > 0 && rest !== 0 ? [{ label: `${others} other columns`, change: rest }] : []),
        ]}
      />
      <p className="mt-1 text-sm text-faint">
        {one.output !== null && `Of the ${scale === 'answer' ? 'probability' : 'log odds'} of ${one.output}. `}
        {methodNames[one.method] ?? one.method}
        {error > 0 && ` Standard error at most ${short(error, 2)}.`} A column that is not known stands as in{' '}
        {why.data?.backgroundRows} training rows.
      </p>
    </div>
  )
}
