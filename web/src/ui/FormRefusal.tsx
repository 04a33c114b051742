import { fieldOf } from '../api.ts'
import { ErrorNote } from './State.tsx'

/** Why a form was refused, beside its button: whole where no field of the form says it, else a word that sends there. */
export function FormRefusal({ error, errorFor }: { error: unknown; errorFor: (field: string) => string | null }) {
  if (!error) return null
  const field = fieldOf(error)
  const isMarked = field !== null && errorFor(field) !== null
  return isMarked ? (
    <p role="alert" className="text-sm text-bad">
      Refused: the field in red says why.
    </p>
  ) : (
    <ErrorNote error={error} />
  )
}
