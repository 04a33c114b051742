import { count } from '../../ui/format.ts'
import type { WordCompany } from './found-files.ts'
import { NearThings } from './NearThings.tsx'

/** Words with those nearest to them: the most frequent ones, or those that begin as was typed. */
export const NearWords = ({ words }: { words: readonly WordCompany[] }) => (
  <NearThings
    title="Words"
    note="The nearest words of each, by the cosine of their vectors: 1 is the same direction, 0 nothing in common."
    noun="word"
    things={words.map(({ word, times, near }) => ({
      name: word,
      often: count(times, 'time'),
      near: near.map((one) => ({ name: one.word, similarity: one.similarity })),
    }))}
  />
)
