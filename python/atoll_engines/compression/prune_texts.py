"""Text transformers that lose neurons or weights."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from atoll_engines.compression.derived import Derived
from atoll_engines.compression.prune import RATE_SHARE, Pruned, Wish, count, held_out, scores, training_rows, zero_smallest
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.text.export import export
from atoll_engines.text.fine_tune import fine_tune, plan_of
from atoll_engines.text.pipeline import open_package
from atoll_engines.text.transformer import Transformer

LEAST_NEURONS = 16
# The two layers between which a block's neurons lie, and the configuration's name for how many they are.
NEURONS = (("ffn.lin1", "ffn.lin2", "hidden_dim"), ("intermediate.dense", "output.dense", "intermediate_size"))


def pruned_texts(job: Job, derived: Derived, wish: Wish, report: Report) -> Pruned:
    pipeline = open_package(job).pipeline
    model = pipeline.model
    if not isinstance(model, Transformer):
        raise BadInput("Of the text models transformers can be pruned. A bag of embeddings is small already; quantise it.")
    frame, y = training_rows(job, derived, [one.name for one in pipeline.inputs], pipeline.classes)
    texts = pipeline.documents.of(frame)
    filled = np.array([bool(text.strip()) for text in texts])
    texts, y = texts[filled], y[filled]
    learn, watch = held_out(y, pipeline.task, job.seed)
    before = count(model.network)
    if wish.is_structured:
        model.network = narrowed(model.network, wish.sparsity)
    zeros = 0 if wish.is_structured else zero_smallest(model.network, wish.sparsity)
    rate = RATE_SHARE * float(model.params["learning_rate"])
    base = replace(model.setting.base, seed=job.seed, threads=job.threads)
    setting = replace(model.setting, base=base, report=report, checkpoints=job.checkpoints, options={})
    plan = plan_of(model.params | {"epochs": wish.epochs, "learning_rate": rate}, setting)
    report.progress("prune", 1, 3, None, f"{before} weights, {count(model.network)} left: fine-tuning on {len(learn)} texts")
    targets = (y - model.middle) / model.spread if pipeline.task == "regression" else y
    torch.manual_seed(job.seed)
    limit, folder = int(model.params["max_length"]), job.checkpoints / "fine-tuning"
    fine_tune(model.network, model.tokenizer, texts[learn], targets[learn], None, plan, limit, model.pad, setting, folder)
    report.progress("prune", 2, 3, None, "exporting")
    exported = export(pipeline, texts, job.model / "model.onnx", float(derived.signature["tolerance"]), job.seed)
    pipeline.save(job.native, derived.training["algorithm"], model.params, base)
    validation = scores(y[watch], pipeline.predict_texts(texts[watch]), pipeline.task, pipeline.thresholds or pipeline.threshold)
    return Pruned(before, count(model.network), zeros, model.params, validation, exported)


def narrowed(network: Any, sparsity: float) -> Any:
    """The network with the share of neurons taken out of each block that weigh least between what they read and what they write."""
    modules = dict(network.named_modules())
    first, second, size = next(
        (one for one in NEURONS if hasattr(network.config, one[2]) and any(name.endswith(one[0]) for name in modules)), (None, None, None)
    )
    if first is None:
        raise BadInput(f"Neurons cannot be taken out of a network of the kind {network.config.model_type}. Prune single weights.")
    left = max(LEAST_NEURONS, round(getattr(network.config, size) * (1 - sparsity)))
    config = copy.deepcopy(network.config)
    setattr(config, size, left)
    state = network.state_dict()
    for name in [name for name in modules if name.endswith(first)]:
        block = name[: -len(first)]
        reads, writes = state[f"{name}.weight"], state[f"{block}{second}.weight"]
        weight = reads.abs().sum(1) * writes.abs().sum(0)
        kept = weight.topk(min(left, len(weight))).indices.sort().values
        state[f"{name}.weight"], state[f"{name}.bias"] = reads[kept], state[f"{name}.bias"][kept]
        state[f"{block}{second}.weight"] = writes[:, kept]
    from transformers import AutoModelForSequenceClassification

    smaller = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")
    smaller.load_state_dict(state)
    return smaller
