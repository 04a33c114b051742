import { createReadStream, createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import iconv from 'iconv-lite'

/** Rewrites a text file as UTF-8 with one kind of line end, counting the characters that could not be read. */
export async function toUtf8({ from, to, encoding }: { from: string; to: string; encoding: string }) {
  let replaced = 0
  let line = 1
  let firstReplacedLine: number | null = null
  let held = ''
  const count = new Transform({
    decodeStrings: false,
    transform(chunk: string | Buffer, _encoding, done) {
      const text = typeof chunk === 'string' ? chunk : chunk.toString('utf8')
      for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at)
        if (unit === 10) line++
        else if (unit === 0xfffd) {
          replaced++
          firstReplacedLine ??= line
        }
      }
      // A pair that is cut in two between pieces is mended with the next one.
      const whole = held + text
      held = whole.endsWith('\r') ? '\r' : ''
      done(null, (held ? whole.slice(0, -1) : whole).replaceAll('\r\n', '\n'))
    },
    flush(done) {
      done(null, held)
    },
  })
  const decode = iconv.decodeStream(encoding)
  decode.setEncoding('utf8')
  await pipeline(createReadStream(from, { highWaterMark: 1 << 20 }), decode, count, createWriteStream(to, { mode: 0o600 }))
  return { replaced, firstReplacedLine }
}
