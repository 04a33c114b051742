/** Roles in a project, weakest first. A platform administrator may do everything. */
export const roles = ['viewer', 'editor', 'admin'] as const
export type Role = (typeof roles)[number]

/**
 * Every permission a route or service may ask for, and what it takes.
 * `anyone`: no sign-in. `user`: any signed-in person. `platform`: platform administrators. A role: that role (or more) in the resource's project.
 */
export const permissions = {
  'platform:health': 'anyone',
  'session:create': 'anyone',
  'session:see': 'anyone',
  'session:read': 'user',
  'tokens:manage-own': 'user',
  'projects:list': 'user',
  'projects:create': 'user',
  'projects:read': 'viewer',
  'projects:manage': 'admin',
  'users:read': 'user',
  'users:manage': 'platform',
  'teams:read': 'user',
  'teams:manage': 'platform',
  'settings:read': 'user',
  'settings:manage': 'platform',
  'audit:read': 'platform',
  'platform:metrics': 'user',
  'runtimes:read': 'user',
  'runtimes:build': 'user',
  'jobs:read': 'viewer',
  'jobs:cancel': 'editor',
  'datasets:read': 'viewer',
  'datasets:write': 'editor',
  'datasets:delete': 'editor',
  'goals:read': 'viewer',
  'goals:write': 'editor',
  'recipes:read': 'viewer',
  'recipes:write': 'editor',
  'weights:read': 'viewer',
  'weights:write': 'editor',
  'experiments:read': 'viewer',
  'experiments:write': 'editor',
  'training:read': 'viewer',
  'training:create': 'editor',
  'models:read': 'viewer',
  'models:write': 'editor',
  'models:approve': 'admin',
  'endpoints:read': 'viewer',
  'endpoints:predict': 'viewer',
  'endpoints:truth': 'editor',
  'endpoints:write': 'editor',
  'transforms:read': 'viewer',
  'transforms:write': 'editor',
  'monitors:read': 'viewer',
  'monitors:write': 'editor',
  'loops:read': 'viewer',
  'loops:write': 'editor',
  'loops:approve': 'admin',
} as const satisfies Record<string, 'anyone' | 'user' | 'platform' | Role>

export type Permission = keyof typeof permissions
