const starts: [type: string, at: number, bytes: string][] = [
  ['image/png', 0, '\x89PNG'],
  ['image/jpeg', 0, '\xff\xd8\xff'],
  ['image/gif', 0, 'GIF8'],
  ['image/webp', 8, 'WEBP'],
  ['image/tiff', 0, 'II*\0'],
  ['image/tiff', 0, 'MM\0*'],
  ['audio/wav', 8, 'WAVE'],
  ['audio/flac', 0, 'fLaC'],
  ['audio/ogg', 0, 'OggS'],
  ['audio/mpeg', 0, 'ID3'],
]

/** What a file is by its first bytes; it was read as that when it was asked about. */
export function contentTypeOf(content: Uint8Array): string {
  const head = Buffer.from(content.subarray(0, 16)).toString('latin1')
  return starts.find(([, at, bytes]) => head.startsWith(bytes, at))?.[0] ?? 'application/octet-stream'
}

const endings: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/tiff': 'tif',
  'audio/wav': 'wav',
  'audio/flac': 'flac',
  'audio/ogg': 'ogg',
  'audio/mpeg': 'mp3',
}

/** How the name of such a file ends. */
export const endingOf = (contentType: string): string => endings[contentType] ?? 'bin'
