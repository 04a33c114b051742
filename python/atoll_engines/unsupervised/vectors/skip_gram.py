"""Fits skip-grams with negative sampling (Mikolov et al. 2013), over pieces of words where that is asked for."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from atoll_engines.unsupervised.algorithms.model import Setting
from atoll_engines.unsupervised.vectors.sequences import WordRows

BATCH, BUCKETS, MOST_PIECES = 512, 20_000, 24
# Frequent words are passed over by the paper's rule, with its constant for small texts; where words are few, each is frequent.
SUBSAMPLE, FEW_WORDS = 1e-3, 5


def fit_skip_gram(x: WordRows, params: dict[str, Any], setting: Setting) -> tuple[np.ndarray, np.ndarray, float]:
    """Vectors of words and of contexts, float32 [words, components], and the last epoch's mean loss. The same seed gives the same."""
    torch.set_num_threads(max(1, setting.threads))
    generator = torch.Generator().manual_seed(setting.seed)
    random = np.random.default_rng(setting.seed)
    names, size = x.names, int(params["components"])
    pieces = torch.from_numpy(pieces_of(names) if params["subwords"] else np.zeros((len(names), 0), np.int64))
    own = torch.randn((len(names), size), generator=generator) / size
    shared = torch.randn((BUCKETS + 1, size), generator=generator) / size
    shared[BUCKETS] = 0
    contexts = torch.zeros((len(names), size))
    learned = [own, contexts, *([shared] if pieces.shape[1] else [])]
    for one in learned:
        one.requires_grad_(True)
    times = np.bincount(np.concatenate([*x.sequences, np.zeros(0, np.int64)]), minlength=len(names)).astype(np.float64)
    chances = torch.from_numpy(times**0.75 + 1e-12)
    kept = np.minimum(1.0, np.sqrt(max(SUBSAMPLE, FEW_WORDS / len(names)) * times.sum() / np.maximum(times, 1)))
    optimiser = torch.optim.Adam(learned, lr=float(params["learning_rate"]))
    epochs, window, negatives = int(params["epochs"]), int(params["window"]), int(params["negatives"])
    loss = float("nan")
    for epoch in range(epochs):
        for group in optimiser.param_groups:
            group["lr"] = float(params["learning_rate"]) * (1 - 0.9 * epoch / max(1, epochs))
        centre, around = windows(x.sequences, window, kept, random)
        if not len(centre):
            continue
        total = 0.0
        order = random.permutation(len(centre))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            words, beside = torch.from_numpy(centre[rows]), torch.from_numpy(around[rows])
            drawn = torch.multinomial(chances, len(rows) * negatives, replacement=True, generator=generator).view(len(rows), negatives)
            vectors = vectors_of(own, shared, pieces, words)
            there = beside >= 0
            real = torch.einsum("nd,nkd->nk", vectors, contexts[beside.clamp(min=0)])
            chance = torch.einsum("nd,nkd->nk", vectors, contexts[drawn])
            count = there.sum(dim=1, keepdim=True)
            step = -(functional.logsigmoid(real) * there).sum() - (functional.logsigmoid(-chance) * count).sum()
            step = step / there.sum().clamp(min=1)
            optimiser.zero_grad(set_to_none=True)
            step.backward()
            optimiser.step()
            total += float(step.detach()) * len(rows)
        loss = total / len(order)
    with torch.no_grad():
        every = vectors_of(own, shared, pieces, torch.arange(len(names)))
    return every.numpy().astype(np.float32), contexts.detach().numpy().astype(np.float32), loss


def vectors_of(own: torch.Tensor, shared: torch.Tensor, pieces: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """A word's own vector and those of its pieces, averaged."""
    if not pieces.shape[1]:
        return own[words]
    parts = pieces[words]
    count = (parts < BUCKETS).sum(dim=1, keepdim=True) + 1
    known = (parts < BUCKETS).unsqueeze(-1)
    return (own[words] + (shared[parts] * known).sum(dim=1)) / count


def pieces_of(names: list[str]) -> np.ndarray:
    """The buckets of each word's pieces of 3 to 5 signs, [words, pieces]; `BUCKETS` fills the rest."""
    table = np.full((len(names), MOST_PIECES), BUCKETS, np.int64)
    for row, name in enumerate(names):
        marked = f"<{name}>"
        parts = [marked[at : at + length] for length in (3, 4, 5) for at in range(len(marked) - length + 1)]
        for place, part in enumerate(parts[:MOST_PIECES]):
            table[row, place] = zlib.crc32(part.encode()) % BUCKETS
    return table


def windows(sequences: list[np.ndarray], most: int, kept: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Each word with those around it (-1 where there is none), frequent ones thinned out, each with a window drawn for it."""
    centres, arounds = [], []
    for sequence in sequences:
        thinned = sequence[random.random(len(sequence)) < kept[sequence]]
        if len(thinned) < 2:
            continue
        reach = random.integers(1, most + 1, len(thinned))
        padded = np.concatenate([np.full(most, -1), thinned, np.full(most, -1)])
        steps = [step for step in range(-most, most + 1) if step != 0]
        around = np.stack([padded[most + step : most + step + len(thinned)] for step in steps], axis=1)
        around[np.abs(np.array(steps))[None, :] > reach[:, None]] = -1
        centres.append(thinned)
        arounds.append(around)
    if not centres:
        return np.zeros(0, np.int64), np.zeros((0, 2 * most), np.int64)
    return np.concatenate(centres), np.concatenate(arounds)
