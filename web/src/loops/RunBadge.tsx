import type { LoopRun } from '@atoll/sdk'
import { Badge } from '../ui/Badge.tsx'
import { runWords } from './words.ts'

/** How a run stands. */
export function RunBadge({ run }: { run: Pick<LoopRun, 'state' | 'step' | 'outcome'> }) {
  const [words, tone] = runWords(run)
  return <Badge tone={tone}>{words}</Badge>
}
