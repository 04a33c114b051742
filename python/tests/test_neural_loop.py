"""The training loop: what it learns, what it says, and that a stopped training ends as if it had never been stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from neural_examples import Classify, Points, Told, network

from atoll_engines.errors import BadInput
from atoll_engines.neural.plan import TrainingPlan, read_plan, refuse_unknown
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.rules import Diverged
from atoll_engines.neural.sampler import Sampler
from atoll_engines.neural.schedules import factor
from atoll_engines.neural.trainer import fit

PLAN = TrainingPlan(epochs=3, batch_size=32, learning_rate=0.02, checkpoint_seconds=0.0, seed=5)


def test_a_network_learns_and_says_each_epoch():
    told, module = Told(), network()
    fitted = fit(module, Classify(), Points(), Points(96, 1), replace(PLAN, epochs=8), report=told)
    assert fitted.score > 0.8 and fitted.epochs == 8 and not module.training
    assert {name for name, _, _ in told.metrics} == {"loss", "learning_rate", "validation.loss", "validation.accuracy"}
    assert [step for name, _, step in told.metrics if name == "loss"] == list(range(1, 9))
    with torch.no_grad():
        scores = Classify().validate(module, [Points(96, 1).batch(np.arange(96), None)])
    assert scores["accuracy"] == pytest.approx(fitted.score), "the module holds the best epoch's weights"


class Interrupted(Exception):
    pass


class Interrupting(Points):
    """Fails once when so many batches were made."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def batch(self, rows, generator):
        self.left -= generator is not None
        if self.left < 0:
            raise Interrupted
        return super().batch(rows, generator)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"optimiser": "sgd", "schedule": "one_cycle", "accumulate": 2},
        {"ema": 0.9, "schedule": "plateau", "optimiser": "adam", "l1": 1e-4},
        {"sampler": "weighted", "warmup": 0.2, "schedule": "step"},
    ],
    ids=["adamw", "sgd", "ema", "weighted"],
)
def test_a_training_resumed_in_the_middle_of_an_epoch_equals_the_uninterrupted_one(tmp_path: Path, change):
    plan = replace(PLAN, **change)
    whole = network()
    fitted = fit(whole, Classify(), Points(), Points(96, 1), plan)
    with pytest.raises(Interrupted):
        fit(network(), Classify(), Interrupting(9), Points(96, 1), plan, checkpoint=tmp_path / "net")
    told, again = Told(), network(seed=99)
    resumed = fit(again, Classify(), Points(), Points(96, 1), plan, checkpoint=tmp_path / "net", report=told)
    assert any("Goes on from epoch" in line for line in told.logs)
    for (name, one), other in zip(whole.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert resumed.history == fitted.history
    third = network(seed=98)
    assert fit(third, Classify(), Interrupting(0), Points(96, 1), plan, checkpoint=tmp_path / "net").score == fitted.score
    assert torch.equal(third[0].weight, whole[0].weight), "a training that is over is not begun again"


def test_a_checkpoint_of_another_training_is_left_alone(tmp_path: Path):
    fit(network(), Classify(), Points(), None, PLAN, checkpoint=tmp_path / "net")
    told = Told()
    fit(network(), Classify(), Points(), None, replace(PLAN, learning_rate=0.01), checkpoint=tmp_path / "net", report=told)
    assert told.logs == ["The checkpoint is of another training; this one starts anew."]


SLOW = """
import sys, time
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from atoll_engines.contract import stop
stop.listen()
from neural_examples import Classify, Points, network
from test_neural_loop import PLAN
from atoll_engines.neural.trainer import fit
from dataclasses import replace
class Slow(Points):
    def batch(self, rows, generator):
        time.sleep(0.1 if generator else 0)
        print("batch", flush=True)
        return super().batch(rows, generator)
fit(network(), Classify(), Slow(), Points(96, 1), replace(PLAN, checkpoint_seconds=1000.0), checkpoint=Path(sys.argv[1]))
"""


def test_a_signal_to_stop_saves_the_step_in_hand(tmp_path: Path):
    tests = Path(__file__).parent
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, str(tmp_path / "net"), str(tests), str(tests.parent)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    for _ in range(4):
        assert process.stdout.readline().startswith("batch")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    whole, again = network(), network(seed=99)
    rows_of_whole, rows = Points(), Points()
    fit(whole, Classify(), rows_of_whole, Points(96, 1), replace(PLAN, checkpoint_seconds=1000.0))
    fit(again, Classify(), rows, Points(96, 1), replace(PLAN, checkpoint_seconds=1000.0), checkpoint=tmp_path / "net")
    assert len(rows.asked) < len(rows_of_whole.asked), "it went on from where it was"
    assert torch.equal(whole[0].weight, again[0].weight)


class Hungry(Classify):
    """Has no memory for more than so many rows at a time."""

    def __init__(self, most: int) -> None:
        self.most = most

    def loss(self, module, batch):
        if len(batch[1]) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return super().loss(module, batch)


def test_out_of_memory_halves_the_batch_and_steps_see_the_same_rows():
    told, module, other = Told(), plain(), plain()
    plan = replace(PLAN, batch_size=48, epochs=2)
    rows, still = Quiet(), Quiet()
    fitted = fit(module, Hungry(12), rows, Points(96, 1), plan, report=told)
    fit(other, Classify(), still, Points(96, 1), plan)
    assert (fitted.batch_size, fitted.accumulate) == (12, 4)
    assert told.codes().count("out_of_memory") == 2
    assert "batches of 12, 4 of which make up a step" in told.warnings[-1][1]
    assert torch.allclose(module[0].weight, other[0].weight, atol=1e-6)


class Quiet(Points):
    def batch(self, rows, generator):
        return super().batch(rows, None)


def plain():
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))


