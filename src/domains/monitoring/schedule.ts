import { Cron } from 'croner'
import { invalidInput } from '../../kernel/errors.ts'
import { minutes } from '../../kernel/time.ts'

/** When a schedule (cron, UTC) comes round next after a time; null when never again. */
export function nextRunAfter(schedule: string, afterMs: number): number | null {
  return parse(schedule).nextRun(new Date(afterMs))?.getTime() ?? null
}

/** Refuses what is no schedule, never comes round, or comes round more than once a minute. */
export function refuseBadSchedule(schedule: string): void {
  const [first, second] = parse(schedule).nextRuns(2)
  const facts = { field: 'schedule' }
  if (!first) throw invalidInput(`The schedule "${schedule}" never comes round.`, facts)
  if (second && second.getTime() - first.getTime() < minutes(1)) {
    throw invalidInput(
      `The schedule "${schedule}" runs more than once a minute. Use five fields: minute, hour, day, month, weekday.`,
      facts,
    )
  }
}

function parse(schedule: string): Cron {
  try {
    return new Cron(schedule, { timezone: 'UTC', paused: true })
  } catch (error) {
    throw invalidInput(
      `"${schedule}" is not a cron schedule: ${(error as Error).message} An example: "0 6 * * *" is every day at 06:00 UTC.`,
      { field: 'schedule' },
    )
  }
}
