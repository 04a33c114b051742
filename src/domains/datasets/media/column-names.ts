/** Columns that an import of media makes, and that a split looks for. */
export const partColumn = 'part'
/** Marks rows that were gathered from live traffic, and the part that each is in. No model learns from it. */
export const gatheredColumn = 'gathered_part'
export const speakerColumn = /^(speaker|speaker_?id|spk|spk_?id|client_id)$/i
/** Items that are the same, or look the same, have the same word here; what is like no other has none. */
export const copyColumn = 'copy_group'

/** What is measured of every image or recording. */
export const measuredNames: ReadonlySet<string> = new Set(['width', 'height', 'bytes', 'seconds', 'sample_rate', 'channels'])
