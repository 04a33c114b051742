"""The training loop: epochs of steps, validation, the best weights kept, and a state that a restart goes on from exactly."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.contract import Report, stop
from atoll_engines.neural import checkpoint as storage
from atoll_engines.neural import memory
from atoll_engines.neural.averages import Average
from atoll_engines.neural.devices import Device, autocast, describe, find_device, moved, uses_channels_last
from atoll_engines.neural.feed import Feed
from atoll_engines.neural.plan import TrainingPlan
from atoll_engines.neural.protocols import Fitted, Hooks, Objective, Rows
from atoll_engines.neural.rules import Rules
from atoll_engines.neural.sampler import Sampler, balanced_weights
from atoll_engines.neural.schedules import Plateau, factor
from atoll_engines.neural.steps import Stepper

# A GPU is asked for a number only so often, for it must finish all its work to answer.
LOOK_EVERY_CUDA = 20
PROGRESS_SECONDS = 1.0
STOP_SECONDS = 100.0


def fit(
    module: nn.Module,
    objective: Objective,
    train: Rows,
    valid: Rows | None,
    plan: TrainingPlan,
    *,
    report: Report | None = None,
    checkpoint: Path | None = None,
    hooks: Hooks | None = None,
    device: Device | None = None,
) -> Fitted:
    """Train the module; it then holds the weights of the best epoch by the objective's metric (without `valid`, the last).

    With a folder for checkpoints a training that was stopped goes on from its last step, and ends as if it had never been
    stopped. The same folder must not serve two trainings.
    """
    training = Training(module, objective, train, valid, plan, report, checkpoint, hooks or Hooks(), device or find_device(plan.threads))
    try:
        return training.run()
    finally:
        training.close()


class Training:
    """One training and all that its checkpoint holds."""

    def __init__(
        self,
        module: nn.Module,
        objective: Objective,
        train: Rows,
        valid: Rows | None,
        plan: TrainingPlan,
        report: Report | None,
        checkpoint: Path | None,
        hooks: Hooks,
        device: Device,
    ) -> None:
        self.objective, self.train, self.valid, self.plan = objective, train, valid, plan
        self.report, self.folder, self.hooks, self.device = report, checkpoint, hooks, device
        self.channels_last = uses_channels_last(plan, module)
        self.module = module.to(device.device)
        if self.channels_last:
            self.module = self.module.to(memory_format=torch.channels_last)
        labels = getattr(train, "labels", None)
        weights = balanced_weights(labels) if plan.sampler == "weighted" and labels is not None else None
        self.sampler = Sampler(len(train), plan, weights)
        self.total = self.sampler.steps * plan.epochs
        self.feed = Feed(train, device, plan.seed, self.channels_last)
        self.steps = Stepper(self.module, objective, plan, device, self.feed, hooks, report, self.total)
        training = checkpoint.name if checkpoint else str(hooks.where.get("algorithm", "network"))
        self.rules = Rules(plan, report if device.is_first else None, training, hooks.where, self.total)
        self.plateau = Plateau(plan)
        self.average = Average(self.module, plan.ema) if plan.ema else None
        self.look_every = LOOK_EVERY_CUDA if device.is_cuda else 1
        # Where it is: epochs completed, and steps of the one begun.
        self.epoch, self.position = 0, 0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=device.device)
        self.bad_step = torch.full((), -1, dtype=torch.int64, device=device.device)
        self.best: dict[str, torch.Tensor] | None = None
        self.best_epoch, self.best_score, self.waited = 0, None, 0
        self.history: list[dict[str, float]] = []
        self.rate, self.spent, self.ended = plan.learning_rate, 0.0, None
        self.begun = self.saved_at = self.told_at = time.monotonic()
        self.steps_here = 0
        self.is_saved = threading.Event()

    def run(self) -> Fitted:
        self.restore()
        self.device.align(self.module)
        if self.folder:
            stop.before_exit(self.await_save)
        if self.epoch == 0 and self.position == 0:
            self.rules.on_labels(getattr(self.train, "labels", None), getattr(self.train, "class_names", None))
            self.rules.on_weights(self.module)
            self.score_source()
            self.rules.standings.concludes_look(0)
        try:
            while self.epoch < self.plan.epochs and not self.ended:
                self.run_epoch()
        except Exception:
            self.rules.standings.conclude("failed")
            raise
        self.rules.standings.conclude("done")
        return self.conclude()

    def run_epoch(self) -> None:
        epoch = self.epoch + 1
        if self.hooks.before_epoch:
            self.hooks.before_epoch(epoch, self.module)
        self.module.train()
        rows = self.sampler.epoch(epoch)
        waited, started = self.feed.waited, time.monotonic()
        while self.position < len(rows):
            if self.is_late():
                self.ended = "the time was up"
                break
            self.run_step(rows, epoch)
        self.look(epoch)
        self.device.average_buffers(self.module)
        self.rules.on_times(epoch, self.feed.waited - waited, time.monotonic() - started)
        if self.position:
            self.conclude_epoch(epoch)
        self.epoch, self.position = epoch, 0
        self.loss_sum.zero_()
        self.save_if_due()

    def run_step(self, rows: list[np.ndarray], epoch: int) -> None:
        step = self.epoch * self.sampler.steps + self.position
        self.rate = self.plan.learning_rate * factor(self.plan, step, self.sampler.steps) * self.plateau.factor
        here = rows[self.position]
        if self.position + 1 < len(rows):
            self.steps.expect(rows[self.position + 1], epoch, self.position + 1)
        is_watched = self.rules.is_due(step)
        watch = (lambda module: self.rules.on_gradients(module, step)) if is_watched else None
        loss = self.steps.take(here, epoch, self.position, self.rate, watch)
        if self.average:
            self.average.update(self.module, step)
        self.loss_sum += loss
        self.bad_step = torch.where((self.bad_step < 0) & ~torch.isfinite(loss), step, self.bad_step)
        if is_watched and (self.rules.watches("dead_relu") or self.rules.watches("saturated_activation")):
            self.rules.on_activations(self.module, lambda: self.steps.glance(here, epoch, self.position), step)
        if step == 0:
            self.rules.on_first_loss(float(loss), getattr(self.objective, "chance_loss", None))
        if is_watched:
            self.rules.standings.concludes_look(step)
        self.position += 1
        self.steps_here += 1
        if step % self.look_every == 0:
            self.look(epoch)
        self.tell_progress(epoch, step + 1)
        self.save_if_due()

    def look(self, epoch: int) -> None:
        """End a training whose loss is no number, naming the step where that began."""
        bad = int(self.bad_step)
        if self.device.holds(bad >= 0):
            self.rules.on_bad_loss(bad, epoch)

    def is_late(self) -> bool:
        late = self.hooks.until is not None and self.steps_here > 0 and time.monotonic() > self.hooks.until
        if not self.device.is_shared:
            return late
        return self.position % LOOK_EVERY_CUDA == 0 and self.device.holds(late)

    def conclude_epoch(self, epoch: int) -> None:
        """Validate, keep the best, tell, and see whether to go on."""
        loss = float(self.device.total(self.loss_sum)) / self.position
        is_last = epoch == self.plan.epochs or self.ended is not None
        scores: dict[str, float] = {}
        if self.valid is not None and (epoch % self.plan.validate_every == 0 or is_last):
            scores = self.validate()
        line = {"epoch": epoch, "loss": loss, "learning_rate": self.rate} | {f"validation.{name}": value for name, value in scores.items()}
        self.history.append(line)
        if self.report:
            for name, value in line.items():
                if name != "epoch":
                    self.report.metric(name, value, epoch, **self.hooks.where)
        self.keep_best(epoch, scores)
        self.rules.on_epoch(epoch, loss, scores.get("loss"), scores.get(self.objective.metric), self.is_better)
        self.score_source(epoch)
        self.rules.standings.concludes_epoch(epoch)
        if self.hooks.after_epoch and not self.ended:
            self.ended = self.device.broadcast(self.hooks.after_epoch(epoch, scores))
        if self.plan.patience and self.waited >= self.plan.patience and not is_last and not self.ended:
            self.ended = f"no gain for {self.waited} epochs"

    def validate(self) -> dict[str, float]:
        """Scores on the validation rows, by the running mean of the weights where there is one; all processes hear the first's."""
        scores = None
        if self.device.is_first:
            if self.average:
                with self.average.within(self.module):
                    scores = self.scores()
            else:
                scores = self.scores()
        return self.device.broadcast(scores)

    def scores(self) -> dict[str, float]:
        self.module.eval()
        try:
            with torch.no_grad(), autocast(self.device, self.steps.dtype):
                while True:
                    try:
                        return self.objective.validate(self.module, self.valid_batches())
                    except Exception as error:
                        if not memory.is_out_of_memory(error):
                            raise
                    self.steps.halve(self.epoch + 1, self.position)
        finally:
            self.module.train()

    def valid_batches(self) -> Any:
        size = self.steps.piece_rows
        for start in range(0, len(self.valid), size):
            rows = np.arange(start, min(start + size, len(self.valid)))
            yield moved(self.valid.batch(rows, None), self.device, self.channels_last)

    def is_better(self, score: float, best: float) -> bool:
        return score > best if self.objective.higher_is_better else score < best

    def keep_best(self, epoch: int, scores: dict[str, float]) -> None:
        if self.valid is not None and not scores:
            return
        score = scores.get(self.objective.metric)
        is_number = score is not None and np.isfinite(score)
        has_gained = (
            self.valid is None or self.best is None or (is_number and (self.best_score is None or self.is_better(score, self.best_score)))
        )
        self.plateau.after_epoch(has_gained)
        self.waited = 0 if has_gained else self.waited + 1
        if has_gained:
            self.best_epoch, self.best_score = epoch, score if is_number else None
            # The last weights need no copy.
            self.best = {} if self.valid is None or self.plan.keep == "last" else self.weights()

    def weights(self) -> dict[str, torch.Tensor]:
        tensors = self.average.tensors if self.average else self.module.state_dict()
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    def score_source(self, epoch: int = 0) -> None:
        if not self.rules.watches("forgetting"):
            return
        if not self.hooks.source_score:
            why = "Nothing is known of what it could do before: it began with random weights, or networks of its kind have no probe."
            self.rules.standings.not_applicable("forgetting", why)
            return
        self.module.eval()
        with torch.no_grad():
            score = self.hooks.source_score(self.module)
        self.module.train()
        self.rules.on_source_score(epoch, float(score), self.hooks.source_what)

    def conclude(self) -> Fitted:
        if self.best:
            self.module.load_state_dict(self.best)
        elif self.average:
            self.module.load_state_dict(self.average.tensors)
        self.module.eval()
        self.average = None
        if self.folder:
            self.save()
        seconds = self.spent + time.monotonic() - self.begun
        kept = self.best_epoch if self.best else self.epoch
        scores = next((line for line in self.history if line["epoch"] == kept), {})
        return Fitted(
            epochs=len(self.history),
            best_epoch=self.best_epoch,
            score=scores.get(f"validation.{self.objective.metric}"),
            scores={name.removeprefix("validation."): value for name, value in scores.items() if name.startswith("validation.")},
            history=self.history,
            batch_size=self.steps.batch_size,
            accumulate=self.steps.accumulate,
            seconds=seconds,
            rows_per_second=self.epoch * self.sampler.steps * self.plan.step_rows / max(1e-9, seconds),
            ended=self.ended,
            device=describe(self.device, self.steps.dtype),
            rules=dict(self.rules.broken),
        )

    def tell_progress(self, epoch: int, step: int) -> None:
        now = time.monotonic()
        if not self.report or now - self.told_at < PROGRESS_SECONDS:
            return
        self.told_at = now
        left = (now - self.begun) / self.steps_here * (self.total - step)
        self.report.progress("train", step, self.total, left, f"epoch {epoch} of {self.plan.epochs}")

    # The state on disk

    def save_if_due(self) -> None:
        if not self.folder or not self.device.is_first:
            return
        if stop.requested.is_set():
            self.save()
            self.is_saved.set()
            # The signal's thread ends the process now.
            threading.Event().wait(STOP_SECONDS)
        elif time.monotonic() - self.saved_at > self.plan.checkpoint_seconds:
            self.save()

    def await_save(self) -> None:
        """Between the signal to stop and the end: the step in hand is finished and saved."""
        self.is_saved.wait(STOP_SECONDS)

    def save(self) -> None:
        # A broken network is no state to go on from.
        if not self.device.is_first or int(self.bad_step) >= 0:
            return
        tensors = storage.module_tensors(self.module, "model.") | storage.optimiser_tensors(self.steps.optimiser)
        tensors |= {f"best.{name}": tensor for name, tensor in (self.best or {}).items()}
        if self.average:
            tensors |= {f"average.{name}": tensor for name, tensor in self.average.tensors.items()}
        tensors["loop.loss_sum"] = self.loss_sum
        state = {
            "training": self.fingerprint(),
            "epoch": self.epoch,
            "position": self.position,
            "bestEpoch": self.best_epoch,
            "bestScore": self.best_score,
            "hasBest": self.best is not None,
            "waited": self.waited,
            "history": self.history,
            "pieceRows": self.steps.piece_rows,
            "plateau": self.plateau.state(),
            "rules": self.rules.state(),
            "ended": self.ended,
            "isConcluded": self.average is None and (self.ended is not None or self.epoch >= self.plan.epochs),
            "spent": self.spent + time.monotonic() - self.begun,
        }
        storage.save(self.folder, tensors, state)
        self.saved_at = time.monotonic()
        if self.report:
            self.report.checkpoint(f"checkpoints/{self.folder.name}", self.epoch * self.sampler.steps + self.position)

    def restore(self) -> None:
        found = storage.load(self.folder) if self.folder else None
        if found is None:
            return
        tensors, state = found
        if state["training"] != self.fingerprint():
            if self.report:
                self.report.log("The checkpoint is of another training; this one starts anew.", "warning")
            return
        self.module.load_state_dict(storage.part(tensors, "model."))
        storage.restore_optimiser(self.steps.optimiser, tensors)
        best = storage.part(tensors, "best.")
        self.best = {name: tensor.to(self.device.device) for name, tensor in best.items()} if state["hasBest"] else None
        if self.average and not state["isConcluded"]:
            for name, tensor in storage.part(tensors, "average.").items():
                self.average.tensors[name].copy_(tensor)
        elif state["isConcluded"]:
            self.average = None
        self.loss_sum.copy_(tensors["loop.loss_sum"])
        self.epoch, self.position = state["epoch"], state["position"]
        self.best_epoch, self.best_score, self.waited = state["bestEpoch"], state["bestScore"], state["waited"]
        self.history = [{name: float(value) for name, value in line.items()} for line in state["history"]]
        self.ended, self.spent = state["ended"], state["spent"]
        self.steps.piece_rows = state["pieceRows"]
        self.plateau.restore(state["plateau"])
        self.rules.restore(state["rules"])
        if self.report:
            self.report.log(f"Goes on from epoch {self.epoch + 1}, step {self.position} of {self.sampler.steps}.")

    def fingerprint(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be this training's."""
        plan = {name: value for name, value in asdict(self.plan).items() if name not in ("threads", "rules", "checkpoint_seconds")}
        shapes = {name: list(tensor.shape) for name, tensor in self.module.state_dict().items()}
        return {"plan": plan, "rows": len(self.train), "network": shapes}

    def close(self) -> None:
        if self.folder:
            stop.no_longer(self.await_save)
        self.is_saved.set()
        self.feed.close()
