import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { customers, type TrainingWorld, trainingWorld } from './training-world.ts'

/** Users' own scripts through the whole product: jobs with channels, metrics and artifacts; models judged and served like any other. */

const train = `
import argparse, os, pickle
import pandas as pd
from sklearn.linear_model import LogisticRegression

def columns(frame):
    return frame[["minutes", "calls", "age"]].fillna(150).astype(float)

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.pkl"), "rb") as file:
        return pickle.load(file)

def predict_fn(frame, model):
    return model.predict_proba(columns(frame))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--penalty-strength", type=float, default=1.0)
    args = parser.parse_args()
    frame = pd.read_csv("/opt/ml/input/data/train/train.csv") if os.path.exists("/opt/ml/input/data/train") else pd.read_csv(os.environ["SM_CHANNEL_TRAIN"] + "/train.csv")
    model = LogisticRegression(C=args.penalty_strength, max_iter=500).fit(columns(frame), frame["churn"])
    for step in range(3):
        print(f"[{step}] train-accuracy: {model.score(columns(frame), frame['churn']):.4f}")
    with open(os.environ["SM_MODEL_DIR"] + "/model.pkl", "wb") as file:
        pickle.dump(model, file)
    with open(os.environ["SM_OUTPUT_DATA_DIR"] + "/notes.txt", "w") as file:
        file.write("done")
`
const metrics = [{ name: 'train_accuracy', regex: 'train-accuracy: ([0-9.]+)' }]

describe('scripts', () => {
  let w: TrainingWorld
  before(async () => {
    w = await trainingWorld()
    await w.addTable('customers', customers(600), 'churn')
  })
  after(() => w?.close())

  const run = async (input: object) => {
    const { job, run: runId } = await w.ask('POST', '/v1/script-jobs', input)
    const ended = await w.ended(job.id)
    return { job: ended, run: await w.ask('GET', `/v1/runs/${runId}`) }
  }

  test('a script gets its channel, hyperparameters and variables; metrics and files are kept with its run', async () => {
    const { job, run: kept } = await run({
      files: [{ path: 'train.py', content: train }],
      hyperparameters: { 'penalty-strength': 0.5 },
      metrics,
      channels: { train: { dataset: 'customers' } },
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    assert.ok(kept.metrics.train_accuracy > 0.6)
    assert.equal(kept.parameters['penalty-strength'], 0.5)
    const series = await w.ask('GET', `/v1/runs/${kept.id}/metrics/train_accuracy`)
    assert.deepEqual(series.steps, [0, 1, 2])
    const paths = kept.artifacts.map((one: { path: string }) => one.path)
    for (const path of ['code/train.py', 'model/model.pkl', 'output/data/notes.txt']) assert.ok(paths.includes(path), path)
    assert.doesNotMatch(JSON.stringify(job.spec), /LogisticRegression/, 'the code is not in the list of jobs')
  })

  test('a script with a target becomes a version: sealed evaluation, proof, prediction by its own functions', async () => {
    const { job } = await run({
      name: 'own script',
      files: [{ path: 'train.py', content: train }],
      hyperparameters: { 'penalty-strength': 1 },
      metrics,
      channels: { train: { dataset: 'customers' } },
      model: { target: 'churn', positive: 'yes' },
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const result = job.result as any
    assert.equal(result.served, 'python')
    assert.equal(result.parity.flips, 0)
    assert.ok(result.parity.rows >= 1000)
    assert.ok(result.test.roc_auc.value > 0.75, JSON.stringify(result.test.roc_auc))
    const version = await w.ask('GET', `/v1/models/${result.modelId}/versions/1`)
    assert.deepEqual(version.manifest.engine, { family: 'script', runtime: 'tabular' })
    assert.ok(version.manifest.sandboxOnly.some((file: { path: string }) => file.path === 'native/model/model.pkl'))
    await w.ask('POST', `/v1/models/${result.modelId}/versions/1/promote`, { to: 'approved' })
    await w.ask('POST', '/v1/endpoints', { name: 'scripted', model: 'own script:1' })
    const rows = [{ minutes: 290, calls: 8, plan: 'basic', town: 'Bern', age: 40 }]
    let answer = await w.call('POST', '/v1/endpoints/scripted/predict', { body: { rows } })
    for (let tries = 0; answer.status === 503 && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer = await w.call('POST', '/v1/endpoints/scripted/predict', { body: { rows } })
    }
    assert.equal(answer.json.predictions[0].label, 'yes', answer.text)
  })

  test('what goes wrong is said before a job exists, or by the job in one sentence', async () => {
    const refused = async (input: object, words: RegExp) => {
      const reply = await w.call('POST', '/v1/script-jobs', { body: input })
      assert.ok(reply.status >= 400 && reply.status < 500, `${reply.status}`)
      assert.match(reply.text, words)
    }
    const files = [{ path: 'a.py', content: 'pass' }]
    await refused({ files: [{ path: '../a.py', content: '' }] }, /inside the code folder/)
    await refused({ files: [...files, ...files] }, /there twice/)
    await refused({ files, entryPoint: 'b.py' }, /not among the files/)
    await refused({ files, channels: { train: { dataset: 'nothing' } } }, /nothing/)
    await refused({ files, model: { target: 'churn' } }, /needs the channel/)
    await refused(
      { files, channels: { train: { dataset: 'customers' }, extra: { dataset: 'customers' } }, model: { target: 'churn' } },
      /extra.*is neither/,
    )
    const { job, run: kept } = await run({ files: [{ path: 'a.py', content: 'raise KeyError("no column age")' }] })
    assert.equal(job.state, 'failed')
    assert.match(job.failure!.message, /a\.py ended with exit code 1: KeyError: 'no column age'/)
    assert.equal(kept.state, 'failed')
  })

  test('a script reaches neither the network, nor the server, nor the sealed rows', async () => {
    const spy = `
import glob, os, socket
seen = sorted(glob.glob("/job/input/data/**/*", recursive=True) + glob.glob(os.environ["SM_INPUT_DIR"] + "/data/**/*", recursive=True))
print("SEEN", [os.path.basename(path) for path in seen])
try:
    socket.create_connection(("127.0.0.1", SERVER_PORT), 1)
    print("NETWORK open")
except OSError:
    print("NETWORK closed")
print("DATA", os.path.exists("ATOLL_DATA_DIR"))
`
    const { job } = await run({
      files: [{ path: 'spy.py', content: spy.replace('ATOLL_DATA_DIR', w.dataDir).replace('SERVER_PORT', String(w.port)) }],
      channels: { train: { dataset: 'customers' } },
    })
    assert.equal(job.state, 'succeeded', JSON.stringify(job.failure))
    const events = (await w.ask('GET', `/v1/jobs/${job.id}/log?limit=500`)).items as { data: { message?: string } }[]
    const said = events.map((event) => event.data.message ?? '').join('\n')
    assert.match(said, /SEEN .*train\.csv/)
    assert.doesNotMatch(said, /test\.csv|test\.parquet/)
    if (w.platform.executor.sandbox !== 'full') return
    assert.match(said, /NETWORK closed/)
    assert.match(said, /DATA False/)
  })
})
