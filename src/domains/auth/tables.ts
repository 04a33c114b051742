import type { Generated, Kysely } from 'kysely'
import type { Role } from '../../kernel/permissions.ts'
import type { Db } from '../../ports/metadata/metadata.ts'
import type { Visibility } from './schema.ts'

export interface UserRow {
  id: string
  name: string
  email: string | null
  is_platform_admin: number
  state: 'invited' | 'active' | 'disabled'
  password_hash: string | null
  created_at: number
  updated_at: number
  /** The first time this person signed in (not: used a token). */
  signed_in_at: number | null
  last_seen_at: number | null
}

export interface ProjectRow {
  id: string
  name: string
  description: string
  visibility: 'team' | 'institution'
  owner_id: string
  created_at: number
  updated_at: number
  deleted_at: number | null
}

export interface TokenRow {
  id: string
  user_id: string
  name: string
  hash: string
  scopes: string | null
  last_characters: string
  created_at: number
  expires_at: number | null
  last_used_at: number | null
  revoked_at: number | null
}

export interface SessionRow {
  id: string
  user_id: string
  hash: string
  created_at: number
  last_used_at: number
  expires_at: number
  revoked_at: number | null
}

export interface AuditRow {
  seq: number
  id: string
  at: number
  actor_id: string | null
  actor_name: string
  credential: string
  action: string
  target: string | null
  project_id: string | null
  facts: string
  previous_hash: string
  hash: string
}

export interface AuthTables {
  users: UserRow
  teams: { id: string; name: string; created_at: number }
  team_members: { team_id: string; user_id: string }
  projects: ProjectRow
  project_members: { project_id: string; kind: 'user' | 'team'; member_id: string; role: Role }
  sessions: SessionRow
  tokens: TokenRow
  sign_in_links: { hash: string; user_id: string; created_at: number; expires_at: number; used_at: number | null }
  settings: { key: string; value: string }
  audit: AuditRow
  audit_head: { id: number; seq: number; hash: string }
  answered_calls: {
    key: string
    request_hash: string
    status: Generated<number | null>
    body: Generated<string | null>
    created_at: number
  }
}

/** What every table of things in a project has (see resource.ts). */
export interface ResourceRow {
  id: string
  project_id: string
  owner_id: string
  name: string
  visibility: Visibility
  description: string
  tags: string
  created_at: number
  updated_at: number
  deleted_at: number | null
}

/** Types the tables of this domain. */
export const authTables = (db: Db): Kysely<AuthTables> => db
