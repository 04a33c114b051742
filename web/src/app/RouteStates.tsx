import type { ErrorComponentProps } from '@tanstack/react-router'
import { Link } from '@tanstack/react-router'
import { buttonClass } from '../ui/Button.tsx'
import { Empty, ErrorNote, Skeleton, SkeletonLines } from '../ui/State.tsx'

export const Missing = () => (
  <div className="mx-auto max-w-2xl px-4 py-16">
    <h1 className="sr-only">Not found</h1>
    <Empty
      title="There is no such page"
      action={
        <Link to="/" className={buttonClass('primary')}>
          Go home
        </Link>
      }
    >
      The address may be mistyped, or the thing was renamed or deleted.
    </Empty>
  </div>
)

export const RouteError = ({ error, reset }: ErrorComponentProps) => (
  <div className="mx-auto max-w-2xl px-4 py-10">
    <ErrorNote error={error} retry={reset} title="This page could not be shown." />
  </div>
)

export const RoutePending = () => (
  <div className="mx-auto w-full max-w-[1440px] px-4 pt-5 sm:px-6">
    <Skeleton className="mb-5 h-7 w-56" />
    <SkeletonLines lines={6} />
  </div>
)
