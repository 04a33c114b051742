import { PlatformError } from '../../kernel/errors.ts'

/** The table engine's own words as an error of the platform. `facts.engine` keeps them for whoever knows the file; they never hold a person's file path. */
export function tableError(message: string, sql: string | null): PlatformError {
  const engine = cut(message)
    .replaceAll(/(["'])\/[^"'\n]*\1/g, '$1(file)$1')
    .replaceAll(/file = \/\S+/g, 'file = (file)')
  const first = engine.split('\n')[0] ?? engine
  if (/No space left|ENOSPC|max_temp_directory_size|failed to offload data block/i.test(message))
    return new PlatformError('storage_full', 'The disk is too full to finish this. Free some space and try again.', {
      engine: first,
    })
  const workbook = /^WORKBOOK_TOO_LARGE (.*)/.exec(message)
  if (workbook)
    return new PlatformError(
      'too_large',
      `The workbook is too large to be read: ${workbook[1]}. Save the table as CSV or Parquet.`,
    )
  if (/^Out of Memory|ended before it was done/i.test(message))
    return new PlatformError('too_large', 'This needs more memory than a table job may use.', { engine: first })
  if (/^(Invalid Input|Conversion|Out of Range|Invalid|Value) Error|CSV Error|Malformed|^Invalid unicode/i.test(message))
    return new PlatformError('invalid_input', first, { engine })
  if (/^Permission Error/.test(message))
    return new PlatformError('forbidden', 'The table engine may not reach that file.', { engine: first })
  // A fault of ours: for the log, not for whoever asked.
  return new PlatformError('internal', 'The table engine could not do this.', {}, { cause: new Error(`${engine}\n${sql ?? ''}`) })
}

/** The engine repeats the line it failed on, which may be megabytes long. */
const cut = (message: string) =>
  message
    .slice(0, 100_000)
    .split('\n')
    .filter((line) => !line.startsWith('Original Line'))
    .map((line) => line.slice(0, 400))
    .join('\n')
    .slice(0, 4000)
