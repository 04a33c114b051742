/** Schedules that the form offers, as cron in UTC. */
export const schedules = [
  { value: '', label: 'on demand' },
  { value: '0 * * * *', label: 'every hour' },
  { value: '0 6 * * *', label: 'every day at 6:00 UTC' },
  { value: '0 6 * * 1', label: 'every Monday at 6:00 UTC' },
] as const

/** "every day at 6:00 UTC"; a schedule of one's own as it was written. */
export const scheduleWords = (cron: string): string =>
  schedules.find((one) => one.value === cron)?.label ?? `at ${cron} (cron, UTC)`
