"""MLflow's pyfunc over a pandas frame: reads Parquet, asks the same graph on two threads, writes Parquet.

`save MODEL.onnx FOLDER`, then `score FOLDER IN.parquet OUT.parquet` (prints seconds by the clock and of processors, loading the model left out).
"""

import sys
import time

import mlflow.pyfunc
import pandas as pd


class Scores(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = 2
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(context.artifacts["model"], options)

    def predict(self, context, model_input, params=None):
        probabilities = self.session.run(["probabilities"], {"numbers": model_input.to_numpy(dtype="float64")})[0]
        return pd.DataFrame(
            {
                "predicted_label": pd.Categorical.from_codes((probabilities[:, 1] >= 0.5).astype(int), ["no", "yes"]),
                "predicted_probability_no": probabilities[:, 0],
                "predicted_probability_yes": probabilities[:, 1],
            }
        )


def main(what: str, *paths: str) -> None:
    if what == "save":
        mlflow.pyfunc.save_model(paths[1], python_model=Scores(), artifacts={"model": paths[0]}, pip_requirements=[])
        return
    model = mlflow.pyfunc.load_model(paths[0])
    started, used = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(paths[1])
    answers = model.predict(frame.drop(columns="id"))
    answers.insert(0, "id", frame["id"].to_numpy())
    answers.to_parquet(paths[2], compression="zstd")
    print(time.perf_counter() - started, time.process_time() - used)


if __name__ == "__main__":
    main(*sys.argv[1:])
