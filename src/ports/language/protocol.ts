import type { FinishReason, Likelihood } from './language.ts'
import type { Prepared } from './prepare.ts'

/** What the model's process is told: one JSON value a line. */
export type Told =
  | {
      type: 'open'
      /** What it is to do: write texts, or make vectors of them. */
      purpose: 'write' | 'embed'
      file: string
      contextLength: number
      threads: number
      chatTemplate: string | null
      /** Texts that only a template may turn into tokens that steer. */
      controlTokens: string[]
    }
  /** `fresh`: nothing of what was written before is used again. */
  | { type: 'generate'; id: number; request: Prepared; fresh: boolean; deadlineMs: number }
  | { type: 'embed'; id: number; texts: readonly string[]; deadlineMs: number }
  | { type: 'cancel'; id: number }

/** What it says. */
export type Said =
  | { type: 'ready' }
  /** `absent`: llama.cpp is not installed here. */
  | { type: 'failed'; message: string; absent?: boolean }
  /** The prompt is made: what is left takes as long as the model takes. */
  | { type: 'prompt'; id: number; tokens: number }
  | { type: 'text'; id: number; text: string; likelihoods?: Likelihood[] }
  | { type: 'call'; id: number; index: number; name?: string; arguments?: string }
  /** float32, as base64. */
  | { type: 'vector'; id: number; index: number; tokens: number; vector: string }
  | { type: 'embedded'; id: number }
  | {
      type: 'done'
      id: number
      finishReason: FinishReason
      tokens: { prompt: number; generated: number }
      prompt?: string
      firstSeconds: number | null
    }
  | { type: 'refused'; id: number; message: string; facts: Record<string, unknown> }
  | { type: 'error'; id: number; message: string }
