export type OpenAiLanguage = 'curl' | 'python' | 'node'

interface Asked {
  baseUrl: string
  model: string
  project: string
  /** What the endpoint can be asked for. */
  way: 'chat' | 'completion' | 'embedding'
  text: string
}

/** A request by a client of the OpenAI API that runs as it stands, once a token is in ATOLL_TOKEN. */
export const openAiSnippet = (language: OpenAiLanguage, asked: Asked): string => writers[language](asked)

const writers: Record<OpenAiLanguage, (asked: Asked) => string> = {
  curl: ({
    baseUrl,
    project,
    ...asked
  }) => `curl ${asked.way === 'embedding' ? '' : '-N '}${quoted(`${baseUrl}/${paths[asked.way]}`)} \\
  -H "authorization: Bearer $ATOLL_TOKEN" \\
  -H ${quoted(`openai-project: ${project}`)} \\
  -H 'content-type: application/json' \\
  -d ${quoted(JSON.stringify(bodyOf(asked), null, 2))}`,

  python: ({ baseUrl, project, ...asked }) => `import os
from openai import OpenAI

client = OpenAI(
    base_url=${JSON.stringify(baseUrl)},
    api_key=os.environ["ATOLL_TOKEN"],
    project=${JSON.stringify(project)},
)
${pythonCall(asked)}`,

  node: ({ baseUrl, project, ...asked }) => `import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: ${JSON.stringify(baseUrl)},
  apiKey: process.env.ATOLL_TOKEN,
  project: ${JSON.stringify(project)},
})
${nodeCall(asked)}`,
}

const paths = { chat: 'chat/completions', completion: 'completions', embedding: 'embeddings' }

type Body = Pick<Asked, 'model' | 'way' | 'text'>

function bodyOf({ model, way, text }: Body): Record<string, unknown> {
  if (way === 'embedding') return { model, input: [text] }
  if (way === 'completion') return { model, prompt: text, max_tokens: 64, stream: true }
  return { model, messages: [{ role: 'user', content: text }], stream: true }
}

function pythonCall({ model, way, text }: Body): string {
  const [name, words] = [JSON.stringify(model), JSON.stringify(text)]
  if (way === 'embedding')
    return `answer = client.embeddings.create(model=${name}, input=[${words}])
print(answer.data[0].embedding)`
  const [asked, said] =
    way === 'chat'
      ? [`messages=[{"role": "user", "content": ${words}}]`, 'chunk.choices[0].delta.content or ""']
      : [`prompt=${words}, max_tokens=64`, 'chunk.choices[0].text']
  return `stream = client.${way === 'chat' ? 'chat.completions' : 'completions'}.create(
    model=${name},
    ${asked},
    stream=True,
)
for chunk in stream:
    print(${said}, end="", flush=True)`
}

function nodeCall({ model, way, text }: Body): string {
  const [name, words] = [JSON.stringify(model), JSON.stringify(text)]
  if (way === 'embedding')
    return `const { data } = await client.embeddings.create({ model: ${name}, input: [${words}] })
console.log(data[0].embedding)`
  const [asked, said] =
    way === 'chat'
      ? [`messages: [{ role: 'user', content: ${words} }]`, "choices[0]?.delta.content ?? ''"]
      : [`prompt: ${words},\n  max_tokens: 64`, "choices[0]?.text ?? ''"]
  return `const stream = await client.${way === 'chat' ? 'chat.completions' : 'completions'}.create({
  model: ${name},
  ${asked},
  stream: true,
})
for await (const { choices } of stream) process.stdout.write(${said})`
}

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
