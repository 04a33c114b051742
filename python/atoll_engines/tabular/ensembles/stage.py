"""After the search: the ensembles that were asked for, or the blend that `auto` ends with when it pays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from atoll_engines.contract import Report
from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms import ALGORITHMS
from atoll_engines.tabular.derived import paired_gain
from atoll_engines.tabular.ensembles.plan import Plan
from atoll_engines.tabular.ensembles.solution import EnsembleSolution, Meta, meta_of
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.search import Search
from atoll_engines.tabular.solution import Single, Solution
from atoll_engines.tabular.trial import Trials, parts_of

# Candidates for a blend: so many trials of one algorithm, and so many in all.
OF_ONE, IN_ALL = 2, 8
# A standard error of fewer parts than this says nothing.
LEAST_PARTS = 3


@dataclass
class Stage:
    """Chooses between the best single model and ensembles of several."""

    plan: Plan
    request: Request
    trials: Trials
    search: Search
    report: Report
    # Seconds left for the final fit and what follows it, None for no limit.
    seconds: float | None

    def conclude(self, best: Record) -> tuple[Solution, dict[str, Any] | None]:
        """The solution, and what `training.json` says of ensembles (None where none was thought of)."""
        single = self.single(best)
        if self.plan.kinds:
            return self.asked(single)
        if self.plan.is_auto and self.search.aims:
            said = "With several objectives no blend was tried: it is slower and larger than its members."
            return single, {"adopted": False, "reason": said}
        if self.plan.is_auto:
            return self.blend_if_it_pays(single)
        return single, None

    def single(self, record: Record) -> Single:
        # As the plan has it: bagging, for one, is of the base that was asked for.
        found = {one.name: one for one in self.plan.searched}.get(record.algorithm) or ALGORITHMS[record.algorithm]
        return Single(self.trials, found, record, self.search.kept.get(record.trial))

    def asked(self, single: Single) -> tuple[Solution, dict[str, Any]]:
        """The best of the ensembles that were asked for, and of the single algorithms asked for beside them."""
        members = [self.single(record) for record in self.best_of_each()]
        if self.plan.fixed is not None:
            members = [self.single(record) for record in self.search.records[1:]]
        if not members:
            raise EngineError("None of the ensemble's members could be trained, so there is nothing to combine.")
        built: list[Solution] = [self.build(kind, members) for kind in self.plan.kinds]
        if single.algorithm.name in self.plan.singles:
            built.append(single)
        # `max` keeps the first of equals.
        chosen = max(built, key=lambda one: self.search.gain(one.record))
        gain, error = paired_gain(self.trials.metric, single.record.outcome.folds, built[0].record.outcome.folds)
        said = self.compared(built[0].record, single.record, gain, error)
        if gain <= 0 and chosen is not single:
            self.report.warning(
                "no_better_than_member", f"{said} A single model would be smaller and faster.", metric=self.trials.metric
            )
        return chosen, {"adopted": chosen is not single, "reason": said}

    def blend_if_it_pays(self, single: Single) -> tuple[Solution, dict[str, Any]]:
        """The blend of the best trials when its gain on the same folds is more than its standard error, else the single."""

        def no(reason: str) -> tuple[Solution, dict[str, Any]]:
            return single, {"adopted": False, "reason": reason}

        parts = len(np.unique(parts_of(single.predictions())))
        if single.algorithm.family is None:
            return no("No model was better than the baseline, so there was nothing to blend.")
        if parts < LEAST_PARTS:
            return no("A single holdout cannot tell whether a blend is better by more than chance, so none was tried.")
        records = self.candidates()
        if len(records) < 2:
            return no("Only one model could be tried, or fitted again in the time left, so there was nothing to blend it with.")
        blend = self.build("blending", [self.single(record) for record in records])
        gain, error = paired_gain(self.trials.metric, single.record.outcome.folds, blend.record.outcome.folds)
        pays = gain > max(error, 1e-4 * abs(single.record.outcome.score))
        said = self.compared(blend.record, single.record, gain, error)
        verdict = f"{'' if pays else 'not '}more than its standard error, so the {'blend' if pays else 'single model'} was kept."
        return (blend if pays else single), {"adopted": pays, "reason": f"{said.removesuffix('.')}; {verdict}"}

    def build(self, kind: str, members: list[Single]) -> EnsembleSolution:
        self.report.progress("ensemble", 0, 1, None, f"{ALGORITHMS[kind].title} of {len(members)} models")
        solution = EnsembleSolution(self.trials, kind, members, self.meta(kind), len(self.search.records))
        self.search.records.append(solution.record)
        self.search.tell(solution.record)
        outcome = solution.record.outcome
        self.report.metric(
            f"validation.{self.trials.metric}.mean", outcome.score, step=solution.record.trial, trial=solution.record.trial, algorithm=kind
        )
        self.report.progress("ensemble", 1, 1, 0.0, f"{ALGORITHMS[kind].title}: {self.trials.metric} {outcome.score:.4f}")
        return solution

    def meta(self, kind: str) -> Meta | None:
        if kind != "stacking":
            return None
        return meta_of(self.plan.meta, self.plan.meta_params, self.request.imbalance, self.plan.reads_raw, self.trials)

    def best_of_each(self) -> list[Record]:
        """The best trial of each algorithm, the best first."""
        return self.ranked(of_one=1)

    def candidates(self) -> list[Record]:
        """Trials worth blending that can all be fitted again, twice, in the time that is left."""
        ranked, chosen, needed = self.ranked(of_one=OF_ONE)[:IN_ALL], [], 0.0
        folds = len(self.trials.division.folds)
        for record in ranked:
            again = 2.5 * record.outcome.seconds / folds
            if self.seconds is None or needed + again <= self.seconds:
                chosen.append(record)
                needed += again
        return chosen

    def ranked(self, of_one: int) -> list[Record]:
        complete = [
            record
            for record in self.search.records
            if record.outcome.state == "complete" and np.isfinite(record.outcome.score) and ALGORITHMS[record.algorithm].family
        ]
        complete.sort(key=lambda record: -self.search.gain(record))
        chosen: list[Record] = []
        for record in complete:
            if sum(one.algorithm == record.algorithm for one in chosen) < of_one:
                chosen.append(record)
        return chosen

    def compared(self, ensemble: Record, single: Record, gain: float, error: float) -> str:
        way = "better" if gain > 0 else "worse"
        title, other = ALGORITHMS[ensemble.algorithm].title, ALGORITHMS[single.algorithm].title
        return (
            f"{title} has a mean {self.trials.metric} of {ensemble.outcome.score:.4f} on the folds, {way} by {abs(gain):.4f} "
            f"(standard error {error:.4f}) than {other} alone with {single.outcome.score:.4f}."
        )
