import type { Goal, Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { atoll } from '../api.ts'
import { LineChart } from '../charts/LineChart.tsx'
import { Button } from '../ui/Button.tsx'
import { NumberField } from '../ui/Field.tsx'
import { fixed, percent, short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { Fact, Facts, Section } from '../ui/Page.tsx'
import { CellRows } from './CellRows.tsx'
import { ConfusionMatrix } from './ConfusionMatrix.tsx'
import { cellsAt, cellsByThreshold, cellsOf, type EvaluationFile, rates } from './evidence.ts'
import { ThresholdHandle } from './ThresholdHandle.tsx'

/** What another threshold would mean: its cost, and the confusion matrix, while the handle moves. The served threshold stays as it is. */
export function ThresholdLab({
  model,
  version,
  evaluation,
}: {
  model: Model
  version: ModelVersion
  evaluation: EvaluationFile
}) {
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const served = evaluation.threshold ?? version.signature.threshold ?? 0.5
  const [threshold, setThreshold] = useState(() =>
    search.threshold && Number.isFinite(Number(search.threshold)) ? Number(search.threshold) : served,
  )
  const goal = useQuery<Goal>({
    queryKey: ['goal', 'of', version.goal],
    queryFn: () => atoll.goals.get(version.goal!),
    enabled: version.goal !== null,
    retry: false,
  })
  const [ownCosts, setOwnCosts] = useState<{ fp: number | null; fn: number | null }>({ fp: null, fn: null })
  const fpCost = ownCosts.fp ?? goal.data?.costFalsePositive ?? 1
  const fnCost = ownCosts.fn ?? goal.data?.costFalseNegative ?? 1
  const points = useMemo(() => cellsByThreshold(evaluation), [evaluation])
  const atServed = Math.abs(threshold - served) < 1e-9
  const classes = evaluation.confusion?.classes ?? []
  const cells =
    (atServed && evaluation.confusion ? cellsOf(evaluation.confusion.matrix) : cellsAt(points, threshold)) ??
    cellsOf(evaluation.confusion?.matrix ?? [])
  const rate = rates(cells)
  const curve = useMemo(() => {
    const rising = points.filter((point) => point.threshold <= 1).toReversed()
    return rising.map(({ threshold: at, cells: one }) => ({
      threshold: at,
      cost: one.fp * fpCost + one.fn * fnCost,
      ...rates(one),
    }))
  }, [points, fpCost, fnCost])
  const cost = cells.fp * fpCost + cells.fn * fnCost
  const cheapest = curve.reduce((best, point) => (point.cost < best.cost ? point : best), curve[0] ?? { threshold: served, cost })
  const positive = version.signature.positive ?? classes[1] ?? 'positive'
  const move = (next: number) => setThreshold(next)
  const open = (actual: string, predicted: string) =>
    void navigate({ to: '.', search: (old) => ({ ...old, cell: `${actual}|${predicted}` }), resetScroll: false })

  return (
    <Section
      title="Threshold"
      note={`Called ${positive} from a probability of ${fixed(served, 3)} on. Moving the handle shows what another threshold would mean; it does not change the model.`}
      actions={
        <>
          {!atServed && (
            <Button size="sm" onClick={() => setThreshold(served)}>
              Back to {fixed(served, 3)}
            </Button>
          )}
          <Button size="sm" onClick={() => setThreshold(cheapest.threshold)}>
            Cheapest
          </Button>
        </>
      }
    >
      <div className="grid gap-6 xl:grid-cols-2">
        <div className="min-w-0">
          <LineChart
            title="Cost of errors by threshold"
            name="cost-by-threshold"
            summary={`The cost of errors on the sealed rows is ${short(cost)} at threshold ${fixed(threshold, 3)}; the cheapest, ${short(cheapest.cost)}, is at ${fixed(cheapest.threshold, 3)}.`}
            height={210}
            xLabel="threshold"
            xDomain={[0, 1]}
            yDomain={[0, Math.max(1, ...curve.map((point) => point.cost)) * 1.04]}
            lines={[{ label: 'cost', x: curve.map((point) => point.threshold), y: curve.map((point) => point.cost), step: true }]}
            overlay={({ x, box }) => <ThresholdHandle x={x} box={box} value={threshold} served={served} onChange={move} />}
          />
          <LineChart
            title="Precision, recall and F1 by threshold"
            name="rates-by-threshold"
            summary={`At threshold ${fixed(threshold, 3)}: precision ${short(rate.precision, 3)}, recall ${short(rate.recall, 3)}, F1 ${short(rate.f1, 3)}.`}
            height={210}
            className="mt-3"
            xDomain={[0, 1]}
            yDomain={[0, 1]}
            lines={[
              {
                label: 'precision',
                x: curve.map((point) => point.threshold),
                y: curve.map((point) => point.precision),
                step: true,
              },
              { label: 'recall', x: curve.map((point) => point.threshold), y: curve.map((point) => point.recall), step: true },
              { label: 'F1', x: curve.map((point) => point.threshold), y: curve.map((point) => point.f1), step: true },
            ]}
            overlay={({ x, box }) => <ThresholdHandle x={x} box={box} value={threshold} served={served} onChange={move} />}
          />
        </div>
        <div className="min-w-0 space-y-4">
          <Facts className="lg:grid-cols-4!">
            <Fact label="Threshold" note={atServed ? 'as served' : 'tried out'}>
              <Num>{fixed(threshold, 3)}</Num>
            </Fact>
            <Fact label="Cost" note={`cheapest ${short(cheapest.cost)}`}>
              <Num>{short(cost)}</Num>
            </Fact>
            <Fact label="Precision">
              <Num>{rate.precision === null ? '–' : percent(rate.precision, 1, true)}</Num>
            </Fact>
            <Fact label="Recall">
              <Num>{rate.recall === null ? '–' : percent(rate.recall, 1, true)}</Num>
            </Fact>
          </Facts>
          <ConfusionMatrix
            classes={classes}
            matrix={[
              [cells.tn, cells.fp],
              [cells.fn, cells.tp],
            ]}
            onOpen={atServed ? open : undefined}
            why={atServed ? undefined : 'Rows can be opened at the served threshold.'}
          />
          <div className="grid max-w-sm grid-cols-2 gap-3" key={goal.data?.id ?? ''}>
            <NumberField
              label={`A false ${positive} costs`}
              min={0}
              value={fpCost}
              onChange={(fp) => setOwnCosts({ ...ownCosts, fp })}
            />
            <NumberField
              label={`A missed ${positive} costs`}
              min={0}
              value={fnCost}
              onChange={(fn) => setOwnCosts({ ...ownCosts, fn })}
            />
          </div>
        </div>
      </div>
      <CellRows model={model} version={version} />
    </Section>
  )
}
