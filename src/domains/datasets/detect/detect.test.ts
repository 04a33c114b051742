import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { crc32 } from 'node:zlib'
import iconv from 'iconv-lite'
import { openDuckDb } from '../../../ports/tables/duckdb.ts'
import { copyToParquet } from '../../../ports/tables/sql.ts'
import type { ReadOptions } from '../schema.ts'
import { inspect, toDetection } from './detect.ts'
import { findDialect, parseRecords } from './dialect.ts'
import { columnNames, findHeader } from './header.ts'

const folder = mkdtempSync(join(tmpdir(), 'atoll-detect-'))
const tables = openDuckDb()
after(async () => {
  await tables.close()
  rmSync(folder, { recursive: true, force: true })
})

let files = 0
async function detect(bytes: Buffer | string, options: Partial<ReadOptions> = {}, columns: Parameters<typeof inspect>[3] = []) {
  const own = join(folder, String(files++))
  mkdirSync(own)
  const path = join(own, 'file')
  writeFileSync(path, bytes)
  const work = { tables, folder: own, quick: true, memoryBytes: 1024 ** 3 }
  return toDetection(work, await inspect(work, { path, filename: 'file' }, options, columns))
}
const example = (path: string) => inspectPath(join(import.meta.dirname, '../../../../examples', path))
async function inspectPath(path: string) {
  const own = join(folder, String(files++))
  mkdirSync(own)
  const work = { tables, folder: own, quick: true, memoryBytes: 1024 ** 3 }
  return toDetection(work, await inspect(work, { path, filename: path }))
}
const types = (detection: { columns: { name: string; type: string }[] }) =>
  Object.fromEntries(detection.columns.map(({ name, type }) => [name, type]))

for (const [name, delimiter] of [
  ['comma', ','],
  ['semicolon', ';'],
  ['tab', '\t'],
  ['bar', '|'],
] as const)
  test(`finds the ${name}`, async () => {
    const found = await detect(
      `a${delimiter}b b${delimiter}c\n1${delimiter}"x${delimiter}y"${delimiter}2.5\n2${delimiter}z${delimiter}3\n`,
    )
    assert.equal(found.options.delimiter, delimiter)
    assert.deepEqual(types(found), { a: 'integer', 'b b': 'category', c: 'number' })
    assert.deepEqual(found.preview[0], [1, `x${delimiter}y`, 2.5])
  })

test('a semicolon file with decimal commas holds numbers, thousands points too', async () => {
  const found = await detect('preis;menge;ort\n1,5;10;Köln\n2,25;20;Ulm\n1.234,5;30;Bonn\n')
  assert.deepEqual([found.options.delimiter, found.options.decimalComma], [';', true])
  assert.deepEqual(types(found), { preis: 'number', menge: 'integer', ort: 'category' })
  assert.deepEqual(
    found.preview.map((row) => row[0]),
    [1.5, 2.25, 1234.5],
  )
})

test('quoted thousands are numbers when there is no doubt', async () => {
  const found = await detect('a,b\n"1,234,567.5",x\n"2,000",y\n300,z\n')
  assert.deepEqual(
    found.preview.map((row) => row[0]),
    [1_234_567.5, 2000, 300],
  )
})

