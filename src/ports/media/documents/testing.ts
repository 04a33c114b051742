/** A PDF of pages with a line of text each, written by hand; `content`: another, deflated stream in the place of each page's own; `locked`: with a password. */
export function pdfOf(pages: readonly string[], { content, locked }: { content?: Buffer; locked?: boolean } = {}): Buffer {
  const pieces: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  const length = () => pieces.reduce((sum, piece) => sum + piece.length, 0)
  const add = (body: string | Buffer, stream?: Buffer) => {
    offsets.push(length())
    pieces.push(Buffer.from(`${offsets.length} 0 obj\n`), Buffer.from(body))
    if (stream) pieces.push(Buffer.from('\nstream\n'), stream, Buffer.from('\nendstream'))
    pieces.push(Buffer.from('\nendobj\n'))
  }
  const first = 4
  add('<< /Type /Catalog /Pages 2 0 R >>')
  add(`<< /Type /Pages /Count ${pages.length} /Kids [${pages.map((_, i) => `${first + 2 * i} 0 R`).join(' ')}] >>`)
  add('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
  for (const [i, words] of pages.entries()) {
    add(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Resources << /Font << /F1 3 0 R >> >> /Contents ${first + 2 * i + 1} 0 R >>`,
    )
    const stream =
      content ?? Buffer.from(words === '' ? '' : `BT /F1 12 Tf 20 200 Td (${words.replace(/[()\\]/g, '\\$&')}) Tj ET`)
    add(`<< /Length ${stream.length}${content ? ' /Filter /FlateDecode' : ''} >>`, stream)
  }
  const at = length()
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`)
  pieces.push(
    Buffer.from(
      `xref\n0 ${offsets.length + 1}\n0000000000 65535 f \n${entries.join('')}trailer\n<< /Size ${offsets.length + 1} /Root 1 0 R${locked ? lock : ''} >>\nstartxref\n${at}\n%%EOF\n`,
    ),
  )
  return Buffer.concat(pieces)
}

const nobody = '00'.repeat(32)
const lock = ` /ID [<00> <00>] /Encrypt << /Filter /Standard /V 1 /R 2 /O <${nobody}> /U <${nobody}> /P -4 >>`
