"""The model that every peer serves: ONNX Runtime with one thread that does not spin, and the answer in words."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime

folder = Path(os.environ["MODEL_FOLDER"])
signature = json.loads((folder / "signature.json").read_text())
names = [one["name"] for one in signature["inputs"]]
threshold = signature["threshold"]


def open_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def numbers_of(rows: list[dict]) -> np.ndarray:
    """Rows of numbers by column name, as float64 [rows, columns]."""
    return np.array([[row[name] for name in names] for row in rows], dtype=np.float64)


def answers(session: onnxruntime.InferenceSession, numbers: np.ndarray) -> list[dict]:
    """One answer for each row of float64 [rows, columns]."""
    return [
        {"label": "yes" if yes >= threshold else "no", "probabilities": {"no": no, "yes": yes}}
        for no, yes in session.run(["probabilities"], {"numbers": numbers})[0].tolist()
    ]
