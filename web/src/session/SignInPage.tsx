import { useMutation } from '@tanstack/react-query'
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { atoll, queryClient } from '../api.ts'
import { usePageTitle } from '../app/page-title.ts'
import { Button } from '../ui/Button.tsx'
import { TextField } from '../ui/Field.tsx'
import { ErrorNote } from '../ui/State.tsx'
import { sessionQuery } from './session.ts'

const linkInAddress = (): string => window.location.hash.replace(/^#(?:link=|token=)?/, '')

/** A one-time link signs in by itself; else e-mail and password. */
export function SignInPage() {
  usePageTitle('Sign in')
  const search = useSearch({ strict: false })
  const navigate = useNavigate()
  const router = useRouter()
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  // The fragment never reaches a server's log; a query is accepted too.
  const [link, setLink] = useState(() => linkInAddress() || search.link || '')
  const signIn = useMutation({
    mutationFn: async (how: { link: string } | { email: string; password: string }) => {
      try {
        return await atoll.session.create(how)
      } catch (error) {
        // A link that was used already, by somebody who is signed in by it: nothing is wrong.
        const session = 'link' in how ? await atoll.session.get().catch(() => null) : null
        if (session?.user) return session
        throw error
      }
    },
    onSuccess: async () => {
      queryClient.clear()
      await queryClient.fetchQuery(sessionQuery)
      // Only a path of this page: a full address here could lead elsewhere.
      const next = search.next?.startsWith('/') && !search.next.startsWith('//') ? search.next : null
      if (next) router.history.replace(next)
      else await navigate({ to: '/', replace: true })
    },
  })
  // The link is used once: on arrival, or when it is pasted while this page is open, which loads nothing anew.
  useEffect(() => {
    if (link) signIn.mutate({ link })
    const pasted = () => {
      const next = linkInAddress()
      if (!next) return
      setLink(next)
      signIn.mutate({ link: next })
    }
    window.addEventListener('hashchange', pasted)
    return () => window.removeEventListener('hashchange', pasted)
  }, [])
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-sm">
        <div className="mb-6 flex items-center gap-3">
          <img src="/icon.svg" alt="" className="size-9" />
          <div>
            <h1 className="text-xl font-semibold tracking-tight">Sign in to Atoll</h1>
            <p className="text-soft">The whole life of a model, on your own machine.</p>
          </div>
        </div>
        <div className="rounded-lg border bg-surface p-5">
          {link && signIn.isPending ? (
            <p role="status" className="py-6 text-center text-soft">
              Signing in with the link
            </p>
          ) : (
            <form
              className="space-y-4"
              onSubmit={(event) => {
                event.preventDefault()
                setLink('')
                signIn.mutate({ email, password })
              }}
            >
              {signIn.error && (
                <ErrorNote error={signIn.error} title={link ? 'This link does not sign you in.' : 'Not signed in.'} />
              )}
              <TextField
                label="E-mail"
                type="email"
                autoComplete="username"
                required
                value={email}
                onChange={(event) => setEmail(event.target.value)}
              />
              <TextField
                label="Password"
                type="password"
                autoComplete="current-password"
                required
                value={password}
                onChange={(event) => setPassword(event.target.value)}
              />
              <Button look="primary" type="submit" className="w-full" busy={signIn.isPending}>
                Sign in
              </Button>
            </form>
          )}
        </div>
        <p className="mt-4 text-sm text-faint">
          First time here? The terminal that started Atoll shows a sign-in link that works once. An administrator can make a new
          one for you.
        </p>
      </div>
    </main>
  )
}
