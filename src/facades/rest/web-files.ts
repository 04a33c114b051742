import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { pageHeaders } from './headers.ts'

/** The web page's files, each known by name at start, so that no path from outside is ever joined to a folder. */
export async function serveWebFiles(
  app: FastifyInstance,
  root: string,
  extraHeaders: Record<string, string>,
): Promise<(reply: FastifyReply) => unknown> {
  await app.register(fastifyStatic, {
    root,
    wildcard: false,
    index: false,
    cacheControl: false,
    dotfiles: 'ignore',
    setHeaders(reply, path) {
      const isNamedByContent = /\/assets\/[^/]+$/.test(path.replaceAll('\\', '/'))
      const headers = {
        ...pageHeaders,
        ...extraHeaders,
        'cache-control': isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache',
      }
      for (const [name, value] of Object.entries(headers)) reply.header(name, value)
    },
  })
  return (reply) => reply.sendFile('index.html')
}
