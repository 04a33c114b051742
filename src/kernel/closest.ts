/** The existing name nearest to what was typed (Damerau 1964: one swap, gap or change counts one; case and separators do not count), or null when none is near. */
export function closestName(typed: string, existing: Iterable<string>): string | null {
  const wanted = plain(typed)
  let best: { name: string; distance: number } | null = null
  for (const name of existing) {
    const candidate = plain(name)
    const most = Math.max(1, Math.floor(Math.max(wanted.length, candidate.length) / 3))
    if (Math.abs(wanted.length - candidate.length) > most) continue
    const distance = edits(wanted, candidate)
    if (distance <= most && (!best || distance < best.distance)) best = { name, distance }
  }
  return best?.name ?? null
}

const plain = (name: string): string => name.toLowerCase().replace(/[\s_.-]+/g, '')

function edits(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) next[j] = Math.min(next[j]!, before[j - 2]! + 1)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
