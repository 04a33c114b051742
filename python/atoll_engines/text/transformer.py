"""A transformer encoder (Vaswani et al. 2017): given weights fine-tuned, or a small one learned from the start."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from atoll_engines.errors import BadInput
from atoll_engines.text.bag import answered
from atoll_engines.text.encoder_graph import encoder_graph
from atoll_engines.text.setting import TextSetting
from atoll_engines.text.tokens import PAD, batches_by_length, encode, learn_tokenizer, padded, read_tokenizer
from atoll_engines.text.weights import refuse_incomplete

PREDICT_BATCH = 64


class Transformer:
    """A BERT, DistilBERT, RoBERTa or other encoder of the transformers library, with a new last layer."""

    rounds = None
    learns_from_teacher = True

    def __init__(self, params: dict[str, Any], setting: TextSetting) -> None:
        self.params, self.setting = params, setting

    def fit(self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None = None, watch: Any = None) -> None:
        import torch

        from atoll_engines.text.fine_tune import fine_tune, plan_of

        torch.manual_seed(self.setting.base.seed)
        torch.set_num_threads(self.setting.base.threads)
        self.middle, self.spread = (float(y.mean()), float(y.std()) or 1.0) if self.setting.task == "regression" else (0.0, 1.0)
        self.network, self.tokenizer, self.made_from = self.begin(x)
        self.pad = self.pad_of()
        targets = (y - self.middle) / self.spread if self.setting.task == "regression" else y
        plan, limit = plan_of(self.params, self.setting), int(self.params["max_length"])
        told = fine_tune(self.network, self.tokenizer, x, targets, weights, plan, limit, self.pad, self.setting, self.kept_fit(x, y))
        self.made_from |= told

    def begin(self, texts: np.ndarray) -> tuple[Any, Any, dict[str, Any]]:
        """The network before training, and its tokenizer."""
        folder = self.setting.weights
        return self.from_weights(folder) if folder else self.from_scratch(texts)

    def from_weights(self, folder: Path) -> tuple[Any, Any, dict[str, Any]]:
        from transformers import AutoModelForSequenceClassification

        config = refuse_incomplete(folder)
        try:
            network = AutoModelForSequenceClassification.from_pretrained(
                folder, num_labels=self.setting.outputs, local_files_only=True, use_safetensors=True, trust_remote_code=False,
                ignore_mismatched_sizes=True, attn_implementation="eager",
            )  # fmt: skip
        except (ValueError, OSError, KeyError) as error:
            raise BadInput(f"The weights could not be read as a text encoder: {str(error).splitlines()[0]}.", file="config.json") from error
        limit = int(config.get("max_position_embeddings") or 512)
        # RoBERTa counts positions from behind its padding id.
        limit -= int(config.get("pad_token_id") or 0) + 1 if config.get("model_type") in ("roberta", "xlm-roberta", "camembert") else 0
        if int(self.params["max_length"]) > limit:
            raise BadInput(
                f"options.maxLength is {self.params['max_length']}, but these weights read at most {limit} tokens.",
                parameter="options.maxLength",
            )
        tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
        made = {"from": "given weights", "architecture": config.get("model_type"), "name": config.get("_name_or_path")}
        return network.float(), tokenizer, made

    def from_scratch(self, texts: np.ndarray) -> tuple[Any, Any, dict[str, Any]]:
        from transformers import DistilBertConfig, DistilBertForSequenceClassification

        tokenizer = learn_tokenizer(texts, int(self.params["vocabulary"]))
        config = small_config(DistilBertConfig, self.params, tokenizer, self.setting.outputs)
        made = {
            "from": "random numbers: no weights were given, so the network knows only the training texts",
            "architecture": "distilbert",
        }
        return DistilBertForSequenceClassification(config), tokenizer, made

    def pad_of(self) -> int:
        known = self.network.config.pad_token_id
        return int(known if known is not None else self.tokenizer.token_to_id(PAD) or 0)

    def kept_fit(self, x: np.ndarray, y: np.ndarray) -> Path | None:
        """Where this very fit is kept: a restart takes it up, and the final fit on the same rows finds it finished."""
        if self.setting.checkpoints is None:
            return None
        told = [self.params, self.setting.options, self.setting.task, self.setting.base.seed, str(self.setting.weights)]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
        digest.update("\0".join(map(str, x)).encode())
        digest.update(np.ascontiguousarray(y).tobytes())
        return self.setting.checkpoints / f"transformer-{digest.hexdigest()[:16]}"

    def predict(self, x: np.ndarray) -> np.ndarray:
        import torch

        rows = encode(self.tokenizer, x, int(self.params["max_length"]))
        margins = np.empty((len(rows), self.setting.outputs), np.float32)
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            for places in batches_by_length(np.array([len(row) for row in rows]), PREDICT_BATCH):
                ids, mask = padded([rows[place] for place in places], self.pad)
                answer = self.network(input_ids=torch.from_numpy(ids).to(device), attention_mask=torch.from_numpy(mask).to(device))
                margins[places] = answer.logits.float().cpu().numpy()
        return answered(margins, self.setting.task, self.middle, self.spread)

    def to_onnx(self) -> bytes:
        return encoder_graph(self.network, self.setting.task, self.middle, self.spread, self.setting.outputs)

    def tensors(self, texts: np.ndarray) -> dict[str, np.ndarray]:
        ids, mask = padded(encode(self.tokenizer, texts, int(self.params["max_length"])), self.pad)
        return {"input_ids": ids, "attention_mask": mask}

    def save(self, folder: Path) -> None:
        self.write_weights(folder / "weights.safetensors")
        self.network.config.to_json_file(folder / "config.json")
        (folder / "tokenizer.json").write_text(self.tokenizer.to_str(), "utf-8")
        (folder / "scale.json").write_text(json.dumps({"middle": self.middle, "spread": self.spread, "madeFrom": self.made_from}), "utf-8")

    def write_weights(self, path: Path) -> None:
        from safetensors.torch import save_file

        state = {name: value.detach().cpu().clone().contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, path)

    @staticmethod
    def load(folder: Path, params: dict[str, Any], setting: TextSetting) -> Transformer:
        from safetensors.torch import load_file
        from transformers import AutoConfig, AutoModelForSequenceClassification

        model = Transformer(params, setting)
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model.network = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
        model.network.load_state_dict(load_file(folder / "weights.safetensors"))
        model.network.eval()
        model.tokenizer = read_tokenizer((folder / "tokenizer.json").read_text("utf-8"))
        scale = json.loads((folder / "scale.json").read_text("utf-8"))
        model.middle, model.spread, model.made_from = scale["middle"], scale["spread"], scale["madeFrom"]
        model.pad = model.pad_of()
        return model

    def facts(self) -> dict[str, Any]:
        return {
            **self.made_from, "parameters": int(sum(one.numel() for one in self.network.parameters())),
            "tokens": int(self.tokenizer.get_vocab_size()), "maxLength": int(self.params["max_length"]),
        }  # fmt: skip


def small_config(kind: type, params: dict[str, Any], tokenizer: Any, outputs: int) -> Any:
    """An encoder small enough to learn from few texts on a processor."""
    return kind(
        vocab_size=tokenizer.get_vocab_size(), dim=int(params["width"]), n_layers=int(params["layers"]), n_heads=int(params["heads"]),
        hidden_dim=4 * int(params["width"]), max_position_embeddings=max(512, int(params["max_length"])), dropout=params["dropout"],
        attention_dropout=params["dropout"], seq_classif_dropout=params["dropout"], num_labels=outputs,
        pad_token_id=tokenizer.token_to_id(PAD), attn_implementation="eager",
    )  # fmt: skip
