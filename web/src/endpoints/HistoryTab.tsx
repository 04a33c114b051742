import type { Endpoint } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { atoll, changed } from '../api.ts'
import { useRefusal } from '../app/project.ts'
import { Button } from '../ui/Button.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'

/** Which version served when, and the way back. */
export function HistoryTab({ endpoint }: { endpoint: Endpoint }) {
  const refused = useRefusal()
  const history = [...endpoint.history].sort((a, b) => b.at.localeCompare(a.at))
  const before = history.find((one) => one.version !== endpoint.version)
  const rollback = useMutation({
    mutationFn: () => atoll.endpoints.rollback(endpoint.id),
    onSuccess: (now) => {
      changed('endpoint', 'endpoints', 'model', 'models')
      say(`${now.name} serves version ${now.versionNumber} again.`)
    },
    onError: sayError,
  })
  return (
    <Section
      title="What served when"
      actions={
        <Button
          busy={rollback.isPending}
          why={refused ?? (before ? null : 'No other version has served here.')}
          onClick={() => rollback.mutate()}
        >
          {before ? `Back to version ${before.versionNumber}` : 'Roll back'}
        </Button>
      }
    >
      <ol className="divide-y">
        {history.map((one, at) => (
          <li key={`${one.version}${one.at}`} className="flex flex-wrap items-center gap-x-4 gap-y-1 py-2">
            <NounLink noun="model" to={endpoint.model} search={{ version: one.version }} className="num w-24">
              version {one.versionNumber}
            </NounLink>
            <span className="flex-1 text-soft">
              by {one.by}, <Ago at={one.at} />
            </span>
            {at === 0 && <span className="text-sm text-good">serving</span>}
          </li>
        ))}
      </ol>
    </Section>
  )
}
