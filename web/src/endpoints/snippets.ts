export type Language = 'curl' | 'typescript' | 'python'

/** A request of this row that runs as it stands, once a token is in ATOLL_TOKEN. */
export function snippet(
  language: Language,
  { origin, endpoint, project, row }: { origin: string; endpoint: string; project: string; row: Record<string, unknown> },
): string {
  const url = `${origin}/v1/endpoints/${encodeURIComponent(endpoint)}/predict?project=${encodeURIComponent(project)}`
  const pretty = JSON.stringify(row, null, 2)
  if (language === 'curl') {
    return `curl ${quoted(url)} \\\n  -H "authorization: Bearer $ATOLL_TOKEN" \\\n  -H 'content-type: application/json' \\\n  -d ${quoted(JSON.stringify({ rows: [row] }))}`
  }
  if (language === 'typescript') {
    return `import { createAtoll } from '@atoll/sdk'\n\nconst atoll = createAtoll({ url: '${origin}', token: process.env.ATOLL_TOKEN })\nconst { predictions } = await atoll.endpoints.predict(${JSON.stringify(endpoint)}, [${indented(pretty)}], { project: ${JSON.stringify(project)} })\nconsole.log(predictions[0])`
  }
  return `import json, os, urllib.request\n\nrow = ${python(row)}\nrequest = urllib.request.Request(\n    "${url}",\n    data=json.dumps({"rows": [row]}).encode(),\n    headers={"authorization": "Bearer " + os.environ["ATOLL_TOKEN"], "content-type": "application/json"},\n)\nprint(json.load(urllib.request.urlopen(request))["predictions"][0])`
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
const indented = (text: string) => text.replaceAll('\n', '\n  ').replace(/\n {2}\}$/, '\n}')

function python(row: Record<string, unknown>): string {
  const lines = Object.entries(row).map(
    ([name, value]) =>
      `    ${JSON.stringify(name)}: ${value === null || value === undefined ? 'None' : value === true ? 'True' : value === false ? 'False' : JSON.stringify(value)},`,
  )
  return `{\n${lines.join('\n')}\n}`
}
