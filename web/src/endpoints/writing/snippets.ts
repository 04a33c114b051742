import type { GenerateInput } from '@atoll/sdk'
import type { Language } from '../snippets.ts'

interface Asked {
  origin: string
  endpoint: string
  id: string
  project: string
  /** The page writes texts, no tokens. */
  input: GenerateInput & { prompt?: string }
}

/** A request for this text that runs as it stands, once a token is in ATOLL_TOKEN. */
export const writingSnippet = (language: Language, asked: Asked): string => writers[language](asked)

const writers: Record<Language, (asked: Asked) => string> = {
  curl: (asked) => `curl -N ${quoted(urlOf(asked, 'generate'))} \\
  -H "authorization: Bearer $ATOLL_TOKEN" \\
  -H 'content-type: application/json' \\
  -d ${quoted(pretty(asked.input))}`,

  typescript: ({ origin, endpoint, project, input }) => `import { createAtoll } from '@atoll/sdk'

const atoll = createAtoll({ url: '${origin}', token: process.env.ATOLL_TOKEN })
const text = await atoll.endpoints.generate(
  ${JSON.stringify(endpoint)},
  ${pretty(input).replaceAll('\n', '\n  ')},
  { project: ${JSON.stringify(project)} },
)
for await (const piece of text) process.stdout.write(piece)`,

  // The whole answer at once: nothing beyond the standard library reads events.
  python: (asked) => `import json, os, urllib.request

body = json.loads(${JSON.stringify(JSON.stringify(inRows(asked.input)))})
request = urllib.request.Request(
    ${JSON.stringify(urlOf(asked, 'predict'))},
    data=json.dumps(body).encode(),
    headers={
        "authorization": "Bearer " + os.environ["ATOLL_TOKEN"],
        "content-type": "application/json",
    },
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["predictions"][0]["text"])`,

  cli: ({ origin, id, input: { prompt, messages, stop = [], ...settings } }) => {
    const system = messages?.find(({ role }) => role === 'system')?.content
    const said = messages?.filter(({ role }) => role === 'user').at(-1)?.content ?? ''
    const words = [
      prompt === undefined ? `--message ${quoted(said)}` : `--prompt ${quoted(prompt)}`,
      ...(system ? [`--system ${quoted(system)}`] : []),
      ...Object.entries(settings).map(
        ([name, value]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${value}`,
      ),
      ...stop.map((text) => `--stop ${quoted(text)}`),
    ]
    return `export ATOLL_URL=${origin}\n\nnpx atoll generate ${id} ${words.join(' \\\n  ')}`
  },
}

const inRows = ({ prompt, messages, ...generation }: GenerateInput & { prompt?: string }) => ({
  rows: [prompt === undefined ? { messages } : { prompt }],
  ...(Object.keys(generation).length > 0 && { generation }),
})

const urlOf = ({ origin, endpoint, project }: Asked, verb: string): string =>
  `${origin}/v1/endpoints/${encodeURIComponent(endpoint)}/${verb}?project=${encodeURIComponent(project)}`

const pretty = (value: unknown): string => JSON.stringify(value, null, 2)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
