import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { atoll, changed, fieldOf, sentence } from '../api.ts'
import { useUser } from '../session/session.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Field.tsx'
import { Section } from '../ui/Page.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { say } from '../ui/toast.tsx'

/** Your name, e-mail and password. */
export function AccountTab() {
  const user = useUser()
  const [name, setName] = useState(user.name)
  const [email, setEmail] = useState(user.email ?? '')
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const save = useMutation({
    mutationFn: () => atoll.users.update(user.id, { name, email: email || null }),
    onSuccess: () => {
      changed('session', 'users')
      say('Saved.')
    },
  })
  const setPass = useMutation({
    mutationFn: () => atoll.users.setPassword({ password, ...(current && { current }) }),
    onSuccess: () => {
      setCurrent('')
      setPassword('')
      say('The password is set.')
    },
  })
  return (
    <div className="grid max-w-4xl items-start gap-6 md:grid-cols-2">
      <Section title="You">
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault()
            save.mutate()
          }}
        >
          <TextField
            label="Name"
            required
            value={name}
            onChange={(event) => setName(event.target.value)}
            error={fieldOf(save.error) === 'name' ? sentence(save.error) : null}
          />
          <TextField
            label="E-mail"
            type="email"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
            hint="You sign in with it."
            error={fieldOf(save.error) === 'email' ? sentence(save.error) : null}
          />
          {save.error && !fieldOf(save.error) && <ErrorNote error={save.error} />}
          <Button
            look="primary"
            type="submit"
            busy={save.isPending}
            disabled={name === user.name && email === (user.email ?? '')}
          >
            Save
          </Button>
        </form>
      </Section>
      <Section title="Password">
        <form
          className="space-y-4"
          onSubmit={(event) => {
            event.preventDefault()
            setPass.mutate()
          }}
        >
          <TextField
            label="Password now"
            type="password"
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.target.value)}
            hint="Empty if you have none yet."
            error={fieldOf(setPass.error) === 'current' ? sentence(setPass.error) : null}
          />
          <TextField
            label="New password"
            type="password"
            autoComplete="new-password"
            required
            minLength={10}
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={fieldOf(setPass.error) === 'password' ? sentence(setPass.error) : null}
          />
          {setPass.error && !fieldOf(setPass.error) && <ErrorNote error={setPass.error} />}
          <Button look="primary" type="submit" busy={setPass.isPending}>
            Set the password
          </Button>
        </form>
      </Section>
    </div>
  )
}
