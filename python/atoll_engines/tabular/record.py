"""One trial of a search, as it stands in the checkpoint and in `trials.json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from atoll_engines.tabular.trial import Outcome


@dataclass
class Record:
    """A finished trial; one that is under way has the state "running" and no scores."""

    trial: int
    algorithm: str
    params: dict[str, Any]
    outcome: Outcome
    # Losses at the rungs of successive halving, by rounds.
    rungs: dict[str, float] = field(default_factory=dict)
    # What else was measured, where the search has several objectives.
    objectives: dict[str, float] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        line = {
            "trial": self.trial, "algorithm": self.algorithm, "params": self.params, "state": self.outcome.state,
            "score": self.outcome.score, "std": self.outcome.std, "folds": self.outcome.folds,
            "interim": self.outcome.interim, "rounds": self.outcome.rounds, "seconds": self.outcome.seconds,
            "reason": self.outcome.reason, "rungs": self.rungs,
        }  # fmt: skip
        return line | {"objectives": self.objectives} if self.objectives else line

    def told(self) -> dict[str, Any]:
        """What the event says."""
        line = self.line()
        return {name: line[name] for name in TOLD} | {name: line[name] for name in ("objectives",) if name in line}

    @staticmethod
    def read(line: dict[str, Any]) -> Record:
        outcome = Outcome(
            state=line["state"], folds=line["folds"], seconds=line["seconds"], rounds=line["rounds"],
            reason=line["reason"], interim=line["interim"],
        )  # fmt: skip
        objectives = {name: float(value) for name, value in (line.get("objectives") or {}).items()}
        return Record(line["trial"], line["algorithm"], line["params"], outcome, line.get("rungs") or {}, objectives)

    @staticmethod
    def under_way(trial: int, algorithm: str, params: dict[str, Any]) -> Record:
        return Record(trial, algorithm, params, Outcome("running", [], 0.0))


TOLD = ("trial", "algorithm", "params", "state", "score", "std", "folds", "seconds", "reason")
