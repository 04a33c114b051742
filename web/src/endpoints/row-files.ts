import type { Row } from './RowForm.tsx'

/** The files of a row that a form holds, by column. */
export const filesOf = (row: Row): [string, File][] =>
  Object.entries(row).filter((entry): entry is [string, File] => entry[1] instanceof File)

/** The row as JSON takes it: files as data URLs. */
export async function asSent(row: Row): Promise<Record<string, unknown>> {
  const sent: Record<string, unknown> = { ...row }
  for (const [name, file] of filesOf(row)) sent[name] = await dataUrl(file)
  return sent
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result).replace(/^data:;/, 'data:application/octet-stream;'))
    reader.onerror = () => reject(new Error(`"${file.name}" cannot be read any more. Choose it again.`))
    reader.readAsDataURL(file)
  })
}
