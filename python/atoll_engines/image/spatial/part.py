"""What detection and segmentation each say of themselves, so that one training, one evaluation and one package serve both."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from atoll_engines.image.spatial.model import SpatialModel
from atoll_engines.image.spatial.options import SpatialOptions
from atoll_engines.image.spatial.placement import Placement
from atoll_engines.tabular.algorithms.model import Algorithm

# A fault of one row: its place, and a sentence.
Fault = tuple[int, str]


@dataclass
class Answering:
    """What is needed to make answers of what the graph says."""

    classes: tuple[str, ...]
    size: int
    threshold: float | None = None
    nms: float = 0.6
    # How masks name classes: value to class, values that are left aside, whether they are colours.
    values: dict[str, int] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    colours: bool = False


class Part(Protocol):
    """One task of places in images."""

    task: str
    metrics: tuple[str, ...]
    # The graph's output.
    output: str
    model: type[SpatialModel]
    algorithms: tuple[Algorithm, ...]
    tolerance: float

    def learn_classes(
        self, values: pd.Series, folders: list[Path], options: SpatialOptions, about: Answering
    ) -> tuple[list[Any], list[Fault]]:
        """The truth of each row (None where it has none), its classes noted in `about`; faults name rows that cannot be used."""
        ...

    def read_known(self, values: pd.Series, folders: list[Path], about: Answering) -> tuple[list[Any], list[Fault]]:
        """The same of rows whose classes must be known already."""
        ...

    def check_size(self, truth: Any, height: int, width: int, image: str) -> str | None:
        """What is wrong between an image and its truth, if anything."""
        ...

    def in_square(self, truth: Any, place: Placement, about: Answering) -> np.ndarray:
        """The truth as the network learns it."""
        ...

    def width(self, about: Answering) -> int:
        """Values of a row that the graph says."""
        ...

    def answer(self, said: np.ndarray, place: Placement, about: Answering) -> Any:
        """In the image's own pixels."""
        ...

    def evidence(self, truth: Any, answer: Any, about: Answering) -> Any:
        """What one image says of how good the model is."""
        ...

    def scores(self, evidence: list[Any], about: Answering, weights: np.ndarray | None = None) -> dict[str, float]:
        """All metrics over images, each counted as often as `weights` say."""
        ...
