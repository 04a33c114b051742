import { invalidInput } from '../../../kernel/errors.ts'
import { readSafetensors } from '../../weights/safetensors.ts'
import { type ByteSource, jsonOf, shown } from './byte-source.ts'
import type { Found } from './found.ts'
import { objectOf } from './xgboost.ts'

const mostConfigBytes = 8 * 2 ** 20
const deepest = 40

/** A folder of transformers: config.json, tensors, words. Settings that would make a library run something are refused. */
export async function inspectTransformers(folder: string, files: readonly ByteSource[]): Promise<Found> {
  const at = (name: string) => files.find(({ path }) => path === `${folder}${name}`)
  const config = objectOf(await jsonOf(at('config.json')!, mostConfigBytes))
  for (const file of files.filter(
    ({ path }) => path.startsWith(folder) && /\.json$/.test(path) && !path.endsWith('tokenizer.json'),
  ))
    if (file.sizeBytes < mostConfigBytes) refuseTrust(file.path, await jsonOf(file, mostConfigBytes), [])
  refuseSounds(folder, config)
  let parameters = 0
  for (const file of files.filter(({ path }) => path.startsWith(folder) && path.endsWith('.safetensors')))
    parameters += (await readSafetensors(streamOf(file), file)).parameters
  const architectures = Array.isArray(config.architectures) ? config.architectures.filter((one) => typeof one === 'string') : []
  const classes = classesOfConfig(config)
  const architecture = architectures[0] === undefined ? null : shown(architectures[0])
  return {
    format: 'transformers',
    file: folder.replace(/\/$/, ''),
    marked: null,
    algorithm: `${architecture ?? 'transformers'} (${shown(String(config.model_type ?? 'kind not stated'))})`,
    task: taskOfArchitecture(architecture ?? '', config, classes),
    classes,
    columns: null,
    width: null,
    facts: { architectures: architectures.map(shown), modelType: config.model_type ?? null, parameters },
    notes: [],
  }
}

/** Networks that hear: their architecture may be named as those that read texts are. */
const hearing =
  /^(wav2vec2|hubert|wavlm|unispeech|sew|data2vec-audio|audio-spectrogram-transformer|whisper|speech_to_text|clap|mctct)/

function refuseSounds(folder: string, { model_type }: Record<string, unknown>): void {
  if (typeof model_type !== 'string' || !hearing.test(model_type)) return
  throw invalidInput(
    `"${folder}config.json" is of a network that hears (${shown(model_type)}), and folders of such networks are not imported. As weights (atoll weights) it can begin a training of sounds or of speech here; as ONNX it can be imported over tensors (takes: tensor); or bring it with its code (predict.py).`,
    { file: `${folder}config.json`, modelType: shown(model_type) },
  )
}

/** Settings by which libraries run what a folder brings or names: a file cannot grant itself trust. */
function refuseTrust(path: string, value: unknown, keys: string[]): void {
  if (keys.length > deepest) throw invalidInput(`"${path}" lies more than ${deepest} deep.`, { file: path })
  if (Array.isArray(value)) for (const [i, one] of value.slice(0, 10_000).entries()) refuseTrust(path, one, [...keys, String(i)])
  for (const [key, inner] of Object.entries(objectOf(value))) {
    const name = [...keys, key].join('.')
    const refused =
      key === 'auto_map' || key === 'custom_pipelines'
        ? 'it names programs of its own, which are not run here'
        : key === 'trust_remote_code' && inner
          ? 'a file cannot ask to be trusted'
          : /^_?(attn_implementation|experts_implementation)/.test(key) && typeof inner === 'string' && /[/:]/.test(inner)
            ? 'it names a program of somewhere else'
            : null
    if (refused)
      throw invalidInput(
        `"${path}" is refused: its setting "${shown(name)}" (${shown(JSON.stringify(inner) ?? '')}): ${refused}.`,
        {
          file: path,
          setting: shown(name),
        },
      )
    refuseTrust(path, inner, [...keys, key])
  }
}

/** The classes that a network's settings name, in the order of its scores. */
export function classesOfConfig(config: Record<string, unknown>): string[] | null {
  const labels = objectOf(config.id2label)
  const count = Object.keys(labels).length
  return count > 0 && count <= 10_000 ? Array.from({ length: count }, (_, i) => String(labels[i] ?? `LABEL_${i}`)) : null
}

/** How many tokens a network reads, and which fills shorter texts. */
export function wordsOf(config: Record<string, unknown>, tokenizer: Record<string, unknown>): { maxLength: number; pad: number } {
  const whole = (value: unknown, most: number) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most ? (value as number) : null
  return {
    maxLength: whole(tokenizer.model_max_length, 100_000) || whole(config.max_position_embeddings, 100_000) || 512,
    pad: whole(config.pad_token_id, 10_000_000) ?? 0,
  }
}

/** What a network is for, by the name of its class. */
export function taskOfArchitecture(
  architecture: string,
  config: Record<string, unknown>,
  classes: string[] | null,
): Found['task'] {
  if (/ForSequenceClassification$|ForImageClassification$|ForAudioClassification$/.test(architecture)) {
    if (config.problem_type === 'multi_label_classification') return 'multilabel'
    if (config.problem_type === 'regression' || classes?.length === 1) return 'regression'
    return classes?.length === 2 ? 'binary' : 'multiclass'
  }
  if (/ForTokenClassification$/.test(architecture)) return 'tokens'
  if (/ForCausalLM$/.test(architecture)) return 'generation'
  if (/^Whisper|ForCTC$/.test(architecture)) return 'transcription'
  if (/ForConditionalGeneration$/.test(architecture)) return 'seq2seq'
  if (/ForObjectDetection$/.test(architecture)) return 'detection'
  if (/Model$/.test(architecture)) return 'embedding'
  return null
}

const streamOf = (file: ByteSource) => async (range: { start: number; end: number }) => {
  const { Readable } = await import('node:stream')
  return Readable.from([await file.read(range.start, range.end)])
}
