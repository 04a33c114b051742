/** So many of a list, evenly from all of it. */
export function spread<T>(values: readonly T[], wanted: number): T[] {
  if (values.length <= wanted) return [...values]
  return Array.from({ length: wanted }, (_, i) => values[Math.floor((i * values.length) / wanted)]!)
}