const umlauts = 'name;stadt\nJürgen;Köln\nSören;Malmö\nRené;Besançon\nBjörn;Tromsø\n'
for (const [encoding, bytes] of [
  ['utf-8', Buffer.from(umlauts)],
  ['utf-8 with a mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(umlauts)])],
  ['utf-16le', Buffer.concat([Buffer.from([0xff, 0xfe]), iconv.encode(umlauts, 'utf-16le')])],
  ['utf-16be', Buffer.concat([Buffer.from([0xfe, 0xff]), iconv.encode(umlauts, 'utf-16be')])],
  ['utf-16le without a mark', iconv.encode(umlauts, 'utf-16le')],
  ['windows-1252', iconv.encode(umlauts, 'windows-1252')],
] as const)
  test(`reads ${encoding}`, async () => {
    const found = await detect(bytes as Buffer)
    assert.equal(found.options.encoding, encoding.split(' ')[0])
    assert.deepEqual(
      found.columns.map(({ name }) => name),
      ['name', 'stadt'],
    )
    assert.deepEqual(found.preview[3], ['Björn', 'Tromsø'])
  })

test('a guessed encoding is said to be a guess, and another can be named', async () => {
  const bytes = iconv.encode('имя,город\nИван,Москва\nАнна,Казань\nПётр,Омск\n', 'windows-1251')
  const found = await detect(bytes, { encoding: 'windows-1251' })
  assert.deepEqual(found.preview[0], ['Иван', 'Москва'])
  assert.match((await detect(bytes)).notes[0]!, /a guess from its bytes/)
})

test('dates are found in each of their forms, and doubt is said', async () => {
  const rows = (cell: (day: number) => string) =>
    `d,x\n${Array.from({ length: 28 }, (_, at) => `${cell(at + 1)},${at}`).join('\n')}\n`
  const two = (n: number) => String(n).padStart(2, '0')
  const cases: [string, (day: number) => string, string, RegExp | null][] = [
    ['ISO', (day) => `2024-02-${two(day)}`, '2024-02-03T00:00:00.000Z', null],
    ['ISO with a zone', (day) => `2024-02-${two(day)}T01:00:00+02:00`, '2024-02-02T23:00:00.000Z', null],
    ['German', (day) => `${day}.2.2024`, '2024-02-03T00:00:00.000Z', /day\.month\.year/],
    ['American', (day) => `2/${day}/2024 14:30`, '2024-02-03T14:30:00.000Z', /month\/day\/year, because of/],
    ['British', (day) => `${two(day)}/02/2024`, '2024-02-03T00:00:00.000Z', /day\/month\/year, because of/],
    ['year first', (day) => `2024/02/${two(day)}`, '2024-02-03T00:00:00.000Z', null],
  ]
  for (const [name, cell, third, note] of cases) {
    const found = await detect(rows(cell))
    assert.equal(found.columns[0]?.type, 'datetime', name)
    assert.equal(found.preview[2]?.[0], third, name)
    if (note)
      assert.ok(
        found.notes.some((one) => note.test(one)),
        `${name}: ${found.notes}`,
      )
  }
  const zoned = await detect('{"at": "2024-02-03T01:00:00+02:00"}\n{"at": "2024-02-04T01:00:00+02:00"}\n')
  assert.equal(zoned.preview[0]?.[0], '2024-02-02T23:00:00.000Z')
  const either = await detect('d,x\n3/4/2024,1\n5/6/2024,2\n7/8/2024,3\n')
  assert.equal(either.preview[0]?.[0], '2024-03-04T00:00:00.000Z')
  assert.ok(either.notes.some((note) => /could be month\/day or day\/month/.test(note)))
  const told = await detect('d,x\n3/4/2024,1\n5/6/2024,2\n7/8/2024,3\n', { dateFormat: '%d/%m/%Y' })
  assert.equal(told.preview[0]?.[0], '2024-04-03T00:00:00.000Z')
})

test('words that are answers stay answers; words for missing are missing among numbers', async () => {
  const found = await detect(
    'balance,plan,age,land,zip\n<0,none,NA,NA,01234\n>=200,none,31,DE,99423\n0<=X<200,yes,n/a,FR,00501\n',
  )
  assert.deepEqual(types(found), { balance: 'category', plan: 'category', age: 'integer', land: 'category', zip: 'category' })
  assert.deepEqual(found.preview[0], ['<0', 'none', null, 'NA', '01234'])
  assert.ok(found.notes.some((note) => /leading zeros/.test(note)))
})

test('a column that is nearly numbers is a category, and it is said why', async () => {
  const found = await detect(`age,x\n${Array.from({ length: 40 }, (_, at) => `${at === 20 ? 'abc' : at},1`).join('\n')}\n`)
  assert.equal(found.columns[0]?.type, 'category')
  assert.ok(
    found.notes.some((note) => /98 % numbers but also holds "abc"/.test(note)),
    found.notes.join('\n'),
  )
  const told = await detect(
    `age,x\n${Array.from({ length: 40 }, (_, at) => `${at === 20 ? 'abc' : at},1`).join('\n')}\n`,
    { nullValues: ['abc'] },
    [{ name: 'age', type: 'integer' }],
  )
  assert.equal(told.preview[20]?.[0], null)
})

test('a guessed type gives way to a value that is not of it', async () => {
  const found = await detect('d,x\n2024-02-28,1\n2024-02-30,2\n2024-03-01,3\n')
  assert.deepEqual([found.columns[0]?.type, found.preview[1]?.[0]], ['category', '2024-02-30'])
  assert.ok(found.notes.some((note) => /looked like datetime, but row 2 holds "2024-02-30"/.test(note)))
})

test('lines that end in different ways are read, and it is said', async () => {
  const found = await detect('a,b\r\n1,2\n3,4\r\n')
  assert.deepEqual(found.preview, [
    [1, 2],
    [3, 4],
  ])
  assert.ok(found.notes.some((note) => /lines end in/.test(note)))
})

test('a file without a header gets names', async () => {
  const found = await detect('1,2.5,a\n2,3.5,b\n3,4.5,c\n')
  assert.equal(found.options.header, false)
  assert.deepEqual(
    found.columns.map(({ name }) => name),
    ['column_1', 'column_2', 'column_3'],
  )
  assert.equal(found.rowsEstimate, 3)
})

test('JSON lines, nested values, and a JSON list are tables', async () => {
  const lines = await detect(
    '{"id": 1, "at": "2024-02-29T10:00:00Z", "tags": ["a"], "ok": true}\n{"id": 2, "at": null, "tags": [], "ok": false}\n',
  )
  assert.equal(lines.options.format, 'jsonl')
  assert.deepEqual(types(lines), { id: 'integer', at: 'datetime', tags: 'text', ok: 'boolean' })
  assert.deepEqual(lines.preview[0], [1, '2024-02-29T10:00:00.000Z', '["a"]', true])
  assert.equal((await detect('[{"a": 1}, {"a": 2}]')).rowsEstimate, 2)
})

test('Parquet keeps its own types', async () => {
  const path = join(folder, 'own.parquet')
  const sql = `SELECT range::INTEGER AS i, range::FLOAT AS f, DATE '2024-01-01' + range::INTEGER AS d, 'k' || range % 3 AS c, '0' || range AS digits, range % 2 = 0 AS b FROM range(60)`
  await tables.run({ folders: [folder], statements: [{ sql: copyToParquet(sql, path, 6) }] })
  assert.deepEqual(types(await inspectPath(path)), {
    i: 'integer',
    f: 'number',
    d: 'datetime',
    c: 'category',
    digits: 'category',
    b: 'boolean',
  })
})

test('a workbook is read by its first sheet or the one that is named', async () => {
  const book = workbook({
    Kunden: [
      ['name', 'alter', 'seit'],
      ['Ann', 31, 45351],
      ['Bo', 45, 45352],
    ],
    Leer: [],
    Preise: [['preis'], [1.5], [2.5]],
  })
  const found = await detect(book)
  assert.deepEqual([found.options.format, found.options.sheet, found.sheets], ['excel', 'Kunden', ['Kunden', 'Leer', 'Preise']])
  assert.deepEqual(found.preview, [
    ['Ann', 31, 45351],
    ['Bo', 45, 45352],
  ])
  assert.deepEqual((await detect(book, { sheet: 'Preise' })).preview, [[1.5], [2.5]])
  await assert.rejects(detect(book, { sheet: 'Absent' }), {
    code: 'invalid_input',
    message: /no sheet "Absent". It has: Kunden, Leer, Preise/,
  })
  await assert.rejects(detect(book, { sheet: 'Leer' }), { code: 'invalid_input', message: /"Leer" is empty/ })
})

test('columns that may point to a person are named, with the reason', async () => {
  const rows = Array.from({ length: 30 }, (_, at) =>
    [
      `u${at}@example.org`,
      `+49 30 1234${10 + at}`,
      `192.168.0.${at}`,
      `DE8937040044053201300${at % 10}`,
      `Ann ${at}`,
      `19${50 + at}-01-02`,
      `${10_000 + at * 37}`,
      at % 3,
      at % 2 ? 'yes' : 'none',
    ].join(','),
  )
  const found = await detect(
    `contact,tel,client,konto,last_name,birth_date,zip_code,name_length,own_telephone\n${rows.join('\n')}\n`,
  )
  assert.deepEqual(
    found.columns.map(({ name, personalData }) => [name, personalData?.kind ?? null]),
    [
      ['contact', 'email'],
      ['tel', 'phone'],
      ['client', 'ip_address'],
      ['konto', 'bank_account'],
      ['last_name', 'name'],
      ['birth_date', 'birth_date'],
      ['zip_code', 'address'],
      ['name_length', null],
      ['own_telephone', null],
    ],
  )
  assert.match(found.columns[0]!.personalData!.why, /100 % of its values look like e-mail addresses/)
})

test('the rows of a file that is looked at in part are estimated from its lines', async () => {
  const rows = 400_000
  const lines = Array.from({ length: rows }, (_, at) => `${100_000_000 + at},${['x', 'yy', 'zzz'][at % 3]},${(at % 977) / 10}`)
  const { rowsEstimate } = await detect(`number,word,share\n${lines.join('\n')}\n`)
  assert.ok(rowsEstimate && Math.abs(rowsEstimate / rows - 1) < 0.02, `${rowsEstimate}`)
})

test('the example tables are read as their documentation says', async () => {
  const churn = await example('churn/mlc_churn.csv')
  assert.deepEqual(
    [
      churn.rowsEstimate,
      churn.columns.filter(({ nullable }) => nullable).length,
      churn.columns.filter(({ personalData }) => personalData).length,
    ],
    [5000, 0, 0],
  )
  assert.deepEqual(
    [types(churn).international_plan, types(churn).total_day_minutes, types(churn).area_code],
    ['category', 'number', 'category'],
  )
  const telco = await example('telco/telco_churn.csv')
  assert.deepEqual(
    telco.columns.filter(({ nullable }) => nullable).map(({ name }) => name),
    ['total_charges'],
  )
  assert.equal(types(telco).senior_citizen, 'integer')
  const credit = await example('german-credit/german_credit.csv')
  assert.deepEqual(
    [types(credit).checking_status, types(credit).employment, types(credit).other_parties, types(credit).own_telephone],
    ['category', 'category', 'category', 'category'],
  )
  assert.ok(credit.columns.every(({ nullable }) => !nullable))
  const penguins = await example('penguins/penguins.csv')
  assert.deepEqual(types(penguins), {
    Species: 'category',
    Island: 'category',
    'Beak Length (mm)': 'number',
    'Beak Depth (mm)': 'number',
    'Flipper Length (mm)': 'integer',
    'Body Mass (g)': 'integer',
    Sex: 'category',
  })
})

test('records may hold delimiters, quotes and line ends', () => {
  assert.deepEqual(parseRecords('a,"b ""c"", d\ne"\r\n\n1,2', { delimiter: ',', quote: '"', most: 10 }), [
    ['a', 'b "c", d\ne'],
    ['1', '2'],
  ])
  assert.equal(findDialect('x;y\n1,5;2,5\n3,5;4,5\n').delimiter, ';')
})

test('a header is told from values', () => {
  assert.equal(
    findHeader([
      ['year', 'n'],
      ['2020', '1'],
    ]).header,
    true,
  )
  assert.equal(
    findHeader([
      ['2020', '1'],
      ['2021', '2'],
    ]).header,
    false,
  )
  assert.equal(
    findHeader([
      ['2020', '2021', '2022'],
      ['1', '2', '3'],
    ]).header,
    true,
  )
  assert.deepEqual(columnNames(['a', 'A', '', '__row']).names, ['a', 'A_2', 'column_3', '__row_2'])
})

/** A small .xlsx: strings inline, nothing compressed. */
function workbook(sheets: Record<string, (string | number)[][]>): Buffer {
  const names = Object.keys(sheets)
  const cell = (value: string | number) =>
    typeof value === 'number' ? `<c><v>${value}</v></c>` : `<c t="inlineStr"><is><t>${value}</t></is></c>`
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const relations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships'
  const entries: Record<string, string> = {
    '[Content_Types].xml': `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>`,
    '_rels/.rels': `<Relationships xmlns="${packageRelations}"><Relationship Id="r" Type="${relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    'xl/workbook.xml': `<workbook xmlns="${main}" xmlns:r="${relations}"><sheets>${names.map((name, at) => `<sheet name="${name}" sheetId="${at + 1}" r:id="rId${at + 1}"/>`).join('')}</sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `<Relationships xmlns="${packageRelations}">${names.map((_, at) => `<Relationship Id="rId${at + 1}" Type="${relations}/worksheet" Target="worksheets/sheet${at + 1}.xml"/>`).join('')}</Relationships>`,
    'xl/styles.xml': `<styleSheet xmlns="${main}"><cellXfs count="1"><xf numFmtId="0"/></cellXfs></styleSheet>`,
  }
  for (const [at, name] of names.entries())
    entries[`xl/worksheets/sheet${at + 1}.xml`] =
      `<worksheet xmlns="${main}"><sheetData>${sheets[name]!.map((row, r) => `<row r="${r + 1}">${row.map((value, c) => cell(value).replace('<c', `<c r="${String.fromCharCode(65 + c)}${r + 1}"`)).join('')}</row>`).join('')}</sheetData></worksheet>`
  return zip(entries)
}

function zip(entries: Record<string, string>): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(entries)) {
    const data = Buffer.from(text)
    const facts = Buffer.alloc(26)
    facts.writeUInt16LE(20, 0)
    facts.writeUInt32LE(crc32(data), 10)
    facts.writeUInt32LE(data.length, 14)
    facts.writeUInt32LE(data.length, 18)
    facts.writeUInt16LE(name.length, 22)
    local.push(Buffer.from('PK\x03\x04'), facts, Buffer.from(name), data)
    const entry = Buffer.alloc(42)
    entry.writeUInt16LE(20, 0)
    facts.copy(entry, 2, 0, 26)
    entry.writeUInt32LE(offset, 38)
    central.push(Buffer.from('PK\x01\x02'), entry, Buffer.from(name))
    offset += 30 + name.length + data.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 0, 'latin1')
  end.writeUInt16LE(Object.keys(entries).length, 8)
  end.writeUInt16LE(Object.keys(entries).length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}
