import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipEntry {
  name: string
  data: Buffer
  /** Packed, and with its size told as this. */
  packed?: Buffer
  says?: number
}

/** A workbook of one cell, with something of ours before the shared strings and the sheet. */
export function workbook(prologue: string, cell: string): ZipEntry[] {
  const xml = (body: string, first = '') => Buffer.from(`<?xml version="1.0" encoding="UTF-8" standalone="yes"?>${first}${body}`)
  const sheet = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const relations = 'http://schemas.openxmlformats.org/package/2006/relationships'
  const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  const files = {
    '[Content_Types].xml': xml(
      '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>',
    ),
    '_rels/.rels': xml(
      `<Relationships xmlns="${relations}"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ),
    'xl/workbook.xml': xml(
      `<workbook xmlns="${sheet}" xmlns:r="${office}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    ),
    'xl/_rels/workbook.xml.rels': xml(
      `<Relationships xmlns="${relations}"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="${office}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
    ),
    'xl/worksheets/sheet1.xml': xml(
      `<worksheet xmlns="${sheet}"><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row><row r="3"><c r="A3" t="inlineStr"><is><t>${cell}</t></is></c></row></sheetData></worksheet>`,
      prologue,
    ),
    'xl/sharedStrings.xml': xml(
      `<sst xmlns="${sheet}" count="2" uniqueCount="2"><si><t>head</t></si><si><t>${cell}</t></si></sst>`,
      prologue,
    ),
  }
  return Object.entries(files).map(([name, data]) => ({ name, data }))
}

/** Data packed as tightly as zip can. */
export const deflated = (data: Buffer): Buffer => deflateRawSync(data, { level: 9 })

/** A zip archive, as honest as its entries are. */
export function zip(files: readonly ZipEntry[], { sharedData = false } = {}): Buffer {
  const bodies: Buffer[] = []
  const entries: Buffer[] = []
  let offset = 0
  let firstOffset: number | null = null
  for (const { name, data, packed, says } of files) {
    const stored = packed ?? data
    const header = Buffer.alloc(26)
    header.writeUInt16LE(20, 0)
    header.writeUInt16LE(packed ? 8 : 0, 4)
    if (!packed) header.writeUInt32LE(crc32(data), 10)
    header.writeUInt32LE(stored.length, 14)
    header.writeUInt32LE(says ?? data.length, 18)
    header.writeUInt16LE(Buffer.byteLength(name), 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(sharedData && firstOffset !== null ? firstOffset : offset, 10)
    entries.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), header, place, Buffer.from(name))
    if (sharedData && firstOffset !== null) continue
    firstOffset ??= offset
    bodies.push(Buffer.from('PK\x03\x04', 'latin1'), header, Buffer.from(name), stored)
    offset += 30 + Buffer.byteLength(name) + stored.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...bodies, directory, end])
}
