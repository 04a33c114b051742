"""Batches for the loop; with a GPU the next ones are made while it works on these."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from atoll_engines.neural.devices import Device, moved
from atoll_engines.neural.protocols import Rows


class Feed:
    """Makes each batch from its place in the training, so that order and timing change nothing."""

    def __init__(self, rows: Rows, device: Device, seed: int, channels_last: bool) -> None:
        self.rows, self.device, self.seed, self.channels_last = rows, device, seed, channels_last
        self.waited = 0.0
        self.made: dict[tuple[int, ...], Future] = {}
        self.threads = ThreadPoolExecutor(2, "batches") if device.is_cuda else None

    def get(self, place: tuple[int, int, int], rows: np.ndarray) -> Any:
        """The batch at (epoch, step, piece)."""
        started = time.monotonic()
        future = self.made.pop((*place, len(rows)), None)
        batch = future.result() if future else self.make(place, rows)
        self.waited += time.monotonic() - started
        return moved(batch, self.device, self.channels_last)

    def expect(self, place: tuple[int, int, int], rows: np.ndarray) -> None:
        """Begin with a batch that will be asked for soon."""
        if self.threads and (*place, len(rows)) not in self.made:
            self.made[(*place, len(rows))] = self.threads.submit(self.make, place, rows)

    def forget(self) -> None:
        """Batches that will not be asked for any more."""
        for future in self.made.values():
            future.cancel()
        self.made.clear()

    def close(self) -> None:
        self.forget()
        if self.threads:
            self.threads.shutdown(cancel_futures=True)

    def make(self, place: tuple[int, int, int], rows: np.ndarray) -> Any:
        seed = np.random.SeedSequence([self.seed, *place, self.device.rank]).generate_state(1)[0]
        return self.rows.batch(rows, torch.Generator().manual_seed(int(seed)))
