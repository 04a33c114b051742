import type { ByteSource } from './byte-source.ts'

const mostBytes = 1 << 20

/** `license:` in the head of a model card (the YAML between two lines of dashes). */
export async function licenceIn(card: ByteSource): Promise<string | null> {
  const text = (await card.read(0, mostBytes)).toString('utf8')
  const head = /^---\r?\n([\s\S]*?)\r?\n---/.exec(text)?.[1] ?? ''
  return /^licen[cs]e:\s*["']?([^"'\r\n]+)/m.exec(head)?.[1]?.trim().slice(0, 200) ?? null
}
