import type { Recipe } from '@atoll/sdk'
import { Beaker } from 'lucide-react'
import { atoll, usePagedList } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import type { ColumnOf } from '../ui/DataTable.tsx'
import { NewLink } from '../ui/ListPage.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Page } from '../ui/Page.tsx'
import { PagedTable } from '../ui/PagedTable.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'

const columns: readonly ColumnOf<Recipe>[] = [
  {
    id: 'name',
    title: 'Recipe',
    value: (row) => row.name,
    cell: (row) => (
      <NounLink noun="recipe" to={row.name} className="font-medium">
        {row.name}
      </NounLink>
    ),
  },
  { id: 'steps', title: 'Steps', right: true, value: (row) => row.steps.length, cell: (row) => <Num>{row.steps.length}</Num> },
  {
    id: 'what',
    title: 'What it does',
    hide: 'narrow',
    value: wordsOf,
    cell: (row) => <span className="text-soft">{wordsOf(row)}</span>,
  },
  { id: 'target', title: 'Target', hide: 'narrow', value: (row) => row.target, cell: (row) => row.target ?? '–' },
  {
    id: 'revision',
    title: 'Revision',
    right: true,
    hide: 'narrow',
    value: (row) => row.revision,
    cell: (row) => <Num>{row.revision}</Num>,
  },
  { id: 'owner', title: 'By', hide: 'narrow', value: (row) => row.ownerName, cell: (row) => row.ownerName },
  { id: 'at', title: 'Changed', right: true, value: (row) => row.updatedAt, cell: (row) => <Ago at={row.updatedAt} /> },
]

function wordsOf(row: Recipe): string {
  return row.steps.map((step) => step.step.replaceAll('_', ' ')).join(', ')
}

export function RecipesPage() {
  const project = useProjectRef()
  const list = usePagedList(['recipes', project, 'list'], (page) => atoll.recipes.list({ project, ...page }))
  return (
    <Page
      title="Recipes"
      lead="How raw columns become what a model learns from."
      actions={<NewLink to="/recipes/new">New recipe</NewLink>}
    >
      <PagedTable
        label="Recipes"
        columns={columns}
        list={list}
        empty={
          <Empty icon={<Beaker />} title="No recipe yet" action={<NewLink to="/recipes/new">New recipe</NewLink>}>
            Training can make its own from the profile. A recipe is for when you know better: its steps are fitted on training
            rows only and become part of the served model.
          </Empty>
        }
      />
    </Page>
  )
}
