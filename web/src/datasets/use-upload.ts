import type { Upload } from '@atoll/sdk'
import { useEffect, useRef, useState } from 'react'
import { atoll } from '../api.ts'
import type { Sending } from './sending.ts'

export interface UploadState {
  file: Sending
  sent: number
  bytesPerSecond: number | null
  done: Upload | null
  error: Error | null
  paused: boolean
}

/** Sends one file in parts; can pause, go on, and resume after a reload with the same file. */
export function useUpload() {
  const [state, setState] = useState<UploadState | null>(null)
  const control = useRef<AbortController | null>(null)
  const uploadId = useRef<string | null>(null)

  useEffect(() => () => control.current?.abort(), [])

  async function run(file: Sending, resume: string | null): Promise<void> {
    control.current?.abort()
    const abort = new AbortController()
    control.current = abort
    const started = Date.now()
    let from: number | null = null
    setState({ file, sent: 0, bytesPerSecond: null, done: null, error: null, paused: false })
    try {
      const done = await atoll.uploads.send(file, {
        filename: file.name,
        resume: resume ?? undefined,
        signal: abort.signal,
        onProgress: (sent, _of, id) => {
          uploadId.current = id
          from ??= sent
          remember(file, id)
          const seconds = (Date.now() - started) / 1000
          const rate = sent > from && seconds > 0.2 ? (sent - from) / seconds : null
          setState((old) => old && { ...old, sent, bytesPerSecond: rate })
        },
      })
      remember(file, null)
      setState((old) => old && { ...old, sent: file.size, done })
    } catch (error) {
      if (abort.signal.aborted) return
      // An upload of an earlier visit may have expired: begin again once.
      if (resume && (error as { status?: number }).status === 404) {
        remember(file, null)
        return run(file, null)
      }
      setState((old) => old && { ...old, error: error as Error })
    }
  }

  return {
    state,
    start: (file: Sending) => void run(file, recall(file)),
    pause: () => {
      control.current?.abort()
      setState((old) => old && { ...old, paused: true })
    },
    resume: () => state && void run(state.file, uploadId.current),
    cancel: () => {
      control.current?.abort()
      if (uploadId.current) void atoll.uploads.delete(uploadId.current).catch(() => {})
      if (state) remember(state.file, null)
      uploadId.current = null
      setState(null)
    },
  }
}

function remember(file: Sending, id: string | null): void {
  try {
    if (id) localStorage.setItem(file.print, id)
    else localStorage.removeItem(file.print)
  } catch {
    // Without storage an upload resumes only while the page stays open.
  }
}

function recall(file: Sending): string | null {
  try {
    return localStorage.getItem(file.print)
  } catch {
    return null
  }
}
