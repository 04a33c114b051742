import type { DatasetVersion } from '../../datasets/schema.ts'
import { gatheredHow } from './job.ts'

export interface PeopleVersions {
  /** The newest version that people made and that can be used. */
  newest: DatasetVersion | null
  /** The version of people that a gathered version rests on, however many times over; itself where people made it. */
  origin(versionId: string): DatasetVersion | null
}

const isGathered = ({ derivedFrom }: DatasetVersion): boolean => derivedFrom?.how.startsWith(gatheredHow) ?? false

/** Tells versions that people made from those that loops gathered. */
export function peopleVersions(versions: readonly DatasetVersion[]): PeopleVersions {
  const byId = new Map(versions.map((version) => [version.id, version]))
  const own = versions.filter((version) => version.state === 'ready' && !isGathered(version))
  return {
    newest: own.reduce<DatasetVersion | null>((newest, one) => (newest && newest.number > one.number ? newest : one), null),
    origin(versionId) {
      let at = byId.get(versionId) ?? null
      while (at && isGathered(at)) at = byId.get(at.derivedFrom!.version) ?? null
      return at
    },
  }
}
