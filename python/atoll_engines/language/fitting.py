"""One fit: a network made ready for an algorithm, trained by the loop of all networks, and scored on the held-out rows."""

from __future__ import annotations

import gc
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.contract import Report
from atoll_engines.language.algorithms import Algorithm
from atoll_engines.language.networks import Base, Learner, adapted, load_network, use_threads
from atoll_engines.language.objectives import CausalObjective, PairRows, PreferenceObjective, SequenceRows, preferred, sums_of
from atoll_engines.language.options import LanguageOptions
from atoll_engines.language.records import Records
from atoll_engines.language.sequences import Encoder, learned_sequences, packed, scored_sequences
from atoll_engines.neural.devices import find_device
from atoll_engines.neural.plan import TrainingPlan, read_plan
from atoll_engines.neural.protocols import Fitted, Hooks
from atoll_engines.neural.trainer import fit


@dataclass
class Held:
    """The held-out rows as sequences, and what the base says of them."""

    records: Records
    encoder: Encoder

    def __post_init__(self) -> None:
        self.sequences = scored_sequences(self.records, self.encoder)
        self.rejected = [self.encoder.pair(one, one.rejected) for one in self.records.rows] if self.records.form == "preference" else []
        self.encoder.cut.clear()
        self.reference: np.ndarray | None = None

    def refer(self, module: nn.Module) -> None:
        """Take the network as the reference of preferences."""
        self.reference = references(module, self.sequences, self.rejected, self.encoder.tokens.pad)

    def score(self, module: nn.Module, beta: float = 0.1) -> dict[str, float]:
        """Perplexity of what is learned; of pairs also how often and how far the chosen answer is preferred."""
        said = sums_of(module, self.sequences, self.encoder.tokens.pad)
        found = {"perplexity": perplexity(said["sums"].sum(), said["counts"].sum())}
        if self.records.form in ("completion", "choice", "chat"):
            found["exact_match"] = float(said["likeliest"].mean())
        if self.rejected:
            other = sums_of(module, self.rejected, self.encoder.tokens.pad)
            reference = self.reference if self.reference is not None else np.column_stack([-said["sums"], -other["sums"]])
            margins = beta * ((other["sums"] - said["sums"]) - (reference[:, 0] - reference[:, 1]))
            found |= {"preference_accuracy": float(preferred(margins).mean()), "preference_margin": float(margins.mean())}
        return found


def references(module: nn.Module, chosen: list, rejected: list, pad: int) -> np.ndarray:
    """Log-likelihoods of both answers under the network as it is: the reference is frozen, so it is asked once."""
    return np.column_stack([-sums_of(module, side, pad)["sums"] for side in (chosen, rejected)])


def perplexity(total: float, tokens: int) -> float:
    return float(np.exp(min(total / max(1, tokens), 700.0)))


@dataclass
class Fit:
    """What a fit came to. `network` is the one that was trained, with its adapter if it has one."""

    network: nn.Module
    fitted: Fitted
    scores: dict[str, float]
    before: dict[str, float]
    sequences: int
    tokens: int


class Fitter:
    """Fits algorithms on the same rows and scores them on the same held-out rows."""

    def __init__(
        self, base: Base, train: Records, held: Held, encoder: Encoder, options: LanguageOptions, report: Report, checkpoints: Path,
        seed: int, threads: int,
    ) -> None:  # fmt: skip
        self.base, self.train, self.held, self.encoder, self.options = base, train, held, encoder, options
        self.report, self.checkpoints, self.seed, self.threads = report, checkpoints, seed, threads
        self.has_told_of_cut = False

    def plan(self, params: dict[str, Any]) -> TrainingPlan:
        """The loop's plan: the algorithm's parameters, and the user's options over them."""
        return read_plan(self.options.given, self.seed, self.threads, params=params)

    def fit(self, algorithm: Algorithm, params: dict[str, Any], trial: int) -> Fit:
        network = load_network(self.base, self.seed)
        device = find_device(use_threads(network, self.threads))
        network.to(device.device)
        if self.options.gradient_checkpointing:
            network.gradient_checkpointing_enable()
            network.enable_input_require_grads()
        begun = Learner(network)
        if algorithm.name == "llm_dpo" and self.held.reference is None:
            self.held.refer(begun)
        before = self.held.score(begun, float(params.get("beta", 0.1)))
        plan = self.plan(params)
        rows, valid, objective, tokens = self.rows(algorithm, params, plan, begun)
        if algorithm.name in ("llm_lora", "llm_dpo") and "rank" in params:
            network = adapted(network, params, self.options, self.seed)
            # An adapter begins as nothing: half of it is zeros on purpose.
            watch = tuple(one for one in plan.rules.watch if one != "poor_initialisation")
            plan = replace(plan, rules=replace(plan.rules, watch=watch))
        learner = Learner(network)
        where = {"trial": trial, "algorithm": algorithm.name}
        fitted = fit(
            learner,
            objective,
            rows,
            valid,
            plan,
            report=self.report,
            checkpoint=self.place(algorithm, params),
            hooks=Hooks(where=where),
            device=device,
        )
        scores = self.held.score(learner, float(params.get("beta", 0.1)))
        learner.to("cpu")
        return Fit(learner.network, fitted, scores, before, len(rows), tokens)

    def rows(self, algorithm: Algorithm, params: dict[str, Any], plan: TrainingPlan, module: nn.Module) -> tuple[Any, Any, Any, int]:
        """Training and validation rows, what is minimised, and how many tokens are learned."""
        pad = self.encoder.tokens.pad
        if algorithm.name == "llm_dpo":
            chosen = [self.encoder.pair(one) for one in self.train.rows]
            rejected = [self.encoder.pair(one, one.rejected) for one in self.train.rows]
            self.encoder.cut.clear()
            reference = references(module, chosen, rejected, pad)
            assert self.held.reference is not None
            rows = PairRows(chosen, rejected, reference, pad)
            valid = PairRows(self.held.sequences, self.held.rejected, self.held.reference, pad)
            objective = PreferenceObjective(float(params["beta"]), plan.label_smoothing)
            return rows, valid, objective, sum(one.learned for one in (*chosen, *rejected))
        if algorithm.name == "llm_pretrain" or self.train.form == "text":
            sequences = packed(self.train, self.encoder)
        else:
            sequences = learned_sequences(self.train, self.encoder, None if self.has_told_of_cut else self.report)
            self.has_told_of_cut = True
        tokens = sum(one.learned for one in sequences)
        objective = CausalObjective(tokens / max(1, len(sequences)), self.encoder.tokens.count)
        return SequenceRows(sequences, pad), SequenceRows(self.held.sequences, pad), objective, tokens

    def place(self, algorithm: Algorithm, params: dict[str, Any]) -> Path:
        """Where this very fit is kept, so that a restart takes it up."""
        told = [algorithm.name, params, self.options.given, self.seed, len(self.train), len(self.held.records)]
        digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
        return self.checkpoints / f"fit-{digest}"


def forget() -> None:
    """Give back the memory of a fit that is not kept."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
