import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { LineageGraph } from '../charts/LineageGraph.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton } from '../ui/State.tsx'

/** From data to endpoint: what this came from, and what came from it. */
export function LineageTab({ id }: { id: string }) {
  const lineage = useQuery({ queryKey: ['lineage', id], queryFn: () => atoll.lineage.of(id) })
  if (lineage.error) return <ErrorNote error={lineage.error} retry={() => void lineage.refetch()} />
  if (lineage.isPending) return <Skeleton className="h-64" />
  if (lineage.data.nodes.length === 0)
    return <Empty title="Nothing is connected yet">Splits, runs, models and endpoints made from it will show here.</Empty>
  return (
    <Section>
      <LineageGraph lineage={lineage.data} here={id} />
    </Section>
  )
}