def test_a_single_row_too_many_is_said():
    with pytest.raises(BadInput, match="A single row is more than memory holds"):
        fit(network(), Hungry(0), Points(), None, PLAN)


def test_early_stopping_pruning_and_a_time_limit_end_a_training():
    class Worse(Classify):
        def validate(self, module, batches):
            self.seen = getattr(self, "seen", 0) + 1
            return super().validate(module, batches) | {"accuracy": 1.0 / self.seen}

    fitted = fit(network(), Worse(), Points(), Points(96, 1), replace(PLAN, epochs=20, patience=2))
    assert (fitted.epochs, fitted.best_epoch, fitted.ended) == (3, 1, "no gain for 2 epochs")
    hooks = Hooks(after_epoch=lambda epoch, scores: "pruned" if epoch == 2 else None)
    assert fit(network(), Classify(), Points(), Points(96, 1), PLAN, hooks=hooks).ended == "pruned"
    late = fit(network(), Classify(), Points(), Points(96, 1), PLAN, hooks=Hooks(until=time.monotonic()))
    assert late.ended == "the time was up" and late.epochs == 1 and late.score is not None


def test_a_loss_that_is_no_number_ends_with_its_step():
    class Broken(Classify):
        def loss(self, module, batch):
            self.steps = getattr(self, "steps", -1) + module.training
            return super().loss(module, batch) * (float("nan") if self.steps == 8 else 1.0)

    told = Told()
    with pytest.raises(Diverged, match=r"not a number from step 8 on \(epoch 2\)"):
        fit(network(), Broken(), Points(), Points(96, 1), read_plan({"rules": False}, defaults={"batch_size": 32}), report=told)
    assert told.codes() == ["rule.nan_loss"]


def test_mixed_precision_and_compilation_are_asked_for_by_name():
    fitted = fit(network(), Classify(), Points(), Points(96, 1), replace(PLAN, precision="bf16", epochs=6))
    assert fitted.device["precision"] == "bfloat16" and fitted.score > 0.75


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        ({"epochs": 0}, "epochs"),
        ({"optimiser": "lion"}, "optimiser"),
        ({"learningRate": "fast"}, "learningRate"),
        ({"learningRate": float("nan")}, "learningRate"),
        ({"warmup": 1.5}, "warmup"),
        ({"batchSize": 3.5}, "batchSize"),
        ({"rules": {"stop": ["overfit"]}}, "rules"),
        ({"schedule": "plateau", "warmup": 0.1}, "warmup"),
    ],
)
def test_a_bad_option_is_refused_by_its_name(options, parameter):
    with pytest.raises(BadInput) as failed:
        read_plan(options)
    assert failed.value.facts["parameter"] == parameter


def test_options_are_read_over_parameters_of_a_search_over_defaults():
    plan = read_plan({"epochs": 4, "clipNorm": None}, 1, 2, {"epochs": 9, "batch_size": 8}, {"learning_rate": 0.5, "dropout": 0.1})
    assert (plan.epochs, plan.batch_size, plan.learning_rate, plan.clip_norm) == (4, 8, 0.5, None)
    with pytest.raises(BadInput, match='no option "epoch" for images. Did you mean "epochs"'):
        refuse_unknown({"epoch": 3}, ["imageSize"], "images")


def test_learning_rates_follow_their_schedules():
    steps = 10
    plan = replace(PLAN, epochs=10, step_every=2, step_factor=0.5)
    names = ("constant", "step", "cosine", "one_cycle")
    rates = {name: [factor(replace(plan, schedule=name), step, steps) for step in range(100)] for name in names}
    assert set(rates["constant"]) == {1.0}
    assert [rates["step"][s] for s in (0, 19, 20, 40)] == [1.0, 1.0, 0.5, 0.25]
    assert rates["cosine"][0] == 1.0 and rates["cosine"][-1] < 0.02
    assert max(rates["one_cycle"]) == pytest.approx(1.0) and rates["one_cycle"].index(max(rates["one_cycle"])) == 30
    warm = [factor(replace(PLAN, warmup=0.1, epochs=10), s, steps) for s in range(12)]
    assert warm[:3] == pytest.approx([1 / 11, 2 / 11, 3 / 11]) and warm[10] == 1.0


def test_every_row_is_seen_once_an_epoch_in_an_order_of_its_own():
    sampler = Sampler(100, replace(PLAN, batch_size=30))
    first, second = sampler.epoch(1), sampler.epoch(2)
    assert [len(rows) for rows in first] == [30, 30, 30, 10]
    assert sorted(np.concatenate(first)) == list(range(100)) and not np.array_equal(first[0], second[0])
    assert all(np.array_equal(one, other) for one, other in zip(first, sampler.epoch(1), strict=True))
    assert Sampler(91, replace(PLAN, batch_size=30)).steps == 3, "a single row left over is no step"
