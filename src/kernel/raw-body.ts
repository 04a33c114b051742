/** A body as it came, in the piece that it came in; text is made of it where somebody asks. */
export class RawBody {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  private asText: string | undefined
  private asAscii: string | undefined

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.start = start
    this.end = end
  }

  static of(text: string): RawBody {
    const body = new RawBody(Buffer.from(text))
    body.asText = text
    return body
  }

  get text(): string {
    this.asText ??= this.bytes.toString('utf8', this.start, this.end)
    return this.asText
  }

  /** A character for each byte: the text, as far as nothing in it is beyond ASCII. */
  get ascii(): string {
    this.asAscii ??= this.bytes.toString('latin1', this.start, this.end)
    return this.asAscii
  }
}
