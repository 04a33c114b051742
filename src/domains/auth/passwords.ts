import { invalidInput, PlatformError } from '../../kernel/errors.ts'

export const minPasswordCharacters = 15

/** Refuses what a guesser tries first: short, or long but made of one pattern, a common phrase or the person's own name. */
export function checkPassword(password: string, about: { name: string; email: string | null }): void {
  const refuse = (why: string) => {
    throw invalidInput(
      `Choose another password: ${why} Four or five unrelated words are easy to keep in mind and hard to guess.`,
      {
        field: 'password',
      },
    )
  }
  if ([...password].length < minPasswordCharacters) refuse(`it needs at least ${minPasswordCharacters} characters.`)
  const plain = password.normalize('NFKC').toLowerCase()
  const letters = plain.replace(/[^\p{L}\p{N}]/gu, '')
  if (new Set(plain).size < 6) refuse('it repeats very few characters.')
  if (/^(.{1,8}?)\1+.?$/u.test(letters)) refuse('it repeats one piece.')
  const rest = [...commonPieces, ...about.name.toLowerCase().split(/\s+/), ...(about.email?.toLowerCase().split(/[@.]/) ?? [])]
    .filter((piece) => piece.length >= 3)
    .sort((a, b) => b.length - a.length)
    .reduce((text, piece) => text.replaceAll(piece, ''), letters)
  if (rest.length < 6) refuse('it is made of words and sequences that are tried first.')
}

// The pieces that the longest entries of published lists of leaked passwords are made of.
const commonPieces = [
  'password',
  'passwort',
  'passwd',
  'passw0rd',
  'p4ssword',
  'qwertyuiop',
  'qwerty',
  'qwertz',
  'azerty',
  'asdfghjkl',
  'asdfgh',
  'zxcvbnm',
  'zxcvb',
  'letmein',
  'welcome',
  'iloveyou',
  'monkey',
  'dragon',
  'football',
  'baseball',
  'superman',
  'batman',
  'sunshine',
  'princess',
  'trustno1',
  'changeme',
  'admin',
  'administrator',
  'root',
  'master',
  'secret',
  'login',
  'access',
  'shadow',
  'hello',
  'freedom',
  'whatever',
  'starwars',
  'computer',
  'internet',
  'atoll',
  'correcthorsebatterystaple',
  'correct',
  'horse',
  'battery',
  'staple',
  'abcdefghijklmnopqrstuvwxyz',
  'abcdefgh',
  'abcdef',
  'abc',
  'aaa',
  '01234567890',
  '1234567890',
  '0123456789',
  '123456789',
  '12345678',
  '1234567',
  '123456',
  '12345',
  '1234',
  '123',
  '987654321',
  '654321',
  '4321',
  '321',
  '1q2w3e4r5t6y',
  '1q2w3e4r',
  '1qaz2wsx3edc',
  '1qaz2wsx',
  'qazwsxedc',
  '111',
  '000',
  '2020',
  '2021',
  '2022',
  '2023',
  '2024',
  '2025',
  '2026',
  '2027',
]

const options = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } // argon2id, the OWASP minimum
const maxWaiting = 16
const maxAtOnce = 2
let running = 0
const waiting: (() => void)[] = []

/** Each check costs 19 MiB and some 20 ms of a core, so only a few run or wait at once; beyond that callers are told to come back. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= maxAtOnce) {
    if (waiting.length >= maxWaiting)
      throw new PlatformError('rate_limited', 'Too many sign-ins at this moment. Try again in a few seconds.', {
        retryAfterSeconds: 3,
      })
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  running++
  try {
    return await work()
  } finally {
    running--
    waiting.shift()?.()
  }
}

/** argon2id. */
export async function hashPassword(password: string): Promise<string> {
  const { hash } = await import('@node-rs/argon2')
  return inTurn(() => hash(password.normalize('NFKC'), options))
}

let standIn: Promise<string> | undefined

/** Takes the same time for a person without a password (or no such person) as for a wrong one. */
export async function verifyPassword(hashed: string | null, password: string): Promise<boolean> {
  const { verify } = await import('@node-rs/argon2')
  standIn ??= hashPassword(`nobody's password ${Math.random()}`)
  const against = hashed ?? (await standIn)
  const matches = await inTurn(() => verify(against, password.normalize('NFKC')))
  return matches && hashed !== null
}
