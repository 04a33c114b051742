import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDuration, parseNumber } from './context.ts'
import { csvCell, parseCsv, readRows, typedRow } from './files.ts'

test('what is written as CSV is read back the same, with quotes, commas and line breaks inside cells', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ', '1', ';') })
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, fc.constant('x')), { minLength: 1 }), (rows) => {
      const quote = (value: string) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)
      assert.deepEqual(parseCsv(rows.map((row) => row.map(quote).join(',')).join('\n')), rows)
    }),
  )
})

test('a text cell that a spreadsheet would run as a formula is made harmless; a negative number is left alone', () => {
  assert.equal(csvCell('=HYPERLINK("http://x")'), '"\'=HYPERLINK(""http://x"")"')
  assert.equal(csvCell('@cmd'), "'@cmd")
  assert.equal(csvCell(-1.5), '-1.5')
})

test('rows come from CSV, JSON and JSON lines; a row of another length is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-rows-'))
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  try {
    const rowsOf = async (name: string, text: string) => (await readRows(await write(name, text))).rows
    assert.deepEqual(await rowsOf('a.csv', '\uFEFFx,y\n1,\n2,b\n'), [
      { x: '1', y: null },
      { x: '2', y: 'b' },
    ])
    assert.deepEqual(await rowsOf('a.json', '{"rows":[{"x":1}]}'), [{ x: 1 }])
    assert.deepEqual(await rowsOf('a.jsonl', '{"x":1}\n\n{"x":2}\n'), [{ x: 1 }, { x: 2 }])
    await assert.rejects(readRows(await write('c.jsonl', '{"x":1}\n{"x":\n')), /Line 2 .* is not valid JSON/)
    await assert.rejects(readRows(await write('b.csv', 'x,y\n1,2\n3\n')), /Row 2 .* has 1 cells, the header has 2/)
    await assert.rejects(readRows(join(folder, 'absent.csv')), /There is no file/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('CSV text becomes what the signature asks for; columns that the model does not know are left out', () => {
  const inputs = [
    { name: 'n', type: 'number' },
    { name: 'b', type: 'boolean' },
    { name: 'c', type: 'category' },
  ]
  assert.deepEqual(typedRow({ n: '1.5', b: 'true', c: '7', other: 'x' }, inputs), { n: 1.5, b: true, c: '7' })
  // What is not a number goes as it is: the server refuses it by name.
  assert.deepEqual(typedRow({ n: 'many', b: 'perhaps', c: null }, inputs), { n: 'many', b: 'perhaps', c: null })
})

test('a table as spreadsheets of the continent write it: semicolons, decimal commas, days first, old encoding', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-rows-'))
  try {
    await writeFile(
      join(folder, 'a.csv'),
      Buffer.from('größe;wann;wort\n1.237,96;5.6.2023;a,b\n-4;31.12.2024 08:00;c\n', 'latin1'),
    )
    const { rows, decimalComma } = await readRows(join(folder, 'a.csv'))
    const inputs = [
      { name: 'größe', type: 'number' },
      { name: 'wann', type: 'datetime' },
      { name: 'wort', type: 'category' },
    ]
    assert.deepEqual(
      rows.map((row) => typedRow(row, inputs, { decimalComma })),
      [
        { größe: 1237.96, wann: '2023-06-05', wort: 'a,b' },
        { größe: -4, wann: '2024-12-31 08:00', wort: 'c' },
      ],
    )
    // Between commas, a comma within a cell is no decimal sign.
    assert.deepEqual(typedRow({ größe: '1,5' }, inputs), { größe: '1,5' })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('durations and numbers', () => {
  assert.deepEqual(['90', '90s', '2m', '1.5h'].map(parseDuration), [90, 90, 120, 5400])
  for (const bad of ['', 'soon', '5 parsecs']) assert.throws(() => parseDuration(bad), /not a duration/)
  assert.throws(() => parseNumber('abc'), /not a number/)
})
