import { Badge } from '../ui/Badge.tsx'
import { count } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { useRules } from './RulesTab.tsx'

/** How the rules of a training stand, in a line, with the way to the debugger. */
export function RulesLine({ run, running }: { run: string; running: boolean }) {
  const { data } = useRules(run, running)
  if (!data || data.trainings.length === 0) return null
  const standings = data.trainings.flatMap((training) => training.rules)
  const broken = new Set(standings.filter(({ state }) => state === 'broken').map(({ rule }) => rule))
  return (
    <p className="flex flex-wrap items-center gap-2">
      <Badge tone={broken.size ? 'bad' : 'good'}>{broken.size ? `${count(broken.size, 'rule')} broken` : 'no rule broken'}</Badge>
      <NounLink noun="run" to={run} search={{ tab: 'rules' }}>
        Gradients, activations and losses in the debugger
      </NounLink>
    </p>
  )
}
