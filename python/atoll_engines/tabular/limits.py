"""When a search ends, and how many of its trials run side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.tabular.halved import STRATEGIES as HALVING
from atoll_engines.tabular.space import SAMPLERS

DEFAULT_TRIALS = 40
DEFAULT_SECONDS = 120.0
MOST_PARALLEL = 64


@dataclass(frozen=True)
class Limits:
    """When the search ends."""

    trials: int
    seconds: float | None
    strategy: str
    # So many trials side by side.
    parallel: int = 1

    @property
    def lag(self) -> int:
        """A trial knows of those this many before it, and no later ones, where the search must repeat itself; 0: of all that ended."""
        if self.parallel == 1:
            return 1
        return 0 if self.seconds is not None else 2 * self.parallel


def read_limits(search: dict[str, Any]) -> Limits:
    """The search's limits; with neither trials nor seconds given, the defaults."""
    strategy = search.get("strategy") or "tpe"
    known = ("auto", *SAMPLERS, *HALVING, "random", "grid", "none")
    if strategy not in known:
        raise BadInput(f'There is no search strategy "{strategy}"; there are: {", ".join(known)}.')
    trials, seconds = search.get("trials"), search.get("budgetSeconds")
    parallel = int(search.get("parallel") or 1)
    if not 1 <= parallel <= MOST_PARALLEL:
        raise BadInput(f"{parallel} trials side by side were asked for; between 1 and {MOST_PARALLEL} make sense.")
    if trials is None and seconds is None:
        return Limits(DEFAULT_TRIALS if strategy != "grid" else 10_000, DEFAULT_SECONDS, strategy, parallel)
    for name, value in (("trials", trials), ("budgetSeconds", seconds)):
        if value is not None and value <= 0:
            raise BadInput(f"The search's {name} is {value}; it must be above zero.")
    return Limits(int(trials) if trials is not None else 100_000, float(seconds) if seconds is not None else None, strategy, parallel)
