import type { CallOptions, CreateOptions, Http, ProjectOptions } from '../http.ts'
import { segment, withOptions } from '../http.ts'
import type {
  AuditEntry,
  BinItem,
  Job,
  ListQuery,
  MailSettingsInput,
  Member,
  NewToken,
  Page,
  PageQuery,
  PlatformStatus,
  Project,
  ProjectInput,
  RuntimeList,
  SearchHit,
  Session,
  Settings,
  SignInLink,
  Team,
  TestMail,
  Token,
  TokenInput,
  User,
  UserInput,
  UserPatch,
} from '../types.ts'

/** The platform itself: health, status, search. */
export const platform = (http: Http) => ({
  health: () => http.json<{ ok: true }>('GET', '/v1/health'),
  /** Throws `unavailable` while the database does not answer. */
  ready: () => http.json<{ ready: true }>('GET', '/v1/ready'),
  status: () => http.json<PlatformStatus>('GET', '/v1/status'),
  search: (q: string, query: { limit?: number } = {}) =>
    http.json<{ items: SearchHit[] }>('GET', '/v1/search', { query: { q, ...query } }),
})

export const session = (http: Http) => ({
  get: () => http.json<Session>('GET', '/v1/session'),
  create: (how: { link: string } | { email: string; password: string }) =>
    http.json<Session>('POST', '/v1/session', { body: how }),
  end: () => http.json<void>('DELETE', '/v1/session'),
})

export const users = (http: Http) => ({
  list: (query: PageQuery = {}) => http.json<Page<User>>('GET', '/v1/users', { query }),
  /** They come in with a link: see `signInLink`. */
  create: (input: UserInput, options: CreateOptions = {}) =>
    http.json<User>('POST', '/v1/users', withOptions(options, { body: input })),
  get: (user: string) => http.json<User>('GET', `/v1/users/${segment(user)}`),
  update: (user: string, patch: UserPatch) => http.json<User>('PATCH', `/v1/users/${segment(user)}`, { body: patch }),
  /** A link that signs a person in once; earlier ones stop working. */
  signInLink: (user: string) => http.json<SignInLink>('POST', `/v1/users/${segment(user)}/sign-in-link`),
  setPassword: (input: { current?: string; password: string }) =>
    http.json<void>('PUT', '/v1/users/me/password', { body: input }),
})

export const teams = (http: Http) => ({
  list: (query: PageQuery = {}) => http.json<Page<Team>>('GET', '/v1/teams', { query }),
  create: (input: { name: string }, options: CreateOptions = {}) =>
    http.json<Team>('POST', '/v1/teams', withOptions(options, { body: input })),
  rename: (team: string, name: string) => http.json<Team>('PATCH', `/v1/teams/${segment(team)}`, { body: { name } }),
  delete: (team: string) => http.json<void>('DELETE', `/v1/teams/${segment(team)}`),
  addMember: (team: string, user: string) => http.json<Team>('PUT', `/v1/teams/${segment(team)}/members/${segment(user)}`),
  removeMember: (team: string, user: string) => http.json<Team>('DELETE', `/v1/teams/${segment(team)}/members/${segment(user)}`),
})

export const tokens = (http: Http) => ({
  list: (query: PageQuery = {}) => http.json<Page<Token>>('GET', '/v1/tokens', { query }),
  /** Its secret is in this answer and never again. */
  create: (input: TokenInput) => http.json<NewToken>('POST', '/v1/tokens', { body: input }),
  revoke: (token: string) => http.json<void>('DELETE', `/v1/tokens/${segment(token)}`),
})

export const projects = (http: Http) => ({
  list: (query: PageQuery = {}) => http.json<Page<Project>>('GET', '/v1/projects', { query }),
  create: (input: ProjectInput, options: CreateOptions = {}) =>
    http.json<Project>('POST', '/v1/projects', withOptions(options, { body: input })),
  get: (project: string) => http.json<Project>('GET', `/v1/projects/${segment(project)}`),
  update: (project: string, patch: Partial<ProjectInput>) =>
    http.json<Project>('PATCH', `/v1/projects/${segment(project)}`, { body: patch }),
  delete: (project: string) => http.json<void>('DELETE', `/v1/projects/${segment(project)}`),
  members: (project: string) => http.json<{ items: Member[] }>('GET', `/v1/projects/${segment(project)}/members`),
  setMember: (project: string, member: string, role: 'viewer' | 'editor' | 'admin') =>
    http.json<{ items: Member[] }>('PUT', `/v1/projects/${segment(project)}/members/${segment(member)}`, { body: { role } }),
  removeMember: (project: string, member: string) =>
    http.json<{ items: Member[] }>('DELETE', `/v1/projects/${segment(project)}/members/${segment(member)}`),
})

/** What is not named stays as it is. The password of the mail server goes in and is never shown. */
export type SettingsPatch = Partial<Omit<Settings, 'mail'> & { mail: MailSettingsInput | null }>

export const settings = (http: Http) => ({
  get: () => http.json<Settings>('GET', '/v1/settings'),
  update: (patch: SettingsPatch) => http.json<Settings>('PATCH', '/v1/settings', { body: patch }),
  /** Sends a letter by the mail server that is set; refused with what went wrong. */
  testMail: (to: string) => http.json<TestMail>('POST', '/v1/settings/test-mail', { body: { to } }),
})

export const audit = (http: Http) => ({
  list: (query: PageQuery & { project?: string; actor?: string; action?: string; target?: string } = {}) =>
    http.json<Page<AuditEntry>>('GET', '/v1/audit', { query }),
  verify: () => http.json<{ entries: number; brokenAt: number | null; reason: string | null }>('GET', '/v1/audit/verify'),
})

export const runtimes = (http: Http) => ({
  list: (options: CallOptions = {}) => http.json<RuntimeList>('GET', '/v1/runtimes', options),
  /** Builds a Python environment now; answers the job that does it. */
  build: (name: string, options: ProjectOptions & CreateOptions = {}) =>
    http.json<Job>('POST', `/v1/runtimes/${segment(name)}`, withOptions(options)),
})

/** What was deleted and can be had back. */
export const bin = (http: Http) => ({
  list: (query: ListQuery & { q?: string } = {}) => http.json<Page<BinItem>>('GET', '/v1/bin', { query }),
  restore: (id: string) => http.json<BinItem>('POST', `/v1/bin/${segment(id)}/restore`),
})
