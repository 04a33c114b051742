import type { ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { ErrorNote, Notice } from '../ui/State.tsx'

/** How the version stands with what the project demands; nothing where it demands nothing. */
export function PoliciesOfVersion({ version }: { version: ModelVersion }) {
  const outcomes = useQuery({ queryKey: ['bias', 'check', version.id], queryFn: () => atoll.bias.check(version.id) })
  if (outcomes.error) return <ErrorNote error={outcomes.error} />
  return (
    <div className="space-y-2 empty:hidden">
      {outcomes.data?.items.map((one) => (
        <Notice
          key={one.policy}
          severity={one.met ? 'good' : 'serious'}
          word={one.met ? `Meets “${one.name}”` : `Breaks “${one.name}”`}
        >
          {one.met ? (
            `All ${one.checks.filter(({ met }) => met).length} figures of the policy are within its bounds.`
          ) : (
            <ul className="list-disc space-y-1 pl-5">
              {one.sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          )}
        </Notice>
      ))}
    </div>
  )
}
