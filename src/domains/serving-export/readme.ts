import type { Exported } from './manifests.ts'

/** What the folder is and how it is run. */
export function readme(one: Exported): string {
  const { name, endpoint, model, version, signature, rows } = one
  const example = JSON.stringify({ row: exampleRow(one) })
  const proof =
    'count' in rows
      ? `\`npm run prove\` starts the server as a process of its own, sends it the ${rows.count} rows of the version's proof (held-out ones, and some with values taken away or never seen), and compares each answer with what training code said: no label may differ. The rows are data: keep the folder \`parity/\` as you keep the data set. It is not part of the image.`
      : `There are no rows to prove it with: ${rows.absent} \`model/parity.json\` holds the certificate of the platform's own proof.`
  return `# ${endpoint}

Version ${version} of the model ${model} (${signature.task}), exported from Atoll as a server that needs no Atoll: Node and what \`package.json\` names. The code under \`server/\` is the platform's own, with its types
taken out, so that rows are read, checked and answered as there.

## Run it
\`\`\`
npm ci --ignore-scripts
npm start                       # 127.0.0.1:8080; HOST, PORT and TOKEN are settings of the environment
curl http://127.0.0.1:8080/predict -H 'content-type: application/json' -d ${quoted(example)}
\`\`\`
With TOKEN set, callers send \`Authorization: Bearer …\`; only the health of the server is told to anybody.

| call | answers |
|---|---|
| \`POST /predict\` | \`{ "row": {…} }\`, \`{ "rows": […] }\`, or one file (image, sound) as it is; rows that do not fit are answered with 422, which names row and column of all that is wrong |
| \`GET /health\`, \`GET /health/live\` | 200 as soon as the model is loaded |
| \`GET /metadata\` | columns, types, ranges of training, outputs |
| \`/v2/…\` | the Open Inference Protocol V2 with binary tensors, for the model \`${endpoint}\` |
| \`GET /metrics\` | counters for Prometheus |

## Prove it
${proof}

## In a container
\`\`\`
docker build -t ${name}:${version} .
docker run -p 8080:8080 ${name}:${version}
\`\`\`

## In a cluster
\`\`\`
kubectl apply -k kubernetes     # Deployment with probes and limits, Service, HorizontalPodAutoscaler
kubectl create secret generic ${name}-token --from-literal=token=…
\`\`\`
Give the image the name under which your cluster finds it (\`kustomize edit set image\`).

## What stays behind
Captures, monitoring, explanations, uncertainty, shadows and variants are the platform's. This is one version, as it was.
`
}

function exampleRow({ signature }: Exported): Record<string, unknown> {
  return Object.fromEntries(
    (signature.inputs as { name: string; tensor: string; example?: unknown }[]).map(({ name, tensor, example }) => [
      name,
      tensor === 'image' || tensor === 'audio' ? '<base64 of a file>' : (example ?? null),
    ]),
  )
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
