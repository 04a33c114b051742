/** A server that takes mail (SMTP), as an administrator named it. */
export interface MailServer {
  host: string
  port: number
  /** tls: encrypted from the first byte; starttls: encrypted before anything is said, or not at all; none: for a relay on this machine. */
  security: 'tls' | 'starttls' | 'none'
  user: string | null
  password: string | null
  from: string
}

export interface Letter {
  to: string
  subject: string
  text: string
  headers?: Record<string, string>
}

/** Sends mail by SMTP. */
export interface Mail {
  /** Answers what the server said when it took the letter; refuses with what went wrong. */
  send(server: MailServer, letter: Letter): Promise<string>
}
