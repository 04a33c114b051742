import type { Files } from '../../../ports/files/files.ts'
import type { DoneStretch, Stretch } from './spec.ts'

/** Divides rows into stretches of about `most` rows that begin where row groups do: what lies in one is read once. */
export function stretchesOf(rows: number, most: number, groups: readonly number[] = []): Stretch[] {
  const stretches: Stretch[] = []
  const cut = (from: number, to: number) => {
    for (let at = from; at < to; at += most) stretches.push({ number: stretches.length, from: at, to: Math.min(to, at + most) })
  }
  // Groups larger than a stretch are cut all the same; that is cheaper than to leave a processor idle.
  let from = 0
  for (const start of groups) {
    if (start <= from || start - from < most) continue
    if (start - from > 1.5 * most) cut(from, start)
    else stretches.push({ number: stretches.length, from, to: start })
    from = start
  }
  cut(from, rows)
  return stretches
}

const nameOf = ({ number }: Stretch): string => String(number).padStart(7, '0')

/** The stretches that are done, on disk: a stretch counts once its note is written, after its file. */
export function doneStretches(files: Files, checkpointFolder: string) {
  const folder = `${checkpointFolder}/parts`
  return {
    folder,
    file: (stretch: Stretch): string => `${folder}/${nameOf(stretch)}.parquet`,
    async open(): Promise<Map<number, DoneStretch>> {
      await files.makeFolder(folder)
      const done = new Map<number, DoneStretch>()
      for (const name of await files.names(folder))
        if (name.endsWith('.json')) done.set(Number(name.slice(0, 7)), (await files.readJson(folder, name)) as DoneStretch)
      return done
    },
    /** What an attempt left half-written is written anew. */
    clear: (stretch: Stretch): Promise<void> => files.remove(folder, `${nameOf(stretch)}.parquet`),
    note: (stretch: Stretch, done: DoneStretch): Promise<void> => files.writeJson(folder, `${nameOf(stretch)}.json`, done),
  }
}
