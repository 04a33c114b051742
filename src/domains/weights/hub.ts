import * as z from 'zod'
import { notFound, PlatformError, preconditionFailed } from '../../kernel/errors.ts'
import { seconds } from '../../kernel/time.ts'
import type { Outbound } from '../../ports/outbound/outbound.ts'
import type { HubSource } from './schema.ts'

/** What a hub says of one commit of a repository. */
export interface HubListing {
  commit: string
  licence: string | null
  files: { path: string; sizeBytes: number | null; sha256: string | null }[]
}

const Reply = z.object({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string().max(1000),
      size: z.number().nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }).nullish(),
    }),
  ),
  cardData: z.object({ license: z.union([z.string(), z.array(z.string())]).nullish() }).nullish(),
  tags: z.array(z.string()).nullish(),
})

/** A repository of a model hub, by the file API that hubs share: a revision is resolved to its commit, files come from that commit alone. */
export function hub(outbound: Outbound, { address, repository, revision }: z.output<typeof HubSource>) {
  const root = address.replace(/\/+$/, '')
  const name = `${repository}${revision === 'main' ? '' : ` (${revision})`}`
  const encoded = (path: string) => path.split('/').map(encodeURIComponent).join('/')

  async function listing(): Promise<HubListing> {
    const url = `${root}/api/models/${encoded(repository)}/revision/${encodeURIComponent(revision)}?blobs=true`
    const { status, body } = await outbound.fetchOut(url, { method: 'GET', timeoutMs: seconds(30) })
    if (status !== 200) throw answered(status)
    const read = Reply.safeParse(parsed(body))
    if (!read.success) throw unexpected('its list of files is not what a hub answers with')
    const { sha, siblings, cardData, tags } = read.data
    const stated = cardData?.license ?? tags?.find((tag) => tag.startsWith('license:'))?.slice('license:'.length) ?? null
    return {
      commit: sha,
      licence: Array.isArray(stated) ? stated.join(', ') : stated,
      files: siblings.map(({ rfilename, size, lfs }) => ({
        path: rfilename,
        sizeBytes: size ?? null,
        sha256: lfs?.sha256 ?? null,
      })),
    }
  }

  /** A file of a commit, as it comes. */
  async function file(commit: string, path: string, signal: AbortSignal) {
    const url = `${root}/${encoded(repository)}/resolve/${commit}/${encoded(path)}`
    const { status, body } = await outbound.downloadOut(url, { signal })
    if (status === 200) return body
    body.destroy()
    throw status === 404 ? unexpected(`the file "${path}" that it lists is not there`) : answered(status)
  }

  function answered(status: number): PlatformError {
    if (status === 404) return notFound('repository of models at the hub', name)
    if (status === 401 || status === 403)
      return preconditionFailed(
        `The hub does not give "${name}" to strangers: it is private, or its makers want to be asked first. Download the folder with your own account and add it.`,
        { repository, status },
      )
    return unexpected(`it answered with status ${status}`)
  }
  const unexpected = (why: string) =>
    new PlatformError('unavailable', `The hub cannot give "${name}": ${why}.`, { repository, address: root })

  return { listing, file, page: `${root}/${repository}` }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
