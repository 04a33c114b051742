"""Writes the model as an MLflow pyfunc, for `mlflow models serve`."""

import sys

import mlflow.pyfunc
from onnx_model import answers, names, open_session


class Churn(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.session = open_session()

    def predict(self, context, model_input, params=None):
        return answers(self.session, model_input[names].to_numpy(dtype="float64"))


if __name__ == "__main__":
    mlflow.pyfunc.save_model(sys.argv[1], python_model=Churn(), code_paths=[__file__.replace("mlflow_model", "onnx_model")], pip_requirements=[])
