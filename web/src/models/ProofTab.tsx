import type { Model, ModelVersion } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { ShieldCheck, ShieldX } from 'lucide-react'
import { atoll } from '../api.ts'
import { useProjectRef, useRefusal } from '../app/project.ts'
import { servedWords } from '../endpoints/served.ts'
import { Button } from '../ui/Button.tsx'
import { Copyable } from '../ui/CopyButton.tsx'
import { whole } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Num } from '../ui/Num.tsx'
import { Details, Section } from '../ui/Page.tsx'
import { Empty } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { sayError } from '../ui/toast.tsx'

const scientific = (value: number) => (value === 0 ? '0' : value.toExponential(1).replace('-', '−'))

/** The parity certificate, the one opening of the sealed rows, and replay. */
export function ProofTab({ model, version }: { model: Model; version: ModelVersion }) {
  const project = useProjectRef()
  const navigate = useNavigate()
  const refused = useRefusal()
  const { parity } = version
  const isOfTexts = parity?.served === 'gguf' || version.signature.decoding !== undefined
  const replay = useMutation({
    mutationFn: () => atoll.models.replay(model.id, version.number),
    onSuccess: ({ job }) => void navigate({ to: '/p/$project/jobs/$job', params: { project, job: job.id } }),
    onError: sayError,
  })
  const isBrought = version.manifest.trust === 'imported'
  const original = isBrought ? 'the original' : 'training code'
  if (isBrought && !parity)
    return (
      <Section title="Brought, not made here">
        <p>
          There is no training code that what is served could be compared with, and nothing was measured on data of this project.
          The file was checked for soundness, and runs in a process of its own.
        </p>
        <p className="mt-2 text-soft">Its card says where it is from and under which licence, as far as that was stated.</p>
      </Section>
    )
  return (
    <div className="grid items-start gap-6 lg:grid-cols-2">
      <Section title={isBrought ? 'Served = original' : 'Served = trained'}>
        {parity ? (
          <>
            <div
              className={`mb-4 flex items-start gap-3 rounded-md px-3 py-2.5 ${parity.passed ? 'bg-good-soft' : 'bg-bad-soft'}`}
            >
              {parity.passed ? (
                <ShieldCheck aria-hidden="true" className="size-5 shrink-0 text-good" />
              ) : (
                <ShieldX aria-hidden="true" className="size-5 shrink-0 text-bad" />
              )}
              <p>
                {parity.served === 'gguf'
                  ? `${whole(parity.rows)} prompts of held-out rows were gone on from by training code and by the file that serves: ${parity.flips === 0 ? 'no text differs' : `${whole(parity.flips)} texts differ`}.`
                  : isOfTexts
                    ? `${whole(parity.rows)} held-out rows were answered by training code and by serving code: ${parity.flips === 0 ? 'no text differs' : `${whole(parity.flips)} texts differ`}.`
                    : parity.passed
                      ? `${whole(parity.rows)} raw rows were answered by ${original} and by serving code: no label differs, and no number by more than ${scientific(parity.maxDiff)}.`
                      : `What would be served is not what was ${isBrought ? 'brought' : 'trained'}: ${whole(parity.flips)} of ${whole(parity.rows)} labels differ.`}
                {parity.reason && <span className="block text-soft">{parity.reason}</span>}
              </p>
            </div>
            <Details
              rows={[
                ['Rows replayed', <Num key="r">{whole(parity.rows)}</Num>],
                [isBrought ? 'of them brought' : 'of them held out', <Num key="h">{whole(parity.heldOutRows)}</Num>],
                !isOfTexts && [
                  isBrought ? 'made from these or drawn' : 'with missing or unseen values',
                  <Num key="i">{whole(parity.injectedRows)}</Num>,
                ],
                [isOfTexts ? 'Texts that differ' : 'Labels that differ', <Num key="f">{whole(parity.flips)}</Num>],
                !isOfTexts && ['Greatest difference', <Num key="d">{scientific(parity.maxDiff)}</Num>],
                ['Tolerance', <Num key="t">{scientific(parity.tolerance)}</Num>],
                [
                  'Served by',
                  isBrought && parity.served === 'onnx' ? 'ONNX, in a process of its own' : servedWords[parity.served],
                ],
                ['Content', <Copyable key="c" text={parity.modelSha256} shown={parity.modelSha256.slice(0, 16)} />],
                ['Proven', <Ago key="a" at={parity.at} />],
              ]}
            />
          </>
        ) : (
          <Empty title="No certificate">Without one this version cannot be promoted.</Empty>
        )}
      </Section>
      {isBrought ? (
        <Section title="Brought, not made here">
          <p>
            Nothing was measured on data of this project.{' '}
            <NounLink noun="job" to={version.job}>
              The job
            </NounLink>{' '}
            that imported it says how it was converted; its card says where it is from and under which licence, as far as that was
            stated.
          </p>
        </Section>
      ) : (
        <div className="space-y-6">
          <Section title="Sealed rows">
            {version.sealedOpenedAt ? (
              <p>
                Opened once for this version, <Ago at={version.sealedOpenedAt} />. The opening is in the audit trail.
              </p>
            ) : (
              <p className="text-soft">They were not opened for this version.</p>
            )}
          </Section>
          <Section title="Made from">
            <Details
              rows={[
                [
                  'Run',
                  <NounLink key="r" noun="run" to={version.run}>
                    its parameters, code and environment
                  </NounLink>,
                ],
                [
                  'Job',
                  <NounLink key="j" noun="job" to={version.job}>
                    its log and cost
                  </NounLink>,
                ],
                [
                  'Data',
                  <NounLink key="d" noun="dataset" to={version.dataset} search={{ version: version.datasetVersion }}>
                    the version it learned from
                  </NounLink>,
                ],
              ]}
            />
            <p className="mt-4 mb-2 text-sm text-soft">
              Data, code and environment are kept by content: the model can be made again and compared.
            </p>
            <Button why={refused} busy={replay.isPending} onClick={() => replay.mutate()}>
              Make it again and compare
            </Button>
          </Section>
        </div>
      )}
    </div>
  )
}
