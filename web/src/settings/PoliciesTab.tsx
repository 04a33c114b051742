import type { BiasPolicy } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { NewPolicy } from '../bias/NewPolicy.tsx'
import { Button } from '../ui/Button.tsx'
import { Confirm } from '../ui/Confirm.tsx'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { Empty, ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

/** What the project demands of its models' fairness: bounds that a version must keep to be promoted or deployed. */
export function PoliciesTab() {
  const project = useProjectRef()
  const refused = useRefusal('admin')
  const [adding, setAdding] = useState(false)
  const policies = useQuery({ queryKey: ['bias', 'policies', project], queryFn: () => atoll.bias.policies({ project }) })
  if (policies.error) return <ErrorNote error={policies.error} retry={() => void policies.refetch()} />
  if (!policies.data) return <SkeletonLines lines={6} />
  const { items } = policies.data
  const button = (
    <Button look="primary" why={refused} onClick={() => setAdding(true)}>
      New policy
    </Button>
  )
  return (
    <div className="max-w-4xl space-y-6">
      <p className="max-w-prose text-soft">
        A policy binds the models of a goal, or those trained on a data set. Promoting or deploying a version looks at it on the
        sealed rows, and is refused with the figures where it is broken.
      </p>
      {adding ? (
        <NewPolicy project={project} onClose={() => setAdding(false)} />
      ) : items.length === 0 ? (
        <Empty title="No policy yet" action={button}>
          For example: disparate impact by sex and age between 0.8 and 1.25, difference in recall at most 0.1.
        </Empty>
      ) : (
        button
      )}
      <ul className="space-y-3">
        {items.map((policy) => (
          <li key={policy.id}>
            <PolicyCard policy={policy} refused={refused} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function PolicyCard({ policy, refused }: { policy: BiasPolicy; refused: string | null }) {
  const remove = useMutation({
    mutationFn: () => atoll.bias.deletePolicy(policy.id),
    onSuccess: () => changed('bias'),
    onError: sayError,
  })
  return (
    <Section
      title={policy.name}
      note={
        <>
          {policy.createdBy}, <Ago at={policy.createdAt} />
        </>
      }
      actions={
        <Confirm
          trigger={
            <Button size="sm" why={refused} busy={remove.isPending}>
              Remove
            </Button>
          }
          title={`Demand “${policy.name}” no longer?`}
          action="Remove the policy"
          onConfirm={() => remove.mutate()}
        >
          Versions that break it can then be promoted.
        </Confirm>
      }
    >
      <p>{policy.sentence}</p>
      <p className="mt-1 text-sm text-soft">
        Binds{' '}
        {policy.goal ? (
          <>
            the models of{' '}
            <NounLink noun="goal" to={policy.goal}>
              its goal
            </NounLink>
          </>
        ) : (
          <>
            the models trained on{' '}
            <NounLink noun="dataset" to={policy.dataset ?? ''}>
              its data set
            </NounLink>
          </>
        )}
        . A comparison on fewer than {policy.minimumRows} rows of a group is not judged.
      </p>
    </Section>
  )
}
