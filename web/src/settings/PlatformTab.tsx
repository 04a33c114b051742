import type { Settings } from '@atoll/sdk'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed } from '../api.ts'
import { useProjectRef } from '../app/project.ts'
import { useUser } from '../session/session.ts'
import { StateBadge } from '../ui/Badge.tsx'
import { Button } from '../ui/Button.tsx'
import { Check, NumberField, TextareaField } from '../ui/Field.tsx'
import { bytes } from '../ui/format.ts'
import { NounLink } from '../ui/NounLink.tsx'
import { Details, Section } from '../ui/Page.tsx'
import { ErrorNote, SkeletonLines } from '../ui/State.tsx'
import { Ago } from '../ui/Time.tsx'
import { say, sayError } from '../ui/toast.tsx'
import { MailSettings } from './MailSettings.tsx'

/** What the installation allows, and how it runs. */
export function PlatformTab() {
  const settings = useQuery({ queryKey: ['settings'], queryFn: () => atoll.settings.get() })
  return (
    <div className="grid max-w-5xl items-start gap-6 lg:grid-cols-2">
      {settings.error ? (
        <ErrorNote error={settings.error} />
      ) : settings.data ? (
        <div className="space-y-6">
          <SettingsForm key={JSON.stringify({ ...settings.data, mail: null })} settings={settings.data} />
          <MailSettings mail={settings.data.mail} />
        </div>
      ) : (
        <SkeletonLines lines={6} />
      )}
      <div className="space-y-6">
        <Running />
        <Runtimes />
      </div>
    </div>
  )
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)

function SettingsForm({ settings }: { settings: Settings }) {
  const me = useUser()
  const [hosts, setHosts] = useState(settings.outboundHosts.join('\n'))
  const [folders, setFolders] = useState(settings.importFolders.join('\n'))
  const [open, setOpen] = useState(settings.publicVisibility)
  const [share, setShare] = useState<number | null>(settings.captureShare)
  const [memory, setMemory] = useState<number | null>(settings.servingMemoryMb)
  const save = useMutation({
    mutationFn: () =>
      atoll.settings.update({
        servingMemoryMb: memory,
        outboundHosts: lines(hosts),
        importFolders: lines(folders),
        publicVisibility: open,
        captureShare: share ?? 1,
      }),
    onSuccess: () => {
      changed('settings')
      say('Saved.')
    },
  })
  return (
    <Section title="What is allowed" note={me.isPlatformAdmin ? undefined : 'Administrators change these.'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate()
        }}
      >
        <fieldset disabled={!me.isPlatformAdmin} className="space-y-4">
          <TextareaField
            label="Hosts that may be reached"
            hint="By webhooks, models elsewhere and weights; one a line, with its port if it is not the usual one. Empty: none is called."
            value={hosts}
            onChange={(event) => setHosts(event.target.value)}
          />
          <TextareaField
            label="Folders from which data may be added"
            hint="One a line."
            value={folders}
            onChange={(event) => setFolders(event.target.value)}
          />
          <Check label="Things may be made public" hint="Seen without signing in." checked={open} onChange={setOpen} />
          <NumberField
            wrap="max-w-48"
            label="Share of requests kept at most"
            min={0}
            max={1}
            step={0.05}
            value={share}
            onChange={setShare}
          />
          <NumberField
            wrap="max-w-48"
            label="Memory for served models, MB"
            hint="Empty: six tenths of the machine. Beyond it the least needed endpoint sleeps."
            min={64}
            value={memory}
            onChange={setMemory}
          />
          {save.error && <ErrorNote error={save.error} />}
          {me.isPlatformAdmin && (
            <Button look="primary" type="submit" busy={save.isPending}>
              Save
            </Button>
          )}
        </fieldset>
      </form>
    </Section>
  )
}

function Running() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => atoll.platform.status() })
  if (!status.data)
    return <Section title="How it runs">{status.error ? <ErrorNote error={status.error} /> : <SkeletonLines />}</Section>
  const { version, database, roles, sandbox, startedAt } = status.data
  return (
    <Section title="How it runs">
      <Details
        rows={[
          [
            'Version',
            <span key="v" className="num">
              {version}
            </span>,
          ],
          ['Database', database === 'sqlite' ? 'SQLite, embedded' : 'PostgreSQL'],
          ['Roles', roles?.join(', ')],
          sandbox && [
            'Sandbox of jobs',
            <span key="s">
              {sandbox.level}
              {sandbox.reason && <span className="block text-sm text-faint">{sandbox.reason}</span>}
            </span>,
          ],
          typeof startedAt === 'string' && ['Running since', <Ago key="at" at={startedAt} />],
        ]}
      />
    </Section>
  )
}

function Runtimes() {
  const project = useProjectRef()
  const runtimes = useQuery({
    queryKey: ['runtimes'],
    queryFn: () => atoll.runtimes.list(),
    refetchInterval: (query) => (query.state.data?.items.some((one) => one.state === 'building') ? 2000 : false),
  })
  const [job, setJob] = useState<string | null>(null)
  return (
    <Section title="Python environments" note="Locked, built on first use, shared between projects.">
      {runtimes.error ? (
        <ErrorNote error={runtimes.error} />
      ) : (
        <ul className="divide-y">
          {runtimes.data?.items.map((one) => (
            <li key={one.name} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2">
              <span className="w-24 font-medium">{one.name}</span>
              <StateBadge state={one.state} />
              <span className="num flex-1 text-sm text-soft">{one.sizeBytes === null ? '' : bytes(one.sizeBytes)}</span>
              {(one.state === 'absent' || one.state === 'failed') && (
                <Button
                  size="sm"
                  onClick={() =>
                    void atoll.runtimes.build(one.name).then((made) => {
                      setJob(made.id)
                      changed('runtimes', 'jobs')
                    }, sayError)
                  }
                >
                  Build now
                </Button>
              )}
              {one.message && <span className="basis-full text-sm text-faint">{one.message}</span>}
            </li>
          ))}
        </ul>
      )}
      {job && project && (
        <NounLink noun="job" to={job}>
          Follow the build
        </NounLink>
      )}
    </Section>
  )
}
