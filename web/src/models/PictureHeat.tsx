import type { GradientExplanation } from '@atoll/sdk'
import { useState } from 'react'
import { short } from '../ui/format.ts'
import { Num } from '../ui/Num.tsx'
import { heatOf, signed } from './heat.ts'

const shownRegions = 8
const lowestHz = 20

type Sound = NonNullable<GradientExplanation['sound']>

/** The picture (of a sound its spectrogram) as the network sees it, under a map of what speaks for and against the answer; the strongest places as a table. */
export function PictureHeat({ one, name }: { one: GradientExplanation; name: string }) {
  const [strength, setStrength] = useState(1)
  const cells = one.cells ?? []
  const regions = one.regions ?? []
  const most = Math.max(0, ...cells.flat().map(Math.abs))
  const place = (region: { row: number; column: number }) =>
    one.sound ? momentOf(region, regions, one.sound) : placeOf(region, regions)
  const ranked = regions
    .flatMap((line, row) => line.map((value, column) => ({ value, row, column })))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, shownRegions)
  return (
    <div className="grid gap-4 2xl:grid-cols-[minmax(0,20rem)_minmax(0,1fr)]">
      <div>
        <div className="relative aspect-square w-full max-w-80 overflow-hidden rounded-md border">
          <img
            src={one.seen}
            alt="As the network sees it"
            className="absolute inset-0 size-full object-fill [image-rendering:pixelated]"
          />
          <svg
            viewBox={`0 0 ${cells[0]?.length ?? 1} ${cells.length || 1}`}
            preserveAspectRatio="none"
            className="absolute inset-0 size-full"
            role="img"
            aria-label={`Heat for ${name}: strongest ${ranked[0] ? place(ranked[0]) : 'nowhere'}.`}
            style={{ opacity: strength }}
          >
            {cells.map((line, y) =>
              line.map((value, x) =>
                Math.abs(value) < most / 40 ? null : (
                  <rect key={`${x} ${y}`} x={x} y={y} width={1.02} height={1.02} fill={heatOf(value, most / 2)} />
                ),
              ),
            )}
          </svg>
        </div>
        <label className="mt-2 block text-sm text-soft">
          Heat
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={strength}
            onChange={(event) => setStrength(Number(event.target.value))}
            className="ml-2 w-40 align-middle accent-accent"
          />
        </label>
        <p className="mt-1 text-xs text-faint">Teal: for {name}. Orange: against it.</p>
      </div>
      <table className="self-start text-sm">
        <caption className="pb-1 text-left text-faint">The places that matter most, of 7 × 7</caption>
        <thead>
          <tr className="border-b text-left text-faint">
            <th scope="col" className="py-1 font-normal">
              Where
            </th>
            <th scope="col" className="py-1 text-right font-normal">
              Contribution
            </th>
          </tr>
        </thead>
        <tbody>
          {ranked.map((region) => (
            <tr key={`${region.row} ${region.column}`} className="border-b last:border-0">
              <th scope="row" className="py-1 pr-4 text-left font-normal">
                {place(region)}
              </th>
              <td className="py-1 text-right">
                <Num>{signed(region.value)}</Num>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function placeOf({ row, column }: { row: number; column: number }, regions: readonly (readonly number[])[]): string {
  const third = (at: number, of: number, words: readonly [string, string, string]) =>
    words[Math.min(2, Math.floor((3 * at) / of))]
  return `${third(row, regions.length, ['top', 'middle', 'bottom'])} ${third(column, regions[0]?.length ?? 1, ['left', 'centre', 'right'])} (row ${row + 1}, column ${column + 1})`
}

/** Of a spectrogram: from when to when, and between which notes; its bands are even in mel. */
function momentOf(
  { row, column }: { row: number; column: number },
  regions: readonly (readonly number[])[],
  { seconds, highestHz }: Sound,
): string {
  const mel = (hertz: number) => 1127 * Math.log1p(hertz / 700)
  const hertz = (share: number) => 700 * Math.expm1((mel(lowestHz) + share * (mel(highestHz) - mel(lowestHz))) / 1127)
  const at = (step: number) => short((seconds * step) / (regions[0]?.length ?? 1), 2)
  const from = (step: number) => Math.round(hertz(1 - step / regions.length))
  return `${at(column)} to ${at(column + 1)} s, ${from(row + 1)} to ${from(row)} Hz`
}
