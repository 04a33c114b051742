/** Why the steps were chosen, as the suggestion said. */
export function Reasons({ reasons }: { reasons: readonly string[] }) {
  if (reasons.length === 0) return null
  return (
    <details open className="rounded-lg border bg-surface px-4 py-3">
      <summary className="font-medium">Why these steps</summary>
      <ul className="mt-2 list-disc space-y-1 pl-5 text-soft">
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </details>
  )
}
