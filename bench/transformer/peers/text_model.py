"""The model that every peer serves: the same graph and tokenizer, ONNX Runtime with one thread that does not spin, and the answer in words."""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = Path(os.environ["MODEL_FOLDER"])
batch = int(os.environ.get("BATCH", "1"))
signature = json.loads((folder / "signature.json").read_text())
os.environ["TOKENIZERS_PARALLELISM"] = "false"


def open_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(signature["inputs"][0]["maxLength"])
    tokenizer.enable_padding(pad_id=0)
    return tokenizer


class TextModel:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self.tokenizer = open_tokenizer()

    def answers(self, texts: list[str]) -> list[dict]:
        """One answer for each text, in one run."""
        told = self.tokenizer.encode_batch(texts)
        ids = np.array([one.ids for one in told], dtype=np.int64)
        mask = np.array([one.attention_mask for one in told], dtype=np.int64)
        return in_words(self.session.run(["probabilities"], {"input_ids": ids, "attention_mask": mask})[0])


def in_words(probabilities: np.ndarray) -> list[dict]:
    threshold = signature["threshold"]
    return [
        {"label": "yes" if yes >= threshold else "no", "probabilities": {"no": no, "yes": yes}} for no, yes in probabilities.tolist()
    ]
