import { colourOf } from '../charts/series.ts'
import { short } from './format.ts'

export interface Turn {
  start: number
  end: number
  speaker: string
}

const shares = [0, 0.25, 0.5, 0.75, 1]

/** Who speaks when: a lane for each speaker over the time of a recording. A turn is a button where `onSeek` takes its second. */
export function Turns({
  turns,
  seconds,
  label,
  at = null,
  onSeek,
}: {
  turns: readonly Turn[]
  seconds: number
  label: string
  /** The second that is being played. */
  at?: number | null
  onSeek?: (second: number) => void
}) {
  const speakers = [...new Set(turns.map(({ speaker }) => speaker))]
  const length = Math.max(seconds, ...turns.map(({ end }) => end), 0.01)
  const place = ({ start, end }: Turn) => ({ left: `${(100 * start) / length}%`, width: `${(100 * (end - start)) / length}%` })
  const say = ({ start, end, speaker }: Turn) => `${speaker}, ${short(start, 4)} to ${short(end, 4)} s`
  return (
    <figure aria-label={`${label}: ${turns.length} turns of ${speakers.length} speakers in ${short(length, 3)} seconds`}>
      <div className="relative space-y-1">
        {speakers.map((speaker, lane) => (
          <div key={speaker} className="grid grid-cols-[4.5rem_minmax(0,1fr)] items-center gap-2">
            <span className="truncate text-sm" title={speaker}>
              {speaker}
            </span>
            <div className="relative h-6 rounded-sm bg-sunken">
              {turns
                .filter((turn) => turn.speaker === speaker)
                .map((turn) =>
                  onSeek ? (
                    <button
                      key={turn.start}
                      type="button"
                      className="absolute inset-y-0.5 min-w-0.5 cursor-pointer rounded-sm"
                      style={{ ...place(turn), background: colourOf(lane) }}
                      title={say(turn)}
                      aria-label={`Play ${say(turn)}`}
                      onClick={() => onSeek(turn.start)}
                    />
                  ) : (
                    <span
                      key={turn.start}
                      className="absolute inset-y-0.5 min-w-0.5 rounded-sm"
                      style={{ ...place(turn), background: colourOf(lane) }}
                      title={say(turn)}
                    />
                  ),
                )}
              {at !== null && (
                <span className="absolute inset-y-0 w-px bg-ink" style={{ left: `${Math.min(100, (100 * at) / length)}%` }} />
              )}
            </div>
          </div>
        ))}
      </div>
      <div className="num ml-20 flex justify-between text-xs text-faint" aria-hidden="true">
        {shares.map((share) => (
          <span key={share}>{short(share * length, 3)} s</span>
        ))}
      </div>
    </figure>
  )
}
