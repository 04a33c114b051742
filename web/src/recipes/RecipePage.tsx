import type { Recipe } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { atoll } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { Page } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { RecipeEditor } from './RecipeEditor.tsx'

export function NewRecipePage() {
  return <RecipeEditor recipe={null} />
}

export function RecipePage() {
  const project = useProjectRef()
  const ref = useParams({ strict: false }).recipe ?? ''
  const recipe = useQuery<Recipe>({
    queryKey: ['recipe', project, ref],
    queryFn: () => atoll.recipes.get(ref, { project }),
    staleTime: 60_000,
    refetchOnWindowFocus: false,
  })
  if (recipe.data) return <RecipeEditor key={recipe.data.id + recipe.data.revision} recipe={recipe.data} />
  return (
    <Page title={ref}>
      {recipe.error ? <ErrorNote error={recipe.error} retry={() => void recipe.refetch()} /> : <SkeletonLines lines={8} />}
    </Page>
  )
}
