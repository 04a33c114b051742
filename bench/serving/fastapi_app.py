"""The same model behind FastAPI and ONNX Runtime, as its documentation would have one write it. No authentication, capture or metrics."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI
from pydantic import create_model

folder = Path(os.environ["MODEL_FOLDER"])
signature = json.loads((folder / "signature.json").read_text())
names = [one["name"] for one in signature["inputs"]]
threshold = signature["threshold"]

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])

Row = create_model("Row", **{name: (float, ...) for name in names})
Body = create_model("Body", row=(Row, ...))
app = FastAPI()


@app.post("/predict")
async def predict(body: Body):
    numbers = np.array([[getattr(body.row, name) for name in names]], dtype=np.float64)
    no, yes = session.run(["probabilities"], {"numbers": numbers})[0][0].tolist()
    return {"label": "yes" if yes >= threshold else "no", "probabilities": {"no": no, "yes": yes}}
