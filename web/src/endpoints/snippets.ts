export type Language = 'curl' | 'typescript' | 'python' | 'cli'

interface Asked {
  origin: string
  /** Name and id of the endpoint. */
  endpoint: string
  id: string
  project: string
  row: Record<string, unknown>
}

/** A request of this row that runs as it stands, once a token is in ATOLL_TOKEN. */
export const snippet = (language: Language, asked: Asked): string => writers[language](asked)

const writers: Record<Language, (asked: Asked) => string> = {
  curl: (asked) => `curl ${quoted(urlOf(asked))} \\
  -H "authorization: Bearer $ATOLL_TOKEN" \\
  -H 'content-type: application/json' \\
  -d ${quoted(`{"rows": [${pretty(asked.row)}]}`)}`,

  typescript: ({ origin, endpoint, project, row }) => `import { createAtoll } from '@atoll/sdk'

const atoll = createAtoll({ url: '${origin}', token: process.env.ATOLL_TOKEN })
const row = ${pretty(row)}
const { predictions } = await atoll.endpoints.predict(${JSON.stringify(endpoint)}, [row], {
  project: ${JSON.stringify(project)},
})
console.log(predictions[0])`,

  python: (asked) => `import json, os, urllib.request

row = ${python(asked.row)}
request = urllib.request.Request(
    ${JSON.stringify(urlOf(asked))},
    data=json.dumps({"rows": [row]}).encode(),
    headers={
        "authorization": "Bearer " + os.environ["ATOLL_TOKEN"],
        "content-type": "application/json",
    },
)
with urllib.request.urlopen(request) as answer:
    print(json.load(answer)["predictions"][0])`,

  // The id, since the name may be another endpoint's in another project.
  cli: ({ origin, id, row }) => `export ATOLL_URL=${origin}

cat > row.json <<'END'
[${pretty(row)}]
END
npx atoll predict ${id} --rows row.json`,
}

const urlOf = ({ origin, endpoint, project }: Asked): string =>
  `${origin}/v1/endpoints/${encodeURIComponent(endpoint)}/predict?project=${encodeURIComponent(project)}`

const pretty = (row: unknown): string => JSON.stringify(row, null, 2)

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

function python(row: Record<string, unknown>): string {
  const lines = Object.entries(row).map(
    ([name, value]) =>
      `    ${JSON.stringify(name)}: ${value === null || value === undefined ? 'None' : value === true ? 'True' : value === false ? 'False' : JSON.stringify(value)},`,
  )
  return `{\n${lines.join('\n')}\n}`
}
