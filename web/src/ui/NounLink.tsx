import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useProjectRef } from '../app/project.ts'
import { cx } from './cx.ts'

type Noun = 'dataset' | 'goal' | 'recipe' | 'model' | 'endpoint' | 'transform' | 'monitor' | 'loop' | 'job' | 'run'

const paths = {
  dataset: '/p/$project/datasets/$dataset',
  goal: '/p/$project/goals/$goal',
  recipe: '/p/$project/recipes/$recipe',
  model: '/p/$project/models/$model',
  endpoint: '/p/$project/endpoints/$endpoint',
  transform: '/p/$project/transforms/$transform',
  monitor: '/p/$project/monitors/$monitor',
  loop: '/p/$project/loops/$loop',
  job: '/p/$project/jobs/$job',
  run: '/p/$project/training/runs/$run',
} as const satisfies Record<Noun, string>

/** A link to the page of a noun in this project. */
export function NounLink({
  noun,
  to,
  children,
  search,
  className,
}: {
  noun: Noun
  to: string
  children: ReactNode
  search?: Record<string, string | undefined>
  className?: string
}) {
  const project = useProjectRef()
  const params = { project, [noun]: to } as never
  return (
    <Link to={paths[noun] as '/p/$project'} params={params} search={search} className={cx('link', className)}>
      {children}
    </Link>
  )
}
