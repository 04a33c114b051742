import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openMedia } from '../open.ts'
import { zipOf } from '../testing.ts'
import type { DocumentKind } from './document.ts'
import { pdfOf } from './testing.ts'

const root = mkdtempSync(join(tmpdir(), 'atoll-documents-'))
const media = openMedia()
after(async () => {
  await media.close()
  rmSync(root, { recursive: true, force: true })
})

let count = 0
function read(content: string | Buffer, kind: DocumentKind) {
  const from = join(root, `${++count}`)
  writeFileSync(from, content)
  return media.document({ from, kind })
}
async function text(content: string | Buffer, kind: DocumentKind): Promise<string> {
  const found = await read(content, kind)
  if ('problem' in found) assert.fail(found.problem)
  return found.pages.map((page) => page.text).join('\n--\n')
}
async function problem(content: string | Buffer, kind: DocumentKind): Promise<string> {
  const found = await read(content, kind)
  return 'problem' in found ? found.problem : assert.fail(JSON.stringify(found).slice(0, 200))
}
const word = (body: string) =>
  zipOf([
    { name: '[Content_Types].xml', content: '<Types/>' },
    { name: 'word/document.xml', content: `<?xml version="1.0"?><w:document><w:body>${body}</w:body></w:document>` },
  ])
const paragraph = (words: string) => `<w:p><w:r><w:t>${words}</w:t></w:r></w:p>`

test('a text is read in the encoding that it is in', async () => {
  assert.equal(await text('Grüße\r\naus Köln\n', 'text'), 'Grüße\naus Köln')
  assert.equal(await text(Buffer.from([0xff, 0xfe, 0x48, 0, 0xe4, 0]), 'text'), 'Hä')
  assert.match(
    await text(Buffer.from('Die Straße, die Brücke und das Gebäude stehen schön über dem Fluss.', 'latin1'), 'text'),
    /Straße.*Gebäude.*über/,
  )
  assert.match(await problem(Buffer.from([1, 0, 2, 0]), 'text'), /is no text/)
  assert.match(await problem(' \n ', 'text'), /holds no text/)
})

test('a page of HTML is what its reader sees: no scripts, blocks on their own lines, entities as characters', async () => {
  const html =
    '<html><head><title>T</title><style>p{}</style></head><body><h1>A &amp; B</h1><script>alert("x")</script><p>one\n  <b>two</b></p>' +
    '<ul><li>x<li>y</ul><table><tr><td>1</td><td>2</td></tr></table><pre>a\n  b</pre><!-- no --></body></html>'
  assert.equal(await text(html, 'html'), 'A & B\n\none two\n\nx\n\ny\n\n1\t2\n\na\n  b')
  assert.match(await text(Buffer.from('<meta charset="iso-8859-1"><p>\xe9t\xe9</p>', 'latin1'), 'html'), /été/)
})

test('a Word document gives its words page by page, without what was deleted or is there twice', async () => {
  const body =
    paragraph('Costs &lt; gains') +
    '<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t xml:space="preserve"> c</w:t></w:r></w:p>' +
    '<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>' +
    '<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>'
  assert.equal(await text(word(body), 'docx'), 'Costs < gains\na\tb\n c\n\nbox')
  const pages = await text(
    word(`${paragraph('one')}<w:p><w:r><w:br w:type="page"/><w:lastRenderedPageBreak/><w:t>two</w:t></w:r></w:p>`),
    'docx',
  )
  assert.equal(pages, 'one\n--\ntwo')
  assert.match(await problem(zipOf([{ name: 'xl/workbook.xml', content: 'x' }]), 'docx'), /no word\/document.xml/)
  const odt = zipOf([
    {
      name: 'content.xml',
      content:
        '<office:document><office:automatic-styles>s</office:automatic-styles><office:body><office:text><text:h>H</text:h><text:p>a<text:s text:c="3"/>b</text:p></office:text></office:body></office:document>',
    },
  ])
  assert.equal(await text(odt, 'odt'), 'H\na   b')
})

test('a PDF gives its words page by page; one that is locked, broken, empty or none says so', async () => {
  const found = await read(pdfOf(['First page', '', 'Third (page)']), 'pdf')
  assert.deepEqual(found, {
    pages: [
      { page: 1, text: 'First page' },
      { page: 2, text: '' },
      { page: 3, text: 'Third (page)' },
    ],
  })
  assert.match(await problem(pdfOf(['', '']), 'pdf'), /its pages are pictures/)
  assert.match(await problem('%PDF-1.4\nnonsense', 'pdf'), /cannot be read as a PDF/)
  assert.match(await problem(pdfOf(['secret'], { locked: true }), 'pdf'), /is locked with a password/)
  assert.match(await problem('<html>', 'pdf'), /is no PDF/)
})

test('what is made to break its reader is named, and the next document is read', { timeout: 60_000 }, async () => {
  const bomb = Buffer.alloc(65 * 1024 ** 2, '<w:p/>')
  assert.match(await problem(word(bomb.toString('latin1')), 'docx'), /unpacks to more than 64 MB/)
  // Entities that unfold into one another are no words: nothing declares entities here.
  const laughs =
    '<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]><w:p><w:t>&b;&c;ok</w:t></w:p>'
  assert.doesNotMatch(await text(word(laughs), 'docx'), /haha|root:/)
  assert.match(await problem('<b>'.repeat(300_000), 'html'), /nested more than 5,000 deep/)
  assert.match(await problem(word('<w:p>'.repeat(300_000)), 'docx'), /nested more than 5,000 deep/)
  assert.equal(await text('still here', 'text'), 'still here')
})
