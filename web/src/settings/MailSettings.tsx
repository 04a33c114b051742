import type { MailSettingsInput, Settings } from '@atoll/sdk'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, complaintOf, fieldOf } from '../api.ts'
import { useUser } from '../session/session.ts'
import { Button } from '../ui/Button.tsx'
import { NumberField, SelectField, TextareaField, TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

type Mail = NonNullable<Settings['mail']>

const securities = [
  { value: 'starttls', label: 'STARTTLS', port: 587 },
  { value: 'tls', label: 'TLS from the first byte', port: 465 },
  { value: 'none', label: 'none: a relay on this network', port: 25 },
] as const

const fresh: Mail = { host: '', port: 587, security: 'starttls', user: null, from: '', domains: [], hasPassword: false }

/** The server that mail of alerts goes to, and a letter that tries it. */
export function MailSettings({ mail }: { mail: Settings['mail'] }) {
  const me = useUser()
  const [open, setOpen] = useState(false)
  return (
    <Section title="Mail" note={me.isPlatformAdmin ? 'Monitors write to people by it.' : 'Administrators change it.'}>
      {mail || open ? (
        <MailForm key={JSON.stringify(mail)} mail={mail ?? fresh} isKept={mail !== null} />
      ) : (
        <div className="space-y-3">
          <p className="text-soft">
            No mail leaves: there is no mail server. Alerts are on the page of their monitor, and go to webhooks.
          </p>
          {me.isPlatformAdmin && <Button onClick={() => setOpen(true)}>Name a mail server</Button>}
        </div>
      )}
    </Section>
  )
}

function MailForm({ mail, isKept }: { mail: Mail; isKept: boolean }) {
  const me = useUser()
  const [{ hasPassword, ...now }, setNow] = useState(mail)
  const [password, setPassword] = useState('')
  const [domains, setDomains] = useState(mail.domains.join('\n'))
  const set = (part: Partial<Mail>) => setNow((before) => ({ ...before, ...part }))
  const input: MailSettingsInput = {
    ...now,
    user: now.user?.trim() || null,
    domains: domains.split(/[\s,]+/).filter(Boolean),
    ...(password && { password }),
  }
  const { hasPassword: _, ...kept } = mail
  const isChanged = !isKept || JSON.stringify(input) !== JSON.stringify(kept)
  // The server says a password to no other host, port or user than it was given for.
  const isOther = kept.host !== input.host || kept.port !== input.port || kept.user !== input.user
  const save = useMutation({
    mutationFn: (next: MailSettingsInput | null) => atoll.settings.update({ mail: next }),
    onSuccess: ({ mail: after }) => {
      changed('settings')
      say(after ? 'Saved.' : 'No mail leaves any more.')
    },
  })
  const complaint = (field: string) => complaintOf(save.error, `mail.${field}`)
  const isShown = Object.keys(input).some((field) => complaint(field) !== null)
  return (
    <div className="space-y-6">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate(input)
        }}
      >
        <fieldset disabled={!me.isPlatformAdmin} className="grid gap-4 sm:grid-cols-2">
          <TextField
            label="Server"
            placeholder="mail.lab.example"
            required
            value={now.host}
            onChange={(event) => set({ host: event.target.value.trim() })}
            error={complaint('host')}
          />
          <NumberField
            label="Port"
            min={1}
            max={65_535}
            step={1}
            key={now.security}
            value={now.port}
            onChange={(port) => set({ port: port ?? 0 })}
            error={complaint('port')}
          />
          <SelectField
            label="Encryption"
            value={now.security}
            choices={securities}
            onChange={(next) => {
              const chosen = securities.find(({ value }) => value === next)!
              const isUsual = securities.some(({ port }) => port === now.port)
              set({ security: chosen.value, ...(isUsual && { port: chosen.port }) })
            }}
            error={complaint('security')}
          />
          <TextField
            label="Letters are from"
            type="email"
            placeholder="atoll@lab.example"
            required
            value={now.from}
            onChange={(event) => set({ from: event.target.value.trim() })}
            error={complaint('from')}
          />
          <TextField
            label="User"
            hint="Empty: the server wants none."
            value={now.user ?? ''}
            onChange={(event) => set({ user: event.target.value || null })}
            error={complaint('user')}
          />
          <TextField
            label="Password"
            type="password"
            autoComplete="new-password"
            placeholder={hasPassword && !isOther ? 'kept; type to replace it' : ''}
            hint={
              hasPassword && isOther
                ? 'Type it again: it is said to no other server or user than it was given for.'
                : 'Kept encrypted, never shown again.'
            }
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={complaint('password')}
          />
          <TextareaField
            wrap="sm:col-span-2"
            label="Domains that mail may go to"
            hint="One a line, such as lab.example. Empty: any."
            rows={2}
            value={domains}
            onChange={(event) => setDomains(event.target.value)}
            error={complaint('domains') ?? complaint('domains[0]')}
          />
          {save.error && !isShown && (
            <div className="sm:col-span-2">
              <ErrorNote error={save.error} title={fieldOf(save.error) ? 'Not saved.' : undefined} />
            </div>
          )}
          {me.isPlatformAdmin && (
            <div className="flex flex-wrap gap-2 sm:col-span-2">
              <Button look="primary" type="submit" busy={save.isPending} disabled={!isChanged}>
                Save
              </Button>
              {isKept && (
                <Button busy={save.isPending} onClick={() => save.mutate(null)}>
                  Send no mail
                </Button>
              )}
            </div>
          )}
        </fieldset>
      </form>
      {isKept && me.isPlatformAdmin && <TestMail mail={mail} isChanged={isChanged} />}
    </div>
  )
}

function TestMail({ mail, isChanged }: { mail: Mail; isChanged: boolean }) {
  const me = useUser()
  const [to, setTo] = useState(me.email ?? '')
  const send = useMutation({ mutationFn: () => atoll.settings.testMail(to.trim()) })
  return (
    <form
      className="space-y-3 border-t pt-4"
      onSubmit={(event) => {
        event.preventDefault()
        send.mutate()
      }}
    >
      <div className="flex flex-wrap items-start gap-2">
        <TextField
          wrap="flex-1 basis-56"
          label="Try it: a letter to"
          type="email"
          required
          placeholder={`you@${mail.domains[0] ?? 'lab.example'}`}
          value={to}
          onChange={(event) => setTo(event.target.value)}
          hint={isChanged ? 'Save first: it is sent as it is saved.' : undefined}
          error={complaintOf(send.error, 'to')}
        />
        <Button className="mt-6" type="submit" busy={send.isPending} disabled={isChanged}>
          Send a test mail
        </Button>
      </div>
      {send.error && fieldOf(send.error) !== 'to' && <ErrorNote error={send.error} title="The letter was not sent." />}
      {send.data && (
        <p role="status" className="text-sm text-soft">
          {mail.host} took the letter to {send.data.to}: <span className="num">{send.data.said}</span>
        </p>
      )}
    </form>
  )
}
