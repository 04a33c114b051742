/** What bytes are, by the bytes alone. */
export interface Content {
  kind: 'image' | 'audio' | 'text' | 'other'
  contentType: string
}

const text = (at: number, bytes: Buffer, word: string) => bytes.toString('latin1', at, at + word.length) === word

/** Tells by the first bytes what a file is; names are not asked. SVG and HTML are text: what runs scripts in a browser is never shown as an image. */
export function sniff(head: Buffer): Content {
  const image = (type: string): Content => ({ kind: 'image', contentType: `image/${type}` })
  const audio = (type: string): Content => ({ kind: 'audio', contentType: `audio/${type}` })
  const is = (word: string, at = 0) => text(at, head, word)
  if (is('\x89PNG\r\n\x1a\n')) return image('png')
  if (is('\xff\xd8\xff')) return image('jpeg')
  if (is('GIF87a') || is('GIF89a')) return image('gif')
  if (is('RIFF') && is('WEBP', 8)) return image('webp')
  if (is('II*\0') || is('MM\0*')) return image('tiff')
  if (is('ftypavif', 4)) return image('avif')
  if (is('BM') && head.length > 26 && head.readUInt32LE(14) >= 12 && head.readUInt32LE(14) <= 124) return image('bmp')
  if (is('ftyphei', 4) || is('ftypmif1', 4)) return image('heic')
  if ((is('RIFF') || is('RF64')) && is('WAVE', 8)) return audio('wav')
  if (is('fLaC')) return audio('flac')
  if (is('OggS')) return audio('ogg')
  if (is('ID3')) return audio('mpeg')
  if (is('ftypM4A', 4) || is('ftypM4B', 4)) return audio('mp4')
  if (is('FORM') && (is('AIFF', 8) || is('AIFC', 8))) return audio('aiff')
  if (head.length > 3 && head[0] === 0xff && isMpegFrame(head)) return audio('mpeg')
  if (head.length > 0 && isText(head)) return { kind: 'text', contentType: 'text/plain' }
  return { kind: 'other', contentType: 'application/octet-stream' }
}

/** An MPEG audio frame (layer 1-3, a valid bit rate and sample rate) or an ADTS AAC frame. */
function isMpegFrame(head: Buffer): boolean {
  const [, b, c] = head as unknown as [number, number, number]
  if ((b & 0xe0) !== 0xe0) return false
  const layer = (b >> 1) & 3
  if (layer === 0) return (b & 0xf6) === 0xf0 && ((c >> 2) & 15) < 13
  return ((b >> 3) & 3) !== 1 && c >> 4 !== 15 && c >> 4 !== 0 && ((c >> 2) & 3) !== 3
}

function isText(head: Buffer): boolean {
  if (is16(head)) return true
  for (const byte of head) if (byte < 9 || (byte > 13 && byte < 32 && byte !== 27)) return false
  return true
}
const is16 = (head: Buffer) => (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)
