"""The search: trials in turn or side by side, each kept before the next one is told, until the limits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atoll_engines.contract import Report, append_line, read_lines
from atoll_engines.errors import EngineError
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.halved import STRATEGIES as HALVING
from atoll_engines.tabular.halved import Halved, NotWorthGoingOn, watcher
from atoll_engines.tabular.objectives import MEASURED, Measure
from atoll_engines.tabular.proposals import Proposals
from atoll_engines.tabular.record import Record
from atoll_engines.tabular.space import check_space
from atoll_engines.tabular.trial import STOP_EARLY_FROM, Outcome, Predictions
from atoll_engines.tuning.importance import importances
from atoll_engines.tuning.side_by_side import Boss, Crew, Helper, is_helper, refuse_with_processes
from atoll_engines.tuning.space import Space

# An ensemble takes at most so many trials of one algorithm.
KEPT_OF_EACH = 3


@dataclass(kw_only=True)
class Search(Proposals):
    """Goes through the algorithms and their parameters; what is finished is on disk before the next one starts."""

    checkpoint: Path
    report: Report
    # The job's folder, which trials side by side need; and the threads that they share.
    folder: Path | None = None
    threads: int = 1
    # Out-of-fold predictions of completed trials, by the trial's number; those before a restart are not among them.
    kept: dict[int, Predictions] = field(default_factory=dict)
    last_error: Exception | None = None
    halved: dict[str, Halved] = field(default_factory=dict)
    # Which rule chose the winner among several objectives, in words.
    choice: str | None = None

    def run(self) -> Record:
        """Search until the limits; the best record."""
        self.started = time.monotonic()
        self.rows = max(len(fold.train) for fold in self.trials.division.folds)
        self.measure = Measure(self.trials, self.aims) if self.aims else None
        for algorithm in self.algorithms:
            check_space(algorithm.name, self.space(algorithm))
        if is_helper():
            self.help_out()
        refuse_with_processes(self.limits.parallel)
        self.resume()
        if self.limits.parallel > 1:
            self.run_side_by_side()
        else:
            self.run_in_turn()
        best = self.winner()
        self.refuse_if_nothing_worked(best)
        self.warn_if_useless(best)
        self.report.progress("search", len(self.records), len(self.records), 0.0, "search finished")
        return best

    def run_in_turn(self) -> None:
        while True:
            self.see(len(self.records))
            proposal = self.next_proposal()
            if proposal is None:
                return
            self.try_one(*proposal)

    def run_side_by_side(self) -> None:
        """Hand trials to processes as they become free; everything is decided here."""
        done = {record.trial for record in self.records}
        under_way: dict[int, Record] = {}
        self.records.sort(key=lambda record: record.trial)
        number, is_over = 0, False
        threads = max(1, self.threads // self.limits.parallel)
        with Crew(self.folder, self.limits.parallel, threads) as crew:
            while True:
                while number in done:
                    number += 1
                while not is_over and (helper := crew.free()) and self.may_begin(number, under_way):
                    self.see(number, list(under_way.values()))
                    proposal = self.next_proposal()
                    if proposal is None:
                        is_over = True
                        break
                    algorithm, params = proposal
                    is_first = self.announce(number, algorithm, params)
                    under_way[number] = Record.under_way(number, algorithm.name, params)
                    crew.give(helper, under_way[number], (number, algorithm.name, params, is_first))
                    done.add(number)
                    while number in done:
                        number += 1
                if not crew.busy:
                    return
                for helper, message in crew.next_messages():
                    self.answer(crew, helper, message, under_way)

    def may_begin(self, number: int, under_way: dict[int, Record]) -> bool:
        """Whether all that a trial is to know of has finished."""
        return not self.limits.lag or not any(other <= number - self.limits.lag for other in under_way)

    def answer(self, crew: Crew, helper: Helper, message: tuple | None, under_way: dict[int, Record]) -> None:
        """React to what a process says of its trial."""
        record: Record = helper.task
        if message is None:
            code = crew.replace(helper)
            reason = f"its process ended with the code {code}" + (", as when memory runs out" if code == -9 else "")
            self.conclude(record, Outcome("failed", [], 0.0, reason=reason), {})
            del under_way[record.trial]
            return
        kind, *said = message
        if kind == "event":
            self.report.event(said[0], **said[1])
            return
        self.see(record.trial, list(under_way.values()))
        if kind == "give_up":
            algorithm = self.algorithm(record.algorithm)
            helper.channel.send(self.give_up(algorithm, said[0]))
        elif kind == "rung":
            helper.channel.send(self.goes_on(record.trial, record.algorithm, *said))
        else:
            outcome, objectives, error = said
            if error is not None:
                kind, sentence = error
                self.last_error = kind(sentence) if issubclass(kind, EngineError) else ValueError(sentence)
            helper.task = None
            del under_way[record.trial]
            self.conclude(record, outcome, objectives)

    def help_out(self) -> None:
        """Run the trials that another process hands over, until it ends."""
        boss = Boss(self.report)

        def work(number: int, name: str, params: dict[str, Any], is_first: bool) -> tuple:
            algorithm = self.algorithm(name)
            self.last_error = None
            outcome, objectives = self.attempt(
                number,
                algorithm,
                params,
                is_first,
                give_up=lambda interim: boss.ask("give_up", interim),
                goes_on=lambda rounds, loss: boss.ask("rung", rounds, loss),
            )
            return "done", outcome, objectives, None if self.last_error is None else (type(self.last_error), str(self.last_error))

        boss.serve(work)

    def algorithm(self, name: str) -> Algorithm:
        return next(one for one in self.algorithms if one.name == name)

    def winner(self) -> Record | None:
        """The best record: by the metric, or by the rule of a search with several objectives."""
        self.records.sort(key=lambda record: record.trial)
        self.seen = self.records
        chosen = self.aims.choose(self.records) if self.aims else None
        if chosen is None:
            return self.best()
        self.choice = chosen[1]
        self.report.log(self.choice)
        return chosen[0]

    def run_only(self, trials: list[tuple[Algorithm, dict[str, Any]]]) -> Record:
        """Beside what `run` did, exactly these trials, in order; the best record."""
        for algorithm, params in trials[len(self.records) - 1 :]:
            self.see(len(self.records))
            self.try_one(algorithm, params)
        best = self.winner()
        self.refuse_if_nothing_worked(best)
        return best

    def refuse_if_nothing_worked(self, best: Record | None) -> None:
        """Only failures beside the baseline mean that the job, not an algorithm, is at fault."""
        worked = {record.algorithm for record in self.records if record.outcome.state != "failed"}
        if best is not None and (len(self.algorithms) == 1 or worked - {"baseline"}):
            return
        if isinstance(self.last_error, EngineError):
            raise self.last_error
        failed = [record for record in self.records if record.outcome.state == "failed"]
        reasons = "; ".join(sorted({f"{record.algorithm}: {record.outcome.reason}" for record in failed}))
        raise EngineError(f"No trial could be completed. {reasons}")

    def warn_if_useless(self, best: Record) -> None:
        baseline = self.records[0]
        if best.algorithm != "baseline" and self.gain(best) <= self.gain(baseline):
            metric = self.trials.metric
            self.report.warning(
                "no_better_than_baseline",
                f"The best model's {metric} is {best.outcome.score:.4f}, no better than the baseline's "
                f"{baseline.outcome.score:.4f}: the columns say nothing about the target that the model could use.",
                metric=metric,
            )

    def resume(self) -> None:
        """Take up finished trials from the checkpoint."""
        self.records = [Record.read(line) for line in read_lines(self.checkpoint)]
        self.used_seconds += sum(record.outcome.seconds for record in self.records) / self.limits.parallel
        for record in self.records:
            self.tell(record)
            if record.rungs:
                self.halving_of(self.algorithm(record.algorithm)).recall(record.trial, record.rungs)
        if self.records:
            self.report.log(f"Resumed after {len(self.records)} finished trials.")

    def try_one(self, algorithm: Algorithm, params: dict[str, Any]) -> None:
        """Run one trial, record it, tell of it."""
        number = len(self.records)
        is_first = self.announce(number, algorithm, params)
        outcome, objectives = self.attempt(
            number,
            algorithm,
            params,
            is_first,
            give_up=lambda interim: self.give_up(algorithm, interim),
            goes_on=lambda rounds, loss: self.goes_on(number, algorithm.name, rounds, loss),
        )
        self.conclude(Record.under_way(number, algorithm.name, params), outcome, objectives)

    def announce(self, number: int, algorithm: Algorithm, params: dict[str, Any]) -> bool:
        """Tell that a trial begins; whether it is its algorithm's first."""
        self.tell_progress(f"{algorithm.title}, trial {number + 1}")
        self.report.trial(**Record.under_way(number, algorithm.name, params).told() | {"score": None, "std": None})
        is_first = not any(record.algorithm == algorithm.name for record in self.seen)
        if is_first and algorithm.most_rows and self.rows > algorithm.most_rows:
            self.report.warning(
                "fitted_on_sample",
                f"{algorithm.title} is fitted on {algorithm.most_rows} of {self.rows} rows, drawn at random: "
                "its time or memory grows too fast with their number.",
                algorithm=algorithm.name,
                rows=algorithm.most_rows,
            )
        return is_first

    def attempt(
        self,
        number: int,
        algorithm: Algorithm,
        params: dict[str, Any],
        is_first: bool,
        give_up: Callable[[list[float]], str | None],
        goes_on: Callable[[int, float], bool],
    ) -> tuple[Outcome, dict[str, float]]:
        """Fit and score one trial; its outcome, and what was measured beside it."""
        about = {"trial": number, "algorithm": algorithm.name}
        began = time.monotonic()
        try:
            outcome = self.trials.run(
                algorithm,
                params,
                give_up=give_up,
                on_fold=lambda fold, value: self.report.metric(
                    f"validation.{self.trials.metric}", value, step=fold, fold=fold, **about
                ),
                on_round=self.on_round(algorithm, number, self.round_reporter(about) if is_first else None, goes_on),
                **({"on_model": self.measure.on_model} if self.measure else {}),
            )
            if self.measure and outcome.state == "complete":
                return outcome, self.measure.of(algorithm, outcome.predictions, outcome.score)
        except NotWorthGoingOn as reason:
            outcome = Outcome("pruned", [], time.monotonic() - began, reason=str(reason))
        except (EngineError, ValueError, ArithmeticError) as error:
            # One algorithm that cannot take these parameters or features leaves the others their chance.
            self.last_error = error
            outcome = Outcome("failed", [], time.monotonic() - began, reason=(str(error).splitlines() or [""])[0][:300])
        return outcome, {}

    def conclude(self, begun: Record, outcome: Outcome, objectives: dict[str, float]) -> None:
        """Keep a finished trial and tell of it."""
        rungs = self.halved[begun.algorithm].seen.get(begun.trial, {}) if begun.algorithm in self.halved else {}
        told = {str(rounds): loss for rounds, loss in rungs.items()}
        record = Record(begun.trial, begun.algorithm, begun.params, outcome, told, objectives)
        self.records.append(record)
        self.keep(record)
        append_line(self.checkpoint, record.line())
        self.report.checkpoint(f"checkpoints/{self.checkpoint.name}", record.trial)
        self.tell(record)
        if outcome.state == "complete":
            about = {"trial": record.trial, "algorithm": record.algorithm}
            self.report.metric(f"validation.{self.trials.metric}.mean", outcome.score, step=record.trial, **about)

    def keep(self, record: Record) -> None:
        """Keep the predictions of the best trials of each algorithm, of which ensembles are made; of the others only their scores."""
        if record.outcome.predictions is None:
            return
        self.kept[record.trial] = record.outcome.predictions
        record.outcome.predictions = None
        own = [one for one in self.records if one.algorithm == record.algorithm and one.trial in self.kept]
        for worse in sorted(own, key=lambda one: -self.gain(one))[KEPT_OF_EACH:]:
            del self.kept[worse.trial]

    def on_round(self, algorithm: Algorithm, number: int, tell: Any, goes_on: Callable[[int, float], bool]) -> Any:
        """Who is told of each round: the live curve, and successive halving where the search asks for it."""
        if self.limits.strategy not in HALVING or algorithm.rounds is None or self.rows < STOP_EARLY_FROM:
            return tell
        return watcher(self.halving_of(algorithm).levels(number), goes_on, tell)

    def goes_on(self, number: int, name: str, rounds: int, loss: float) -> bool:
        """Whether a trial is worth more rounds, among those that it may know of."""
        knows = (lambda other: other <= number - self.limits.lag) if self.limits.lag else (lambda _: True)
        return self.halving_of(self.algorithm(name)).goes_on(number, rounds, loss, knows)

    def halving_of(self, algorithm: Algorithm) -> Halved:
        if algorithm.name not in self.halved:
            self.halved[algorithm.name] = Halved(self.limits.strategy, int(self.start(algorithm)[algorithm.rounds]))
        return self.halved[algorithm.name]

    def importances(self, objective: str | None = None) -> dict[str, dict[str, float]]:
        """By algorithm: the share of its trials' variance that each parameter explains; only where there were trials enough to say."""
        found = {}
        for algorithm in self.algorithms:
            own = [
                (record.params, loss)
                for record in self.records
                if record.algorithm == algorithm.name and (loss := self.loss_of(record, objective)) is not None
            ]
            if shares := importances(Space(self.space(algorithm)), own, self.seed):
                found[algorithm.name] = shares
        return found

    def loss_of(self, record: Record, objective: str | None) -> float | None:
        if objective is None:
            return -self.gain(record) if record.outcome.interim else None
        losses = self.aims.losses(record)
        return None if losses is None else losses[self.aims.names.index(objective)]

    @property
    def measures_cost(self) -> bool:
        return any(name in MEASURED for name in self.aims.names)

    def aimed(self) -> dict[str, Any] | None:
        """What training.json says of a search with several objectives."""
        if not self.aims:
            return None
        return {
            "objectives": [one.as_json() for one in self.aims.objectives],
            "rule": self.aims.rule,
            "within": self.aims.within,
            "front": [record.trial for record in self.aims.front(self.records)],
            "reason": self.choice,
            "importances": {name: self.importances(name) for name in self.aims.names},
        }

    def round_reporter(self, about: dict[str, Any]) -> Any:
        """Tells every tenth boosting round of the first fold, for a live curve."""

        def tell(fold: int, step: int, value: float) -> None:
            if fold == 0 and step % 10 == 0:
                self.report.metric("loss.watched", value, step=step, fold=fold, **about)

        return tell

    def tell(self, record: Record) -> None:
        self.report.trial(**record.told())

    def tell_progress(self, message: str) -> None:
        done, of = float(len(self.records)), float(self.limits.trials)
        eta = None
        if self.limits.seconds is not None and self.elapsed() / self.limits.seconds > done / of:
            done, of = min(self.elapsed(), self.limits.seconds), self.limits.seconds
            eta = max(0.0, of - done)
        elif self.records:
            eta = self.elapsed() / max(1.0, done) * (of - done)
        self.report.progress("search", round(done, 1), of, eta, message)
