import type { Model, ModelVersion } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { atoll } from '../api.ts'
import { buttonClass } from '../ui/Button.tsx'
import { CopyButton } from '../ui/CopyButton.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'

const Markdown = lazy(() => import('../ui/Markdown.tsx').then((module) => ({ default: module.Markdown })))

/** The model card, written from the evidence. */
export function CardTab({ model, version }: { model: Model; version: ModelVersion }) {
  const card = useQuery({
    queryKey: ['model', model.id, 'card', version.number],
    queryFn: () => atoll.models.card(model.id, version.number),
  })
  if (card.error) return <ErrorNote error={card.error} retry={() => void card.refetch()} />
  return (
    <Section
      actions={
        <>
          {card.data && <CopyButton text={card.data} label="Copy as Markdown" />}
          <a
            className={buttonClass('plain', 'sm')}
            download={`${model.name}-v${version.number}.md`}
            href={`/v1/models/${model.id}/versions/${version.number}/card`}
          >
            Save as Markdown
          </a>
        </>
      }
    >
      <Suspense fallback={<SkeletonLines lines={12} />}>
        {card.data === undefined ? <SkeletonLines lines={12} /> : <Markdown text={card.data} />}
      </Suspense>
    </Section>
  )
}
