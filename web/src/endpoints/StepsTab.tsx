import type { Endpoint } from '@atoll/sdk'
import { useQuery } from '@tanstack/react-query'
import { atoll } from '../api.ts'
import { short, whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'

const ms = (value: number | null): string => (value === null ? '–' : `${short(value, 3)} ms`)

/** The steps of a pipeline: what each does, and how long it takes. */
export function StepsTab({ endpoint }: { endpoint: Endpoint }) {
  const pipeline = useQuery({
    queryKey: ['endpoint', endpoint.id, 'pipeline', endpoint.version],
    queryFn: () => atoll.pipelines.ofEndpoint(endpoint.id),
    refetchInterval: 3000,
  })
  if (pipeline.error) return <ErrorNote error={pipeline.error} retry={() => void pipeline.refetch()} />
  if (!pipeline.data) return <SkeletonLines lines={5} />
  const { steps, members, pipeline: spec } = pipeline.data
  const slowest = Math.max(0, ...steps.map(({ p50Ms }) => p50Ms ?? 0))
  return (
    <div className="space-y-6">
      <Section title="Steps">
        <section className="overflow-x-auto" tabIndex={0} aria-label="Steps of the pipeline">
          <table className="w-full text-sm">
            <thead>
              <tr className="border-b text-left text-soft">
                <th scope="col" className="py-2 pr-3 font-medium">
                  Step
                </th>
                <th scope="col" className="px-3 font-medium">
                  Does
                </th>
                <th scope="col" className="px-3 text-right font-medium">
                  Calls
                </th>
                <th scope="col" className="px-3 text-right font-medium">
                  Rows
                </th>
                <th scope="col" className="px-3 text-right font-medium">
                  Half within
                </th>
                <th scope="col" className="pl-3 text-right font-medium">
                  95 % within
                </th>
              </tr>
            </thead>
            <tbody>
              {steps.map((step) => {
                const member = members.find((one) => one.step === step.name)
                return (
                  <tr key={step.name} className="border-b last:border-0">
                    <th scope="row" className="py-2 pr-3 text-left font-medium">
                      {step.name}
                      {step.name === spec.output.from && <span className="ml-2 text-xs text-faint">the answer</span>}
                    </th>
                    <td className="px-3">
                      {member ? (
                        <NounLink noun="model" to={member.name.split(':')[0]!} search={{ version: member.name.split(':')[1] }}>
                          {member.name}
                        </NounLink>
                      ) : (
                        step.does
                      )}
                    </td>
                    <td className="num px-3 text-right">{whole(step.calls)}</td>
                    <td className="num px-3 text-right">{whole(step.rows)}</td>
                    <td className="num px-3 text-right">
                      <span
                        aria-hidden="true"
                        className="mr-2 inline-block h-2 rounded-sm bg-accent align-middle"
                        style={{ width: `${slowest > 0 ? (60 * (step.p50Ms ?? 0)) / slowest : 0}px` }}
                      />
                      {ms(step.p50Ms)}
                    </td>
                    <td className="num pl-3 text-right">{ms(step.p95Ms)}</td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </section>
        <p className="mt-2 text-xs text-faint">Of the last thousand requests of the process that answers.</p>
      </Section>
    </div>
  )
}
