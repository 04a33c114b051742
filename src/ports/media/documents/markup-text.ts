import { type Handler, Parser } from 'htmlparser2'
import { DocumentError, documentLimits } from './document.ts'

const silent = new Set(['script', 'style', 'noscript', 'template', 'svg', 'head', 'object', 'iframe'])
const blocks = new Set(
  'address article aside blockquote body caption dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot thead title tr ul'.split(
    ' ',
  ),
)

/** The words of a page of HTML as a reader sees them: blocks on lines of their own, nothing of scripts and styles. */
export function htmlText(html: string): string {
  const text = new Lines()
  let hidden = 0
  let kept = 0
  parse(html, {
    onopentagname(name) {
      if (silent.has(name)) hidden++
      if (name === 'pre') kept++
      if (name === 'br') text.end()
      else if (name === 'td' || name === 'th') text.cell()
      else if (blocks.has(name)) text.end()
    },
    onclosetag(name) {
      if (silent.has(name)) hidden = Math.max(0, hidden - 1)
      if (name === 'pre') kept = Math.max(0, kept - 1)
      if (blocks.has(name)) text.end()
    },
    ontext(piece) {
      if (hidden === 0) text.add(kept > 0 ? piece : piece.replace(/[ \t\r\n\f]+/g, ' '), kept > 0)
    },
  })
  return text.toString()
}

/** The words of `word/document.xml`, page by page where whoever saved it noted where pages begin. */
export function wordPages(xml: string): string[] {
  const pages = [new Lines()]
  let isText = 0
  let passedOver = 0
  const page = () => pages.at(-1)!
  parse(
    xml,
    {
      onopentag(name, attributes) {
        // What older programs show instead of what came before: the same words again.
        if (name === 'mc:Fallback') passedOver++
        if (passedOver > 0) return
        if (name === 'w:t') isText++
        else if (name === 'w:tab') page().add('\t', true)
        else if (name === 'w:tc') page().cell()
        else if (name === 'w:lastRenderedPageBreak' || (name === 'w:br' && attributes['w:type'] === 'page')) turn()
        else if (name === 'w:br' || name === 'w:cr') page().end()
      },
      onclosetag(name) {
        if (name === 'mc:Fallback') passedOver--
        else if (name === 'w:t' && passedOver === 0) isText--
        else if (name === 'w:p' || name === 'w:tr') page().end()
      },
      ontext(piece) {
        if (isText > 0 && passedOver === 0) page().add(piece, true)
      },
    },
    { xmlMode: true },
  )
  function turn() {
    // A break that was asked for, and the note of the page that it began, are one.
    if (!page().isEmpty) pages.push(new Lines())
    if (pages.length > documentLimits.pages) throw new DocumentError(`has more than ${documentLimits.pages} pages`)
  }
  return pages.map(String)
}

/** The words of `content.xml` of an OpenDocument text. */
export function openDocumentText(xml: string): string {
  const text = new Lines()
  let body = 0
  let note = 0
  parse(
    xml,
    {
      onopentag(name, attributes) {
        if (name === 'office:text') body++
        else if (name === 'text:tracked-changes') note++
        else if (name === 'text:tab') text.add('\t', true)
        else if (name === 'text:line-break') text.end()
        else if (name === 'text:s')
          text.add(' '.repeat(Math.min(1000, Math.max(1, Number(attributes['text:c'] ?? 1) || 1))), true)
        else if (name === 'table:table-cell') text.cell()
      },
      onclosetag(name) {
        if (name === 'office:text') body--
        else if (name === 'text:tracked-changes') note--
        else if (name === 'text:p' || name === 'text:h' || name === 'table:table-row') text.end()
      },
      ontext(piece) {
        if (body > 0 && note === 0) text.add(piece.replace(/[ \t\r\n]+/g, ' '))
      },
    },
    { xmlMode: true },
  )
  return text.toString()
}

/** Deeper than people write; what is nested without end takes its reader without end. */
const mostDepth = 5000

function parse(text: string, handler: Partial<Handler>, options = {}): void {
  let depth = 0
  const parser = new Parser(
    {
      ...handler,
      onopentagname(name) {
        if (++depth > mostDepth) throw new DocumentError(`is nested more than ${mostDepth.toLocaleString('en')} deep`)
        handler.onopentagname?.(name)
      },
      onclosetag(name, implied) {
        depth--
        handler.onclosetag?.(name, implied)
      },
    },
    options,
  )
  parser.end(text)
}

/** Text that grows by pieces and lines. */
class Lines {
  private readonly lines: string[] = []
  private line = ''

  add(piece: string, asItIs = false): void {
    this.line += !asItIs && (this.line === '' || this.line.endsWith(' ')) ? piece.replace(/^ /, '') : piece
  }

  /** Cells of a row stay on its line. */
  cell(): void {
    if (this.line.trim() !== '') this.line += '\t'
  }

  end(): void {
    const line = this.line.trimEnd()
    this.line = ''
    if (line !== '' || (this.lines.length > 0 && this.lines.at(-1) !== '')) this.lines.push(line)
  }

  get isEmpty(): boolean {
    return this.line.trim() === '' && this.lines.every((line) => line === '')
  }

  toString(): string {
    return [...this.lines, this.line.trimEnd()].join('\n').trim()
  }
}
