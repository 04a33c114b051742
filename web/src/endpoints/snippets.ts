export type Language = 'curl' | 'typescript' | 'python' | 'cli'

interface Asked {
  origin: string
  /** Name and id of the endpoint. */
  endpoint: string
  id: string
  project: string
  row: Record<string, unknown>
  /** The files that the row holds, by column. */
  files?: Record<string, AskedFile>
}

interface AskedFile {
  name: string
  type: string
}

/** A request of this row that runs as it stands, once a token is in ATOLL_TOKEN (and its files lie in the folder). */
export function snippet(language: Language, asked: Asked): string {
  const [file] = Object.entries(asked.files ?? {})
  if (!file) return writers[language](asked)
  const [column, { name, type }] = file
  const others = Object.fromEntries(Object.entries(asked.row).filter(([key]) => key !== column))
  return fileWriters[language]({ ...asked, column, file: name, type: type || 'application/octet-stream', others })
}

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

interface AskedWithFile extends Asked {
  column: string
  file: string
  type: string
  /** The row's other columns. */
  others: Record<string, unknown>
}

const isAlone = ({ others }: AskedWithFile) => Object.keys(others).length === 0

const fileWriters: Record<Language, (asked: AskedWithFile) => string> = {
  curl: (asked) => {
    const parts = Object.entries(asked.others)
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([name, value]) => ` \\\n  --form-string ${quoted(`${name}=${value}`)}`)
    const body = isAlone(asked)
      ? ` \\\n  -H ${quoted(`content-type: ${asked.type}`)} \\\n  --data-binary ${quoted(`@${asked.file}`)}`
      : `${parts.join('')} \\\n  -F ${quoted(`${asked.column}=@${asked.file}`)}`
    return `curl ${quoted(urlOf(asked))} \\\n  -H "authorization: Bearer $ATOLL_TOKEN"${body}`
  },

  typescript: (asked) => `import { openAsBlob } from 'node:fs'
import { createAtoll } from '@atoll/sdk'

const atoll = createAtoll({ url: '${asked.origin}', token: process.env.ATOLL_TOKEN })
const file = await openAsBlob(${JSON.stringify(asked.file)}, { type: ${JSON.stringify(asked.type)} })
const { predictions } = await atoll.endpoints.predictFile(${JSON.stringify(asked.endpoint)}, file, {
  project: ${JSON.stringify(asked.project)},${isAlone(asked) ? '' : `\n  column: ${JSON.stringify(asked.column)},\n  row: ${pretty(asked.others).replaceAll('\n', '\n  ')},`}
})
console.log(predictions[0])`,

  python: (asked) => `import base64, json, os, urllib.request

row = ${python(asked.others)}
with open(${JSON.stringify(asked.file)}, "rb") as file:
    row[${JSON.stringify(asked.column)}] = base64.b64encode(file.read()).decode()
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

  cli: (asked) =>
    isAlone(asked)
      ? `export ATOLL_URL=${asked.origin}

npx atoll predict ${asked.id} --file ${quoted(asked.file)}`
      : writers.cli({ ...asked, row: { ...asked.others, [asked.column]: asked.file } }),
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
