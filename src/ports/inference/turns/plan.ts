/** How a recording is divided among speakers, as training settled it (atoll_engines/audio/diarisation/plan.py). Lengths are in samples. */
export interface TurnsPlan {
  rate: number
  /** What the network hears at once, and how far apart windows begin. */
  window: number
  step: number
  /** Frames of the search for speech. */
  frame: number
  hop: number
  /** From which power on a frame is speech, as shares of the recording's own levels. */
  belowLoud: number
  aboveQuiet: number
  mostQuiet: number
  least: number
  /** Frames: shorter pauses are speech, shorter speech is none, and so much is added at either end. */
  shortestPause: number
  shortestSpeech: number
  margin: number
  /** Groups of windows further apart than this (mean cosine distance) are two speakers. */
  threshold: number
  speakers: number | null
  /** Windows that are grouped; of longer recordings the others join the nearest group. */
  mostWindows: number
  /** Values of one voice. */
  width: number
}

/** Somebody speaks, in seconds. */
export interface Turn {
  start: number
  end: number
  speaker: string
}

/** What is said of a recording. */
export interface TurnsAnswer {
  turns: Turn[]
}

/** Turns as text; equal ones are equal texts. */
export const turnText = ({ start, end, speaker }: Turn): string => `${start.toFixed(2)}-${end.toFixed(2)} ${speaker}`
