import type { CheckInput, CheckKind, Endpoint } from '@atoll/sdk'

export type SettingValue = number | string | readonly string[] | null

/** One setting of a check: what it is called, what it does, what it may be, and what it is where nobody says. */
export interface CheckField {
  name: string
  label: string
  hint?: string
  as: 'number' | 'measure' | 'metric' | 'columns' | 'outcome'
  usual: SettingValue
  min?: number
  max?: number
  whole?: boolean
  /** What nothing means, where nothing may be said. */
  none?: string
}

const share = (name: string, label: string, usual: number, hint?: string): CheckField => ({
  name,
  label,
  usual,
  as: 'number',
  min: 0,
  max: 1,
  ...(hint && { hint }),
})
const rows = (usual: number, min: number, max: number, hint: string): CheckField => ({
  name: 'rows',
  label: 'Rows of each side',
  hint,
  usual,
  as: 'number',
  min,
  max,
  whole: true,
})
const drift: CheckField[] = [
  {
    name: 'measure',
    label: 'How far apart is measured by',
    hint: 'The test that decides is the same; the measure says how much it matters.',
    as: 'measure',
    usual: 'psi',
  },
  {
    name: 'warning',
    label: 'Warns from',
    hint: 'Empty: the monitor’s bound for PSI, 0.1 for the others.',
    as: 'number',
    usual: null,
    min: 0,
    none: 'usual',
  },
  {
    name: 'alert',
    label: 'Alarms from',
    hint: 'Empty: the monitor’s bound for PSI, 0.2 for the others.',
    as: 'number',
    usual: null,
    min: 0,
    none: 'usual',
  },
]
const losses: CheckField[] = [
  {
    name: 'metric',
    label: 'Metric',
    as: 'metric',
    usual: null,
    none: 'that of the goal',
  },
  share('warning', 'Warns from a loss of', 0.02, 'As a share of its value on the sealed test rows.'),
  share('alert', 'Alarms from a loss of', 0.05),
]
const told = [
  share(
    'warning',
    'Warns from an area of',
    0.6,
    'Under the curve of a classifier that tells now from before: 0.5 is chance, 1 is certain.',
  ),
  share('alert', 'Alarms from an area of', 0.7),
]

/** The settings of each check, in the order in which they are asked. */
export const checkFields: Record<CheckKind, readonly CheckField[]> = {
  data_quality: [
    share('warning', 'Warns from', 0.01, 'Share of rows that are wrong, beyond that of the baseline.'),
    share('alert', 'Alarms from', 0.05),
  ],
  data_drift: [...drift, { name: 'columns', label: 'Columns', as: 'columns', usual: null, none: 'all inputs' }],
  multivariate_drift: [...told, rows(2000, 200, 5000, 'More are steadier and take longer.')],
  prediction_drift: drift,
  performance: [
    ...losses,
    {
      name: 'minimumRows',
      label: 'Rows with a known truth, at least',
      hint: 'With fewer, nothing is judged.',
      as: 'number',
      usual: 100,
      min: 20,
      max: 100_000,
      whole: true,
    },
  ],
  performance_estimate: losses,
  bias: [
    { name: 'facets', label: 'Groups by the columns', as: 'columns', usual: null, none: 'as the fairness policies say' },
    { name: 'favourable', label: 'The good outcome', as: 'outcome', usual: null, none: 'the positive class' },
    {
      name: 'minimumRows',
      label: 'Rows of a group, at least',
      as: 'number',
      usual: 30,
      min: 10,
      max: 100_000,
      whole: true,
    },
    share('warning', 'Warns from a difference of', 0.1, 'Between two groups, where no policy says.'),
    share('alert', 'Alarms from a difference of', 0.2),
  ],
  explanation_drift: [
    share('warning', 'Warns below an agreement of', 0.95, 'Of the order of importance (NDCG): 1 is the same order.'),
    share('alert', 'Alarms below', 0.9),
    share('movedWarning', 'Warns when moved', 0.1, 'Share of what decides the answers that came to other columns.'),
    share('movedAlert', 'Alarms when moved', 0.2),
    rows(100, 30, 500, 'Each is explained, which takes time.'),
  ],
  embedding_drift: [...told, rows(400, 100, 1000, 'At most.')],
  operations: [
    { name: 'minutes', label: 'Minutes looked back', as: 'number', usual: 60, min: 1, max: 60, whole: true },
    share('errorRate', 'Requests that may fail', 0.01, 'As a share.'),
    {
      name: 'p95Ms',
      label: 'Answered within, ms',
      hint: '95 % of requests.',
      as: 'number',
      usual: null,
      min: 0,
      none: 'not watched',
    },
    {
      name: 'busy',
      label: 'In work at most',
      hint: 'Share of the time.',
      as: 'number',
      usual: null,
      min: 0,
      max: 1,
      none: 'not watched',
    },
    { name: 'costPerThousand', label: 'Cost of 1,000 requests at most', as: 'number', usual: null, min: 0, none: 'not watched' },
    {
      name: 'costPerHour',
      label: 'The machine costs, an hour',
      hint: 'For the cost of requests.',
      as: 'number',
      usual: 0,
      min: 0,
    },
  ],
}

export type Settings = Record<string, SettingValue | undefined>

export const settingsOf = (check: CheckInput): Settings => (check.settings ?? {}) as Settings

/** What a setting is now. */
export const settingOf = (settings: Settings, field: CheckField): SettingValue => settings[field.name] ?? field.usual

/** The settings that are not as usual. */
export const changedFields = (check: CheckInput): CheckField[] =>
  checkFields[check.kind].filter((field) => JSON.stringify(settingOf(settingsOf(check), field)) !== JSON.stringify(field.usual))

/** A check with one setting changed; what is as usual is left out. */
export function withSetting(check: CheckInput, field: CheckField, value: SettingValue | undefined): CheckInput {
  const { [field.name]: _, ...rest } = settingsOf(check)
  const isUsual = value === undefined || JSON.stringify(value) === JSON.stringify(field.usual)
  return { kind: check.kind, settings: isUsual ? rest : { ...rest, [field.name]: value } } as CheckInput
}

/** What a form of checks must know of a model. */
export type Watched = Pick<Endpoint, 'signature'>
