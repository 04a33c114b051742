import type { Model, ModelVersion, VersionDetails } from '@atoll/sdk'
import { Bars } from '../../charts/Bars.tsx'
import { Histogram } from '../../charts/Histogram.tsx'
import { short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import { Empty, ErrorNote, Skeleton } from '../../ui/State.tsx'
import { ChoiceCurves } from './ChoiceCurves.tsx'
import { Dendrogram } from './Dendrogram.tsx'
import { foundOf, useMapFile } from './found-files.ts'
import { GroupCards } from './GroupCards.tsx'
import { NearWords } from './NearWords.tsx'
import { RowMap } from './RowMap.tsx'
import { Strangest } from './Strangest.tsx'
import { TopicCards } from './TopicCards.tsx'

/** What a model without a target found: groups, anomalies, a map, topics. */
export function FoundTab({ model, version, details }: { model: Model; version: ModelVersion; details: VersionDetails }) {
  const found = foundOf(details)
  const map = useMapFile(model, version)
  if (!found) return <Empty title="Nothing was kept">This version came without a description of what it found.</Empty>
  return (
    <div className="space-y-6">
      {map.error ? (
        <ErrorNote error={map.error} />
      ) : map.data ? (
        <RowMap map={map.data} />
      ) : map.isLoading ? (
        <Skeleton className="h-96" />
      ) : null}
      {found.groups && <GroupCards groups={found.groups} />}
      {found.words && <NearWords words={found.words} />}
      {found.topics && <TopicCards topics={found.topics} />}
      {found.scores && (
        <Section
          title="Scores"
          note={
            found.threshold === undefined
              ? undefined
              : `Of rows that were held out. From ${short(found.threshold)} on a row counts as an anomaly.`
          }
        >
          <Histogram
            title="Scores"
            name="scores"
            edges={found.scores.edges}
            counts={found.scores.counts}
            height={220}
            label="score"
          />
        </Section>
      )}
      {found.strangest && <Strangest rows={found.strangest} threshold={found.threshold ?? null} />}
      {found.loadings?.map((loadings, at) => (
        <Section key={loadings[0]?.feature ?? at} title={`Component ${at + 1}`} note="The weight of each column in it.">
          <Bars
            title={`Loadings of component ${at + 1}`}
            showTitle={false}
            name={`loadings-${at + 1}`}
            valueLabel="weight"
            summary={`Component ${at + 1} is mostly ${loadings
              .slice(0, 3)
              .map((one) => one.feature)
              .join(', ')}.`}
            rows={loadings.slice(0, 12).map((one) => ({ label: one.feature, value: one.loading }))}
          />
        </Section>
      ))}
      {found.choice && found.choice.length > 0 && <ChoiceCurves curves={found.choice} metric={found.metric} />}
      {found.dendrogram && found.dendrogram.length > 0 && <Dendrogram merges={found.dendrogram} />}
    </div>
  )
}
