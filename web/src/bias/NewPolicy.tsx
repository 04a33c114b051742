import type { BiasPolicyInput } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { Plus, X } from 'lucide-react'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { Button, IconButton } from '../ui/Button.tsx'
import { NumberField, SelectField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { firstFacets } from './asked.ts'
import { FacetFields } from './FacetFields.tsx'

type Rule = BiasPolicyInput['rules'][number]
const measures: readonly { value: Rule['measure']; label: string; atLeast: number | null; atMost: number | null }[] = [
  { value: 'disparate_impact', label: 'Disparate impact', atLeast: 0.8, atMost: 1.25 },
  { value: 'positive_difference', label: 'Difference in positive proportions', atLeast: null, atMost: 0.1 },
  { value: 'accuracy_difference', label: 'Accuracy difference', atLeast: null, atMost: 0.1 },
  { value: 'recall_difference', label: 'Recall difference', atLeast: null, atMost: 0.1 },
  { value: 'specificity_difference', label: 'Specificity difference', atLeast: null, atMost: 0.1 },
  { value: 'acceptance_rate_difference', label: 'Difference in acceptance rates', atLeast: null, atMost: 0.1 },
  { value: 'rejection_rate_difference', label: 'Difference in rejection rates', atLeast: null, atMost: 0.1 },
  { value: 'equalised_odds_difference', label: 'Equalised odds difference', atLeast: null, atMost: 0.1 },
  { value: 'treatment_equality', label: 'Treatment equality', atLeast: null, atMost: 0.5 },
  { value: 'generalised_entropy', label: 'Generalised entropy', atLeast: null, atMost: 0.1 },
]

/** A policy as it is put together: which models, which groups, which bounds. */
export function NewPolicy({ project, onClose }: { project: string; onClose: () => void }) {
  const goals = useQuery({ queryKey: ['goals', project, 'all'], queryFn: () => atoll.goals.list({ project, limit: 200 }) })
  const datasets = useQuery({
    queryKey: ['datasets', project, 'all'],
    queryFn: () => atoll.datasets.list({ project, limit: 500 }),
  })
  const [name, setName] = useState('')
  const [binds, setBinds] = useState('')
  const [outcome, setOutcome] = useState('')
  const [minimumRows, setMinimumRows] = useState(30)
  const [facets, setFacets] = useState<BiasPolicyInput['facets'] | null>(null)
  const [rules, setRules] = useState<Rule[]>([{ measure: 'disparate_impact', atLeast: 0.8, atMost: 1.25 }])
  const choices = [
    ...(goals.data?.items ?? []).map((goal) => ({ value: `goal ${goal.id}`, label: `goal: ${goal.name}` })),
    ...(datasets.data?.items ?? [])
      .filter(({ latest }) => latest?.state === 'ready')
      .map((one) => ({ value: `dataset ${one.id}`, label: `data: ${one.name}` })),
  ]
  const [kind, id] = (binds || choices[0]?.value || '').split(' ')
  const goal = goals.data?.items.find((one) => kind === 'goal' && one.id === id)
  const dataset = datasets.data?.items.find((one) => one.id === (kind === 'goal' ? goal?.dataset : id))
  const columns = dataset?.latest?.columns ?? []
  const target = goal?.target ?? dataset?.target ?? null
  const offered = columns.filter((one) => one.name !== target && one.type !== 'image' && one.type !== 'audio')
  const shown = facets ?? firstFacets(offered, target)
  const create = useMutation({
    mutationFn: () =>
      atoll.bias.createPolicy({
        name,
        project,
        goal: kind === 'goal' ? (id ?? null) : null,
        dataset: kind === 'dataset' ? (id ?? null) : null,
        facets: [...shown],
        favourable: outcome ? { values: [outcome] } : null,
        minimumRows,
        rules,
      }),
    onSuccess: () => {
      changed('bias')
      onClose()
    },
  })
  const changeRule = (at: number, rule: Rule) => setRules(rules.map((one, i) => (i === at ? rule : one)))
  return (
    <Section title="New policy">
      <form
        className="space-y-4"
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <div className="grid gap-3 sm:grid-cols-2">
          <TextField label="Name" required maxLength={120} value={name} onChange={(event) => setName(event.target.value)} />
          <SelectField
            label="Binds the models of"
            value={`${kind} ${id}`}
            choices={choices}
            onChange={(value) => {
              setBinds(value)
              setFacets(null)
            }}
          />
          <TextField
            label="Favourable outcome"
            placeholder="the positive class"
            value={outcome}
            onChange={(event) => setOutcome(event.target.value)}
          />
          <NumberField
            label="Rows that a group must have"
            min={1}
            step={1}
            value={minimumRows}
            onChange={(rows) => rows !== null && setMinimumRows(rows)}
          />
        </div>
        <div className="space-y-3">
          <h3 className="text-sm font-medium text-soft">Groups</h3>
          {shown.map((facet, at) => (
            <FacetFields
              // A facet of another column is another facet: its half-written groups go with it.
              key={`${at} ${facet.column} ${facet.groups ? 'groups' : facet.edges ? 'edges' : ''}`}
              facet={facet}
              columns={offered}
              onChange={(next) => setFacets(shown.map((one, i) => (i === at ? next : one)))}
              onRemove={shown.length > 1 ? () => setFacets(shown.filter((_, i) => i !== at)) : null}
            />
          ))}
          <Button
            icon={<Plus aria-hidden="true" className="size-3.5" />}
            disabled={shown.length >= 6 || offered.length === 0}
            onClick={() => offered[0] && setFacets([...shown, { column: offered[0].name }])}
          >
            Facet
          </Button>
        </div>
        <div className="space-y-3">
          <h3 className="text-sm font-medium text-soft">Bounds</h3>
          {rules.map((rule, at) => (
            <div key={rule.measure} className="grid items-end gap-3 sm:grid-cols-[minmax(0,1fr)_8rem_8rem_auto]">
              <SelectField
                label="Measure"
                value={rule.measure}
                choices={measures
                  .filter(({ value }) => value === rule.measure || !rules.some((one) => one.measure === value))
                  .map(({ value, label }) => ({ value, label }))}
                onChange={(value) => {
                  const { atLeast, atMost } = measures.find((one) => one.value === value)!
                  changeRule(at, { measure: value as Rule['measure'], atLeast, atMost })
                }}
              />
              <NumberField
                label="At least"
                step="any"
                placeholder="no bound"
                value={rule.atLeast ?? null}
                onChange={(atLeast) => changeRule(at, { ...rule, atLeast })}
              />
              <NumberField
                label="At most"
                step="any"
                placeholder="no bound"
                value={rule.atMost ?? null}
                onChange={(atMost) => changeRule(at, { ...rule, atMost })}
              />
              <IconButton
                label={`Remove the bound ${at + 1}`}
                className="size-8"
                disabled={rules.length === 1}
                onClick={() => setRules(rules.filter((_, i) => i !== at))}
              >
                <X aria-hidden="true" className="size-4" />
              </IconButton>
            </div>
          ))}
          <Button
            icon={<Plus aria-hidden="true" className="size-3.5" />}
            disabled={rules.length >= measures.length}
            onClick={() => {
              const next = measures.find(({ value }) => !rules.some((one) => one.measure === value))
              if (next) setRules([...rules, { measure: next.value, atLeast: next.atLeast, atMost: next.atMost }])
            }}
          >
            Bound
          </Button>
          <p className="text-xs text-faint">
            Of a difference “at most” alone bounds both directions. What is usual: disparate impact 0.8 to 1.25, differences 0.1.
          </p>
        </div>
        {create.error && <ErrorNote error={create.error} />}
        <div className="flex gap-2">
          <Button
            look="primary"
            type="submit"
            busy={create.isPending}
            disabled={!name.trim() || !id || shown.length === 0 || shown.some(({ groups }) => groups?.length === 0)}
          >
            Demand it
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Section>
  )
}
