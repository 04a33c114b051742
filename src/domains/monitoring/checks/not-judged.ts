import { preconditionFailed } from '../../../kernel/errors.ts'

/** Why a check says nothing here. */
export const notJudged = (reason: string) => preconditionFailed(reason, {})
