"""Image networks that lose channels or weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from atoll_engines.compression.derived import Derived
from atoll_engines.compression.prune import RATE_SHARE, Pruned, Wish, count, held_out, scores, training_rows, zero_smallest
from atoll_engines.contract import Job, Report
from atoll_engines.errors import BadInput
from atoll_engines.image.export import export
from atoll_engines.image.model import ImageModel
from atoll_engines.image.networks.build import build_network
from atoll_engines.image.networks.cnn import SmallCnn
from atoll_engines.image.pipeline import open_package

LEAST_CHANNELS = 4


def pruned_images(job: Job, derived: Derived, wish: Wish, report: Report) -> Pruned:
    pipeline = open_package(job, "train").pipeline
    model: ImageModel = pipeline.model
    frame, y = training_rows(job, derived, [pipeline.column], pipeline.classes)
    readable = pipeline.readable(frame, report)
    frame, y = frame[readable], y[readable]
    images = np.stack([pipeline.pixels(value, row) for row, value in frame[pipeline.column].items()])
    learn, watch = held_out(y, pipeline.task, job.seed)
    before = count(model.network)
    network, params = (narrowed if wish.is_structured else unchanged)(model, wish.sparsity)
    zeros = 0 if wish.is_structured else zero_smallest(network, wish.sparsity)
    rate = RATE_SHARE * float(model.params.get("learning_rate", 1e-3))
    gentle = params | {"epochs": wish.epochs, "learning_rate": rate}
    base = replace(model.setting.base, seed=job.seed, threads=job.threads)
    setting = replace(model.setting, base=base, images=images, report=report, checkpoints=job.checkpoints, options={})
    tuned = ImageModel(model.algorithm, gentle, setting)
    tuned.network, tuned.facts = network, model_facts(model, network)
    report.progress("prune", 1, 3, None, f"{before} weights, {count(network)} left: fine-tuning on {len(learn)} images")
    torch.manual_seed(job.seed)
    tuned.learn(learn, y[learn])
    report.progress("prune", 2, 3, None, "exporting")
    tuned.params = params
    pipeline.model = tuned
    exported = export(pipeline, images, job.model / "model.onnx", float(derived.signature["tolerance"]), job.seed)
    pipeline.save(job.native, (derived.folder / "preprocess.onnx").read_bytes())
    validation = scores(y[watch], tuned.predict(watch), pipeline.task, pipeline.thresholds or pipeline.threshold)
    return Pruned(before, count(tuned.network), zeros, params, validation, exported)


def model_facts(model: ImageModel, network: Any) -> dict[str, Any]:
    return {**model.facts, "parameters": count(network), "embedding": network.backbone.width}


def unchanged(model: ImageModel, _: float) -> tuple[Any, dict[str, Any]]:
    return model.network, model.params


def narrowed(model: ImageModel, sparsity: float) -> tuple[Any, dict[str, Any]]:
    """The network with the share of channels taken out whose filters weigh least once their norms are folded in (Li et al. 2017)."""
    old = model.network
    if not isinstance(old.backbone, SmallCnn):
        raise BadInput(
            f"Whole channels can be taken out of image_cnn, not of {model.algorithm}. Prune single weights, or distil it into an image_cnn."
        )
    stem, stages = old.backbone.stem, old.backbone.stages
    kept = [heaviest([folded(stem.convolution, stem.norm)], sparsity)]
    hidden_kept: list[list[torch.Tensor]] = []
    for stage in stages:
        blocks = list(stage)[2:]
        # What a block adds to a channel is added to that channel: they stay or go together.
        outputs = [folded(stage[0].convolution, stage[0].norm), *(folded(one.inside[1], one.inside[2]) for one in blocks)]
        kept.append(heaviest(outputs, sparsity))
        hidden_kept.append([heaviest([folded(one.inside[0].convolution, one.inside[0].norm)], sparsity) for one in blocks])
    params = {**model.params, "widths": [len(one) for one in kept], "hidden": [[len(one) for one in stage] for stage in hidden_kept]}
    network, _ = build_network(model.algorithm, params, model.setting, model.facts["mean"], model.facts["std"])
    with torch.no_grad():
        take_conv_norm(network.backbone.stem, stem, torch.arange(stem.convolution.in_channels), kept[0])
        for level, (stage, was) in enumerate(zip(network.backbone.stages, stages, strict=True)):
            take_conv_norm(stage[0], was[0], kept[level], kept[level + 1])
            for block, old_block, inside in zip(list(stage)[2:], list(was)[2:], hidden_kept[level], strict=True):
                take_conv_norm(block.inside[0], old_block.inside[0], kept[level + 1], inside)
                take(block.inside[1], old_block.inside[1], inside, kept[level + 1])
                take_norm(block.inside[2], old_block.inside[2], kept[level + 1])
        width = len(old.backbone.stem.norm.weight) if not len(stages) else stages[-1][0].convolution.out_channels
        # The head reads the mean and then the largest of each channel.
        network.head.weight.copy_(old.head.weight[:, torch.cat([kept[-1], kept[-1] + width])])
        network.head.bias.copy_(old.head.bias)
    return network, params


def folded(convolution: Any, norm: Any) -> torch.Tensor:
    """The size of each filter as it acts: with the scale of the norm behind it."""
    scale = norm.weight.detach().abs() / torch.sqrt(norm.running_var + norm.eps)
    return convolution.weight.detach().abs().sum((1, 2, 3)) * scale


def heaviest(sizes: list[torch.Tensor], sparsity: float) -> torch.Tensor:
    """Places of the channels that stay, in their order."""
    total = torch.stack(sizes).sum(0)
    staying = min(len(total), max(LEAST_CHANNELS, round(len(total) * (1 - sparsity))))
    return total.topk(staying).indices.sort().values


def take_conv_norm(into: Any, was: Any, inputs: torch.Tensor, outputs: torch.Tensor) -> None:
    take(into.convolution, was.convolution, inputs, outputs)
    take_norm(into.norm, was.norm, outputs)


def take(into: Any, was: Any, inputs: torch.Tensor, outputs: torch.Tensor) -> None:
    into.weight.copy_(was.weight[outputs][:, inputs])


def take_norm(into: Any, was: Any, outputs: torch.Tensor) -> None:
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(into, name).copy_(getattr(was, name)[outputs])
