"""Rules watched while a network learns: each names its evidence, once, as a warning `rule.<name>`, and may end the job.

Losses and scores cost nothing to watch. Gradients are looked at every `every` steps; activations by a pass of a part of that
step's rows that changes nothing (no gradients, no dropout, no running statistics), so rules never change a result.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from atoll_engines.errors import BadInput
from atoll_engines.neural.activations import kind_of, watcher
from atoll_engines.neural.plan import TrainingPlan
from atoll_engines.neural.standings import MOST_SERIES, Standings, Tells, chosen

VANISHED, EXPLODED, EXPLODED_TIMES = 1e-7, 1e3, 100.0
DEAD_SHARE, SATURATED_SHARE = 0.5, 0.5
FLAT_EPOCHS, FLAT_GAIN = 4, 0.01
OVERFIT_EPOCHS, OVERFIT_RISE = 3, 0.1
OVERTRAINED_EPOCHS = 8
IMBALANCED_TIMES = 10.0
BAD_START_TIMES = 4.0
STALLED_SHARE = 0.5
FORGOTTEN_SHARE = 0.2
# A layer's fault must be seen so many times in a row: single steps mislead.
TIMES_IN_A_ROW = 3
# Steps between two looks, where nobody says, and how many looks a training has at least.
MOST_EVERY, LEAST_LOOKS = 50, 20


class StoppedByRule(BadInput):
    """A rule that the job was asked to stop at was broken."""


class Diverged(BadInput):
    """The loss is not a number any more."""


class Rules:
    """Watches one training."""

    def __init__(
        self, plan: TrainingPlan, report: Tells | None, training: str = "network", where: dict[str, Any] | None = None, steps: int = 0
    ) -> None:
        self.plan, self.report = plan, report
        # A short training is looked at more often, or there would be nothing to see.
        self.every = plan.rules.every or max(1, min(MOST_EVERY, steps // LEAST_LOOKS))
        self.standings = Standings(plan, report, training, where or {}, steps // self.every)
        self.broken: dict[str, list[str]] = defaultdict(list)
        self.in_a_row: dict[tuple[str, str], int] = defaultdict(int)
        self.norms: list[float] = []
        self.losses: list[float] = []
        self.validation: list[tuple[int, float]] = []
        self.scores: list[tuple[int, float]] = []
        self.source: float | None = None

    def watches(self, rule: str) -> bool:
        return rule in self.plan.rules.watch or rule in self.plan.rules.stop

    def is_due(self, step: int) -> bool:
        """Whether gradients and activations are looked at in this step."""
        return step % self.every == 0 and any(self.watches(rule) for rule in SAMPLED)

    def tell(self, rule: str, place: str, message: str, **facts: Any) -> None:
        """Say it once for each place; end the job where that was asked for."""
        if not self.watches(rule) or place in self.broken[rule]:
            return
        self.broken[rule].append(place)
        self.standings.broke(rule, place, message, **facts)
        facts.pop("threshold", None)
        if self.report:
            self.report.warning(f"rule.{rule}", message, rule=rule, **facts)
        if rule in self.plan.rules.stop:
            raise StoppedByRule(f"Training ended because the rule {rule} was broken. {message}", rule=rule, **facts)

    # Before the first step

    def on_labels(self, labels: np.ndarray | None, names: tuple[str, ...] | list[str] | None) -> None:
        """Class imbalance, where nothing makes up for it."""
        is_met = self.plan.class_weights != "none" or self.plan.sampler == "weighted"
        if labels is None or not len(labels):
            self.standings.not_applicable("class_imbalance", "There are no classes, or their rows are weighted already.")
            return
        counts = np.bincount(labels)
        most, least = int(counts.argmax()), int(counts.argmin())
        word = (lambda k: str(names[k])) if names is not None else str
        self.standings.evidence("class_imbalance", {word(k): int(count) for k, count in enumerate(counts)})
        times = float(counts[most] / max(1, counts[least]))
        if is_met:
            self.standings.not_applicable("class_imbalance", "Class weights or a weighted sampler make up for it.")
        elif counts[least] * IMBALANCED_TIMES >= counts[most]:
            self.standings.saw("class_imbalance", times, IMBALANCED_TIMES)
        else:
            self.tell(
                "class_imbalance",
                "target",
                f'The class "{word(most)}" has {counts[most]} rows, "{word(least)}" has {counts[least]}. '
                "Weigh the rare classes more (classWeights or sampler; imbalance for tables), or add rows.",
                value=times,
                threshold=IMBALANCED_TIMES,
                most=word(most),
                least=word(least),
                rows={word(most): int(counts[most]), word(least): int(counts[least])},
            )

    def on_weights(self, module: nn.Module) -> None:
        """Weights that are all alike, or not numbers, before the first step; which rules can see this network at all."""
        self.note_layers(module)
        spreads = {}
        for name, weight in module.named_parameters():
            if weight.ndim < 2 or weight.numel() < 4 or not weight.requires_grad:
                continue
            spread = spreads[name] = float(weight.detach().float().std())
            if not math.isfinite(spread):
                self.tell("poor_initialisation", name, f'The weights "{name}" are not numbers at the start.', layer=name)
            elif spread == 0:
                self.tell(
                    "poor_initialisation",
                    name,
                    f'All weights of "{name}" are the same at the start, so its units will learn the same thing.',
                    layer=name,
                    value=0.0,
                )
        self.standings.evidence("poor_initialisation", spreads)
        self.standings.saw("poor_initialisation", min(spreads.values(), default=None), 0.0)

    def note_layers(self, module: nn.Module) -> None:
        kinds = {kind_of(layer) for layer in module.modules()}
        if "dead_relu" not in kinds:
            self.standings.not_applicable("dead_relu", "The network has no rectifier (ReLU) as a layer of its own.")
        if "saturated_activation" not in kinds:
            self.standings.not_applicable("saturated_activation", "The network has no sigmoid or tanh as a layer of its own.")

    def on_first_loss(self, loss: float, chance: float | None) -> None:
        """A first loss far above that of guessing means first weights that are too large, or inputs that are not scaled."""
        if chance and math.isfinite(loss):
            self.standings.saw("poor_initialisation", loss, BAD_START_TIMES * chance, step=0)
        if chance and math.isfinite(loss) and loss > BAD_START_TIMES * chance:
            self.tell(
                "poor_initialisation",
                "loss",
                f"The first loss is {loss:.3g} where guessing comes to {chance:.3g}: the first weights are too large, "
                "or the inputs are not scaled.",
                value=loss,
                threshold=BAD_START_TIMES * chance,
                chance=chance,
                step=0,
            )

    # While it runs

    def on_gradients(self, module: nn.Module, step: int) -> None:
        """Vanishing and exploding gradients, by layer."""
        names, gradients = [], []
        for name, weight in module.named_parameters():
            if weight.grad is not None and weight.ndim > 1:
                names.append(name)
                gradients.append(weight.grad)
        if not gradients:
            return
        norms = torch.stack(torch._foreach_norm(gradients)).float().cpu().numpy()
        sizes = {name: float(norm) / math.sqrt(one.numel()) for name, norm, one in zip(names, norms, gradients, strict=True)}
        self.standings.evidence("vanishing_gradient", sizes)
        is_enough = len(self.norms) >= TIMES_IN_A_ROW
        self.standings.saw("vanishing_gradient", min(sizes.values()), VANISHED, is_enough=is_enough, step=step)
        for name, typical in sizes.items():
            if self.seen_often("vanishing_gradient", name, typical < VANISHED):
                self.tell(
                    "vanishing_gradient",
                    name,
                    f'The gradient of "{name}" has all but vanished: {typical:.2g} per weight at step {step}. '
                    "Residual connections, normalisation or another activation keep it alive.",
                    layer=name,
                    value=typical,
                    threshold=VANISHED,
                    step=step,
                )
        total = float(np.sqrt(np.sum(norms.astype(np.float64) ** 2)))
        usual = float(np.median(self.norms)) if len(self.norms) >= TIMES_IN_A_ROW else None
        bound = EXPLODED if usual is None else max(EXPLODED, EXPLODED_TIMES * usual)
        layers = {name: float(norms[names.index(name)]) for name in chosen(names)[:MOST_SERIES - 1]}
        self.standings.evidence("exploding_gradient", {"all layers": total} | layers)
        self.standings.saw("exploding_gradient", total, bound, is_enough=usual is not None, step=step)
        is_too_large = not math.isfinite(total) or (total > EXPLODED and (usual is None or total > EXPLODED_TIMES * usual))
        if is_too_large:
            worst = names[int(np.argmax(np.nan_to_num(norms, nan=np.inf)))]
            before = "" if usual is None else f", {usual:.3g} before"
            self.tell(
                "exploding_gradient",
                "all",
                f'The gradient has grown to {total:.3g}{before} at step {step}, most of all in "{worst}". '
                "A lower learningRate or a clipNorm holds it.",
                layer=worst,
                value=total,
                threshold=bound,
                step=step,
            )
        elif math.isfinite(total):
            self.norms.append(total)

    def on_activations(self, module: nn.Module, forward: Callable[[], Any], step: int) -> None:
        """Dead rectifiers and saturated activations, from one pass that leaves no trace."""
        found: list[tuple[str, str, torch.Tensor]] = []
        hooks = [
            layer.register_forward_hook(watcher(name, kind, found)) for name, layer in module.named_modules() if (kind := kind_of(layer))
        ]
        if not hooks:
            return
        try:
            forward()
        finally:
            for hook in hooks:
                hook.remove()
        shares = torch.stack([share for _, _, share in found]).cpu().tolist() if found else []
        self.see_shares([(name, rule, share) for (name, rule, _), share in zip(found, shares, strict=True)], step)
        for (name, rule, _), share in zip(found, shares, strict=True):
            if not self.seen_often(rule, name, share > (DEAD_SHARE if rule == "dead_relu" else SATURATED_SHARE)):
                continue
            if rule == "dead_relu":
                message = f'{share:.0%} of the units of "{name}" answer 0 to every row at step {step}. A lower learningRate helps, or GELU.'
            else:
                message = f'{share:.0%} of the values of "{name}" lie at its limits at step {step}: it passes hardly any gradient.'
            bound = DEAD_SHARE if rule == "dead_relu" else SATURATED_SHARE
            self.tell(rule, name, message, layer=name, value=share, threshold=bound, step=step)

    def see_shares(self, found: list[tuple[str, str, float]], step: int) -> None:
        """What was seen of each kind of activation, before it is judged."""
        for rule, bound in (("dead_relu", DEAD_SHARE), ("saturated_activation", SATURATED_SHARE)):
            shares = {name: share for name, kind, share in found if kind == rule}
            if shares:
                self.standings.evidence(rule, shares)
                is_enough = self.standings.looks + 1 >= TIMES_IN_A_ROW
                self.standings.saw(rule, max(shares.values()), bound, is_enough=is_enough, step=step)
            else:
                self.standings.not_applicable(rule, "No such layer answers to the rows.")

    def seen_often(self, rule: str, place: str, is_so: bool) -> bool:
        key = (rule, place)
        self.in_a_row[key] = self.in_a_row[key] + 1 if is_so else 0
        return self.in_a_row[key] >= TIMES_IN_A_ROW

    def on_bad_loss(self, step: int, epoch: int, rows: list[int] | None = None) -> None:
        """The loss is NaN or infinite: nothing can be learnt from here on, so the training always ends."""
        message = (
            f"The loss is not a number from step {step} on (epoch {epoch}). Lower learningRate, set clipNorm, "
            "or look for values in the data that are not finite or very large."
        )
        facts = {"step": step, "epoch": epoch, "rule": "nan_loss"}
        self.standings.broke("nan_loss", "loss", message, step=step, epoch=epoch)
        if self.report:
            self.report.warning("rule.nan_loss", message, **facts)
        raise Diverged(message, **facts)

    # After an epoch

    def on_epoch(
        self, epoch: int, loss: float, validation: float | None, score: float | None, better: Callable[[float, float], bool]
    ) -> None:
        """Loss not decreasing, overfitting, overtraining."""
        self.losses.append(loss)
        self.see_epoch(epoch, loss, validation, score)
        if len(self.losses) >= FLAT_EPOCHS and min(self.losses[1:]) > self.losses[0] * (1 - FLAT_GAIN):
            self.tell(
                "loss_not_decreasing",
                "loss",
                f"The loss was {self.losses[0]:.4g} in the first epoch and is {loss:.4g} in epoch {epoch}: it is not decreasing. "
                "Another learningRate (ten times higher or lower), or data and labels that belong together, may help.",
                value=loss,
                threshold=self.losses[0] * (1 - FLAT_GAIN),
                epoch=epoch,
            )
        if validation is not None:
            self.validation.append((epoch, validation))
            self.find_overfitting(epoch, loss)
        if score is not None:
            self.scores.append((epoch, score))
            self.find_overtraining(epoch, better)

    def see_epoch(self, epoch: int, loss: float, validation: float | None, score: float | None) -> None:
        """What the rules of whole epochs saw, before they judge."""
        see, add = self.standings.saw, self.standings.evidence
        see("nan_loss", loss, None, epoch=epoch)
        add("nan_loss", {"loss": loss})
        see("loss_not_decreasing", loss, self.losses[0] * (1 - FLAT_GAIN), is_enough=len(self.losses) >= FLAT_EPOCHS, epoch=epoch)
        add("loss_not_decreasing", {"loss": loss})
        if validation is None:
            self.standings.not_applicable("overfitting", "There are no validation rows while it learns.")
        else:
            best = min([validation, *(value for _, value in self.validation)])
            is_enough = len(self.validation) + 1 > OVERFIT_EPOCHS
            see("overfitting", validation, best * (1 + OVERFIT_RISE), is_enough=is_enough, epoch=epoch)
            add("overfitting", {"loss": loss, "validation loss": validation})
        if score is None:
            self.standings.not_applicable("overtraining", "There are no validation rows while it learns.")
        else:
            see("overtraining", score, None, is_enough=len(self.scores) >= OVERTRAINED_EPOCHS, epoch=epoch)
            add("overtraining", {"validation score": score})

    def find_overfitting(self, epoch: int, loss: float) -> None:
        best_epoch, best = min(self.validation, key=lambda one: one[1])
        now = self.validation[-1][1]
        since = [value for when, value in self.validation if when > best_epoch]
        if len(since) >= OVERFIT_EPOCHS and now > best * (1 + OVERFIT_RISE) and loss < now and loss <= self.losses[0]:
            self.tell(
                "overfitting",
                "loss",
                f"The loss on the validation rows has risen from {best:.4g} (epoch {best_epoch}) to {now:.4g} (epoch {epoch}) while that "
                f"of training fell to {loss:.4g}: the network learns its rows by heart. "
                "More data, augmentation, dropout or weightDecay help.",
                value=now,
                threshold=best * (1 + OVERFIT_RISE),
                best=best,
                epoch=epoch,
            )

    def find_overtraining(self, epoch: int, better: Callable[[float, float], bool]) -> None:
        best_epoch, best = self.scores[0]
        for when, score in self.scores[1:]:
            if better(score, best):
                best_epoch, best = when, score
        if epoch - best_epoch >= OVERTRAINED_EPOCHS:
            self.tell(
                "overtraining",
                "score",
                f"Nothing has been gained since epoch {best_epoch} ({best:.4g}); this is epoch {epoch}. "
                "Fewer epochs, or patience, save the time.",
                value=best,
                epoch=epoch,
            )

    def on_times(self, epoch: int, data_seconds: float, seconds: float) -> None:
        """Data stalls: the device waits for rows."""
        share = data_seconds / seconds if seconds > 0 else 0.0
        self.standings.evidence("data_stall", {"share of the time": share})
        self.standings.saw("data_stall", share, STALLED_SHARE, is_enough=True, epoch=epoch)
        if seconds > 1 and data_seconds > STALLED_SHARE * seconds:
            self.tell(
                "data_stall",
                "data",
                f"{data_seconds / seconds:.0%} of epoch {epoch} ({data_seconds:.1f} s of {seconds:.1f} s) went into fetching rows. "
                "Smaller images, fewer augmentations or more processors help.",
                value=share,
                threshold=STALLED_SHARE,
                epoch=epoch,
            )

    def on_source_score(self, epoch: int, score: float, what: str = "score on the source task") -> None:
        """Forgetting: what the network could do before this training began."""
        if self.source is None:
            self.source = score
        bound = self.source * (1 - FORGOTTEN_SHARE)
        self.standings.evidence("forgetting", {what: score})
        self.standings.saw("forgetting", score, bound, is_enough=epoch > 0, epoch=epoch)
        if score < bound:
            self.tell(
                "forgetting",
                "source",
                f"The {what} was {self.source:.3g} at the start and is {score:.3g} after epoch {epoch}. "
                "A lower learningRate, frozen layers or LoRA keep what it knew.",
                value=score,
                threshold=bound,
                before=self.source,
                epoch=epoch,
            )

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a resumed training says neither more nor less."""
        return {
            "broken": dict(self.broken),
            "inARow": [[rule, place, times] for (rule, place), times in self.in_a_row.items() if times],
            "norms": self.norms[-50:],
            "losses": self.losses,
            "validation": self.validation,
            "scores": self.scores,
            "source": self.source,
            "standings": self.standings.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.broken = defaultdict(list, state["broken"])
        self.in_a_row = defaultdict(int, {(rule, place): times for rule, place, times in state["inARow"]})
        self.norms, self.losses, self.source = list(state["norms"]), list(state["losses"]), state["source"]
        self.validation = [tuple(one) for one in state["validation"]]
        self.scores = [tuple(one) for one in state["scores"]]
        self.standings.restore(state.get("standings", []))


SAMPLED = ("vanishing_gradient", "exploding_gradient", "dead_relu", "saturated_activation")
