import { useMemo, useState } from 'react'
import { ChartFrame } from '../../charts/ChartFrame.tsx'
import { extent } from '../../charts/extent.ts'
import { linear, padded } from '../../charts/scale.ts'
import { colourOf } from '../../charts/series.ts'
import { SelectField } from '../../ui/Field.tsx'
import { cell, short, whole } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { MapFile } from './found-files.ts'

const layoutNames: Record<string, string> = { model: 'the model’s own map', umap: 'UMAP', pca: 'principal components' }
const height = 460
const mostGroups = 12

/** Rows as points: near is alike. The pointer shows a row, the colour a column. */
export function RowMap({ map }: { map: MapFile }) {
  const layouts = Object.keys(map.layouts)
  const choices = [...Object.keys(map.colours), ...map.columns.filter((one) => one.type !== 'text').map((one) => one.name)]
  const [layout, setLayout] = useState(layouts.find((name) => name !== 'pca') ?? layouts[0]!)
  const [colour, setColour] = useState(choices[0] ?? '')
  const [near, setNear] = useState<number | null>(null)
  const places = map.layouts[layout] ?? []
  const painted = useMemo(() => paint(map, colour), [map, colour])
  const summary = `A map of ${whole(places.length)} rows by ${layoutNames[layout] ?? layout}, coloured by ${colour}.`
  return (
    <Section
      title="Map"
      note={
        places.length < map.rows
          ? `${whole(places.length)} of ${whole(map.rows)} rows, drawn at random.`
          : 'Rows that are alike lie near.'
      }
    >
      <div className="mb-3 flex flex-wrap gap-3">
        {layouts.length > 1 && (
          <SelectField
            wrap="w-52"
            label="Laid out by"
            value={layout}
            choices={layouts.map((name) => ({ value: name, label: layoutNames[name] ?? name }))}
            onChange={setLayout}
          />
        )}
        {choices.length > 0 && <SelectField wrap="w-52" label="Colour" value={colour} choices={choices} onChange={setColour} />}
      </div>
      <div className="grid gap-4 lg:grid-cols-[minmax(0,1fr)_18rem]">
        <ChartFrame
          title="Map of the rows"
          showTitle={false}
          name="map"
          summary={summary}
          height={height}
          legend={painted.legend}
          data={() => ({
            header: ['row', 'x', 'y', ...map.columns.map((one) => one.name)],
            rows: places.map((place, at) => [map.ids[at], place[0], place[1], ...(map.values[at] ?? [])]),
          })}
        >
          {({ width }) => {
            const x = linear(padded(places.map((place) => place[0])), [8, width - 8])
            const y = linear(padded(places.map((place) => place[1])), [height - 8, 8])
            const at = (event: { clientX: number; clientY: number; currentTarget: Element }) => {
              const box = event.currentTarget.getBoundingClientRect()
              setNear(nearest(places, x, y, event.clientX - box.left, event.clientY - box.top))
            }
            return (
              <svg
                data-chart=""
                width={width}
                height={height}
                role="img"
                aria-label={summary}
                onPointerMove={at}
                onPointerDown={at}
                onPointerLeave={() => setNear(null)}
              >
                {places.map((place, row) => (
                  <circle key={map.ids[row]} cx={x(place[0])} cy={y(place[1])} r="3" fill={painted.of[row]} opacity="0.65" />
                ))}
                {near !== null && places[near] && (
                  <circle
                    cx={x(places[near][0])}
                    cy={y(places[near][1])}
                    r="6"
                    fill="none"
                    stroke="var(--color-ink)"
                    strokeWidth="2"
                  />
                )}
              </svg>
            )
          }}
        </ChartFrame>
        <RowOf map={map} row={near} />
      </div>
    </Section>
  )
}

function RowOf({ map, row }: { map: MapFile; row: number | null }) {
  if (row === null) return <p className="text-sm text-faint">Point at the map to see a row.</p>
  const values = map.values[row] ?? []
  return (
    <dl className="max-h-[460px] overflow-auto text-sm">
      <dt className="text-faint">Row</dt>
      <dd className="num mb-1">{map.ids[row]}</dd>
      {Object.entries(map.colours).map(([name, of]) => (
        <div key={name} className="flex justify-between gap-3 border-b py-0.5">
          <dt className="font-medium">{name}</dt>
          <dd className="num">{typeof of[row] === 'number' ? short(of[row]) : of[row]}</dd>
        </div>
      ))}
      {map.columns.map((column, at) => (
        <div key={column.name} className="flex justify-between gap-3 border-b py-0.5">
          <dt className="text-soft">{column.name}</dt>
          <dd className="num text-right break-words">{cell(values[at])}</dd>
        </div>
      ))}
    </dl>
  )
}

function nearest(
  places: readonly [number, number][],
  x: (value: number) => number,
  y: (value: number) => number,
  px: number,
  py: number,
): number | null {
  let best: number | null = null
  let least = 400
  for (let at = 0; at < places.length; at++) {
    const gap = (x(places[at]![0]) - px) ** 2 + (y(places[at]![1]) - py) ** 2
    if (gap < least) {
      least = gap
      best = at
    }
  }
  return best
}

/** A colour for each row: one for each value, or, for many numbers, from low to high. */
function paint(map: MapFile, name: string): { of: string[]; legend: { label: string; colour: string; mark: 'box' }[] } {
  const column = map.columns.findIndex((one) => one.name === name)
  const values = map.colours[name] ?? map.values.map((row) => row[column])
  const different = [...new Set(values)]
  if (different.every((value) => typeof value === 'number' || value === null) && different.length > mostGroups) {
    const [low, high] = extent(values as (number | null)[])
    const of = values.map((value) => {
      if (typeof value !== 'number') return 'var(--color-faint)'
      const share = high > low ? (100 * (value - low)) / (high - low) : 50
      return `color-mix(in oklab, var(--color-s2) ${share.toFixed(1)}%, var(--color-s1))`
    })
    return {
      of,
      legend: [
        { label: short(low), colour: colourOf(0), mark: 'box' },
        { label: short(high), colour: colourOf(1), mark: 'box' },
      ],
    }
  }
  const counts = new Map<unknown, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  const order = [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value)
  const isNumbered = name === 'cluster' || name === 'topic'
  const place = (value: unknown) => (isNumbered ? Number(value) : order.indexOf(value))
  const tint = (value: unknown) => {
    const at = place(value)
    if (value === null || value === '' || at < 0 || at >= mostGroups) return 'var(--color-faint)'
    // Beyond the colours there are, the same ones come again, lighter.
    return at < 6 ? colourOf(at) : `color-mix(in oklab, ${colourOf(at)} 55%, var(--color-surface, white))`
  }
  const shown = isNumbered ? [...order].sort((a, b) => Number(a) - Number(b)) : order
  return {
    of: values.map(tint),
    legend: shown
      .slice(0, mostGroups)
      .map((value) => ({ label: isNumbered && Number(value) < 0 ? 'noise' : cell(value), colour: tint(value), mark: 'box' })),
  }
}
