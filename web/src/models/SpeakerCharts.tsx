import { useState } from 'react'
import { LineChart } from '../charts/LineChart.tsx'
import { SelectField } from '../ui/Field.tsx'
import { percent, short, whole } from '../ui/format.ts'
import { Section } from '../ui/Page.tsx'
import { Turns } from '../ui/Turns.tsx'
import type { DiarisationEvidence, VerificationEvidence } from './evidence.ts'

/** Who spoke when in sealed recordings, and who was found to. */
export function DiarisationCharts({ diarisation }: { diarisation: DiarisationEvidence }) {
  const { recordings, collar, withUsualCollar, made } = diarisation
  const [name, setName] = useState(recordings[0]?.name)
  const one = recordings.find((candidate) => candidate.name === name) ?? recordings[0]
  if (!one) return null
  return (
    <Section
      title="Who spoke when"
      note={`${made ? 'Conversations made of sealed recordings of one speaker each, trimmed to where speech was found: missed and added speech are hardly judged by them. ' : ''}Speakers are numbered as they come; the error maps them so that the most time agrees, and counts overlapping speech${collar > 0 ? `, but not ${short(collar, 2)} s on either side of a true boundary` : ''}. With a collar of 0.25 s it is ${percent(withUsualCollar, 1)}.`}
    >
      {recordings.length > 1 && (
        <SelectField
          wrap="mb-3 max-w-72"
          label="Recording"
          value={one.name}
          choices={recordings.map((candidate) => candidate.name)}
          onChange={setName}
        />
      )}
      <p className="mb-3 text-sm text-soft">
        {one.rate === null ? 'Nothing is spoken.' : `${percent(one.rate, 1)} of what is spoken here is wrong.`}
      </p>
      <h3 className="mb-1 text-sm font-semibold">In truth</h3>
      <Turns turns={one.actual} seconds={one.seconds} label="In truth" />
      <h3 className="mt-4 mb-1 text-sm font-semibold">Found</h3>
      <Turns turns={one.found} seconds={one.seconds} label="Found" />
    </Section>
  )
}

/** Whether two recordings are of one speaker: misses against false alarms. */
export function VerificationCharts({ verification }: { verification: VerificationEvidence }) {
  const { pairs, samePairs, misses, falseAlarms, threshold } = verification
  return (
    <Section
      title="Is it the same speaker?"
      note={`Told by the cosine of two embeddings, judged on all ${whole(pairs)} pairs of sealed recordings, of which ${whole(samePairs)} are of one speaker. At a cosine of ${short(threshold, 3)} both errors are alike.`}
    >
      <LineChart
        title="Misses and false alarms"
        name="verification"
        summary={`From no false alarm to no miss; both are alike at a cosine of ${short(threshold, 3)}.`}
        xLabel="false alarms"
        yLabel="misses"
        xDomain={[0, 1]}
        yDomain={[0, 1]}
        formatX={(value) => percent(value, 0)}
        formatY={(value) => percent(value, 0)}
        lines={[
          { label: 'pairs accepted from each cosine on', x: falseAlarms, y: misses, step: true },
          { label: 'both alike', x: [0, 1], y: [0, 1], dash: '4 4' },
        ]}
      />
    </Section>
  )
}
