import type { GenerateInput, Written } from '@atoll/sdk'
import { useCallback, useEffect, useRef, useState } from 'react'
import { atoll, changed } from '../../api.ts'

export interface Writing {
  /** What has come of the answer that is being written, or was last. */
  text: string
  isWriting: boolean
  answer: Written | null
  /** The reader ended it. */
  isStopped: boolean
  error: unknown
}

const nothing: Writing = { text: '', isWriting: false, answer: null, isStopped: false, error: null }

/** One answer of a language model at a time, as it is written. */
export function useWriting(endpoint: string) {
  const [writing, setWriting] = useState<Writing>(nothing)
  const leaving = useRef<AbortController | null>(null)
  useEffect(() => () => leaving.current?.abort(), [])

  /** The text that was written, also where it was stopped; null where it was refused. */
  const write = useCallback(
    async (input: GenerateInput): Promise<string | null> => {
      leaving.current?.abort()
      const own = new AbortController()
      leaving.current = own
      let text = ''
      const show = (change: Partial<Writing>) =>
        leaving.current === own && setWriting((before) => ({ ...before, ...change, text }))
      setWriting({ ...nothing, isWriting: true })
      try {
        const pieces = await atoll.endpoints.generate(endpoint, input, { signal: own.signal })
        for (;;) {
          const { done, value } = await pieces.next()
          if (done) {
            show({ isWriting: false, answer: value })
            changed('captures')
            return text
          }
          text += value
          show({})
        }
      } catch (error) {
        show({ isWriting: false, ...(own.signal.aborted ? { isStopped: true } : { error }) })
        return own.signal.aborted ? text : null
      }
    },
    [endpoint],
  )

  return {
    ...writing,
    write,
    stop: () => leaving.current?.abort(),
    clear() {
      leaving.current?.abort()
      leaving.current = null
      setWriting(nothing)
    },
  }
}
