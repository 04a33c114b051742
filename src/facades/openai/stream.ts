import { isPlatformError } from '../../kernel/errors.ts'
import type { ServerEvent } from '../../kernel/route.ts'
import { errorBody } from './protocol.ts'

/** A stream that breaks off says why, in the words of an error's body, instead of ending in silence. */
export async function* endingInWords(events: AsyncIterable<ServerEvent>): AsyncGenerator<ServerEvent> {
  try {
    yield* events
  } catch (error) {
    const { code, message, facts } = isPlatformError(error)
      ? error
      : { code: 'internal', message: 'The answer broke off; the log of the server says why.', facts: {} }
    yield { event: 'error', data: errorBody({ status: 500, code, message, facts }) }
  }
}
