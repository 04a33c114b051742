import { colourOf } from '../../charts/series.ts'
import { count, percent, short } from '../../ui/format.ts'
import { Section } from '../../ui/Page.tsx'
import type { Topic } from './found-files.ts'

/** Topics: their first words, longer bars for weightier ones, and texts that are most about them. */
export function TopicCards({ topics }: { topics: readonly Topic[] }) {
  return (
    <Section title="Topics" note="The words of each topic by weight; coherence says how often they come together in texts.">
      <div className="grid gap-4 md:grid-cols-2 2xl:grid-cols-3">
        {topics.map((topic) => (
          <TopicCard key={topic.topic} topic={topic} />
        ))}
      </div>
    </Section>
  )
}

function TopicCard({ topic }: { topic: Topic }) {
  const most = topic.words[0]?.weight ?? 1
  return (
    <article className="rounded-md border p-3" style={{ borderTop: `3px solid ${colourOf(topic.topic)}` }}>
      <h3 className="flex flex-wrap items-baseline justify-between gap-2 font-medium">
        Topic {topic.topic}
        <span className="num text-sm font-normal text-soft">
          {percent(topic.share)} of all, first in {count(topic.rows, 'text')}, coherence {short(topic.coherence, 2)}
        </span>
      </h3>
      <ul className="mt-2 space-y-0.5 text-sm">
        {topic.words.slice(0, 12).map((one) => (
          <li key={one.word} className="relative flex justify-between gap-2 px-1">
            <span
              aria-hidden="true"
              className="absolute inset-y-0 left-0 rounded-sm opacity-20"
              style={{ width: `${(100 * one.weight) / most}%`, background: colourOf(topic.topic) }}
            />
            <span>{one.word}</span>
            <span className="num text-faint">{short(one.weight, 2)}</span>
          </li>
        ))}
      </ul>
      {topic.labels && (
        <p className="mt-2 text-sm text-soft">
          {topic.labels
            .slice(0, 4)
            .map((one) => `${one.label || '(none)'} ${one.rows}`)
            .join(', ')}
        </p>
      )}
      <details className="mt-2 text-sm">
        <summary className="text-soft">Texts most about it</summary>
        {topic.examples.map((example) => (
          <blockquote key={example.row} className="mt-2 border-l-2 pl-2">
            {example.text}{' '}
            <span className="num text-faint">
              row {example.row}, {percent(example.share)}
            </span>
          </blockquote>
        ))}
      </details>
    </article>
  )
}
