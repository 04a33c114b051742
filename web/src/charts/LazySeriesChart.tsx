import type { ComponentProps } from 'react'
import { lazy, Suspense } from 'react'
import { Skeleton } from '../ui/State.tsx'

const Chart = lazy(() => import('./SeriesChart.tsx'))

/** The series chart, loaded when first shown; its place is reserved meanwhile. */
export const SeriesChart = (props: ComponentProps<typeof Chart>) => (
  <Suspense
    fallback={
      <div style={{ height: (props.height ?? 240) + 32 }}>
        <Skeleton className="h-full" />
      </div>
    }
  >
    <Chart {...props} />
  </Suspense>
)
