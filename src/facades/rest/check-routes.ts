import { permissions } from '../../kernel/permissions.ts'
import type { RouteRecord } from '../../kernel/route.ts'

/** Stops the boot over a route that nobody decided who may call, that says nothing of itself, or that hides another. */
export function checkRoutes(routes: readonly RouteRecord[]): void {
  const seen = new Set<string>()
  for (const record of routes) {
    const name = `${record.method} ${record.path}`
    if (!record.permission) throw new Error(`${name} declares no permission.`)
    if (!Object.hasOwn(permissions, record.permission))
      throw new Error(`${name} asks for a permission that does not exist: ${record.permission}`)
    if (!record.summary || !record.tag) throw new Error(`${name} has no summary or no tag.`)
    if (!record.protocol && !/^\/(v1\/|metrics$)/.test(record.path)) throw new Error(`${name} is not under /v1.`)
    if (record.method === 'GET' && record.body) throw new Error(`${name} reads, and so takes no body.`)
    const shape = name.replace(/:\w+/g, ':')
    if (seen.has(shape)) throw new Error(`${name} is declared twice.`)
    seen.add(shape)
  }
}
