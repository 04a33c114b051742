"""Rules watched while a network learns: each fault is named with its evidence, and a healthy training is left in peace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from neural_examples import Classify, Points, Told, network
from torch import nn

from atoll_engines.neural.initialise import initialise
from atoll_engines.neural.plan import RULES, RulePlan, TrainingPlan, read_plan
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.rules import Rules, StoppedByRule
from atoll_engines.neural.trainer import fit

PLAN = TrainingPlan(epochs=4, batch_size=32, learning_rate=0.01, seed=5, rules=RulePlan(every=2))


def told_of(
    module: nn.Module, plan: TrainingPlan = PLAN, objective: Classify | None = None, rows: Points | None = None, hooks: Hooks | None = None
) -> Told:
    told = Told()
    fit(module, objective or Classify(), rows or Points(), Points(96, 1), plan, report=told, hooks=hooks)
    return told


def find(told: Told, rule: str) -> tuple[str, dict]:
    found = [(message, facts) for code, message, facts in told.warnings if code == f"rule.{rule}"]
    assert found, f"{rule} was not told; {told.codes()} were"
    return found[0]


def test_a_healthy_training_is_left_in_peace():
    told = told_of(network())
    assert told.codes() == []


def test_vanishing_gradients_name_the_layer_and_the_step():
    torch.manual_seed(0)
    layers = [nn.Linear(4, 16), *[layer for _ in range(10) for layer in (nn.Sigmoid(), nn.Linear(16, 16))], nn.Linear(16, 2)]
    module = nn.Sequential(*layers)
    for layer in module:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.05)
    message, facts = find(told_of(module), "vanishing_gradient")
    assert facts["layer"] == "0.weight" and facts["value"] < 1e-7 and facts["step"] == 4 and '"0.weight"' in message


def test_exploding_gradients_are_told():
    class Steep(Classify):
        def loss(self, module, batch):
            return super().loss(module, batch) * 1e6

    _, facts = find(told_of(network(), objective=Steep()), "exploding_gradient")
    assert facts["value"] > 1e3


def test_dead_rectifiers_and_saturated_activations_name_the_layer():
    module = network()
    nn.init.constant_(module[1].bias, -100.0)
    _, facts = find(told_of(module), "dead_relu")
    assert facts["layer"] == "2" and facts["value"] == 1.0
    module = network(activation=nn.Tanh)
    nn.init.constant_(module[1].bias, 100.0)
    assert find(told_of(module), "saturated_activation")[1]["layer"] == "2"


def test_a_loss_that_does_not_decrease_is_told_and_may_end_the_job():
    plan = read_plan({"rules": {"stop": ["loss_not_decreasing"]}}, defaults={"epochs": 6, "batch_size": 32, "learning_rate": 1e-9})
    told = Told()
    with pytest.raises(StoppedByRule, match="ended because the rule loss_not_decreasing was broken. The loss was 0"):
        fit(nn.Linear(4, 2), Classify(), Points(), Points(96, 1), plan, report=told)
    assert "rule.loss_not_decreasing" in told.codes()


def test_overfitting_and_overtraining_say_since_when():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 256), nn.ReLU(), nn.Linear(256, 2))

    class ByHeart(Points):
        def batch(self, rows, generator):
            return super().batch(rows, None)

    rows = ByHeart(24)
    rows.labels = np.random.default_rng(0).integers(0, 2, 24)
    told = told_of(module, replace(PLAN, epochs=25, batch_size=24, learning_rate=0.05, schedule="constant"), rows=rows)
    message, facts = find(told, "overfitting")
    assert facts["value"] > facts["best"] * 1.1 and "by heart" in message
    find(told, "overtraining")


def test_class_imbalance_is_told_unless_it_is_met():
    rows = Points()
    rows.labels = (np.arange(len(rows)) < 6).astype(np.int64)
    rows.class_names = ["usual", "rare"]
    message, facts = find(told_of(network(), rows=rows), "class_imbalance")
    assert '"usual" has 186 rows, "rare" has 6' in message and facts["rows"] == {"usual": 186, "rare": 6}
    assert "rule.class_imbalance" not in told_of(network(), replace(PLAN, sampler="weighted"), rows=rows).codes()


def test_poor_first_weights_are_told():
    same = network()
    nn.init.constant_(same[0].weight, 0.5)
    assert find(told_of(same), "poor_initialisation")[1]["layer"] == "0.weight"
    large = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 2))
    for layer in (large[0], large[2]):
        nn.init.normal_(layer.weight, std=20.0)

    class Knows(Classify):
        chance_loss = float(np.log(2))

    assert "guessing comes to 0.693" in find(told_of(large, objective=Knows()), "poor_initialisation")[0]
    assert "rule.poor_initialisation" not in told_of(initialise(network()), objective=Knows()).codes()


def test_forgetting_names_what_the_network_could_do_before():
    scores = iter([0.9, 0.88, 0.5, 0.4, 0.3])
    _, facts = find(told_of(network(), hooks=Hooks(source_score=lambda module: next(scores))), "forgetting")
    assert facts == {"rule": "forgetting", "value": 0.5, "before": 0.9, "epoch": 2}


def test_data_stalls_are_told_from_times():
    told = Told()
    Rules(PLAN, told).on_times(2, 6.0, 10.0)
    Rules(PLAN, told).on_times(2, 1.0, 10.0)
    assert told.codes() == ["rule.data_stall"] and "60% of epoch 2 (6.0 s of 10.0 s)" in told.warnings[0][1]


def last_rules(told: Told) -> dict[str, dict]:
    event = [one for one in told.events if one["type"] == "rules"][-1]
    return {one["rule"]: one for one in event["rules"]}


def test_every_rule_says_how_it_stands_with_its_evidence():
    told = told_of(network(), replace(PLAN, epochs=10, rules=RulePlan(stop=("overfitting",))))
    rules = last_rules(told)
    assert set(rules) == set(RULES)
    states = {name: one["state"] for name, one in rules.items()}
    well = ["nan_loss", "vanishing_gradient", "exploding_gradient", "dead_relu", "loss_not_decreasing", "overfitting", "class_imbalance"]
    assert [states[name] for name in well] == ["ok"] * len(well)
    assert states["saturated_activation"] == states["forgetting"] == "not_applicable" and "random weights" in rules["forgetting"]["message"]
    assert rules["vanishing_gradient"]["value"] > rules["vanishing_gradient"]["threshold"] == 1e-7
    ends = [one for one in told.events if one["type"] == "rules"][-1]
    assert ends["ended"] == "done" and ends["stop"] == ["nan_loss", "overfitting"]
    evidence = [one for one in told.events if one["type"] == "evidence"]
    seen = {rule for one in evidence for rule in one["values"]}
    assert {"vanishing_gradient", "exploding_gradient", "dead_relu", "overfitting", "class_imbalance", "data_stall"} <= seen
    steps = [one["step"] for one in evidence if "vanishing_gradient" in one["values"]]
    assert steps == list(range(0, 60, 3)), "a short training is looked at twenty times"
    assert all(0 <= one["values"]["dead_relu"]["2"] <= 1 for one in evidence if "dead_relu" in one["values"])


def test_what_breaks_is_said_at_once_with_place_bound_and_time():
    module = network()
    nn.init.constant_(module[1].bias, -100.0)
    told = told_of(module)
    said = [(event, rule) for event in told.events if event["type"] == "rules" for rule in event["rules"] if rule["rule"] == "dead_relu"]
    first, dead = next((event, rule) for event, rule in said if rule["state"] == "broken")
    assert (dead["place"], dead["value"], dead["threshold"], dead["step"]) == ("2", 1.0, 0.5, 4)
    assert "answer 0 to every row" in dead["message"]
    assert first["ended"] is None


def test_rules_that_are_not_watched_are_off_and_a_short_training_says_so():
    rules = last_rules(told_of(network(), replace(PLAN, epochs=1, rules=RulePlan(watch=("overfitting",)))))
    assert rules["dead_relu"]["state"] == "off" and rules["nan_loss"]["state"] == "ok"
    assert rules["overfitting"]["state"] == "watching" and "too short" in rules["overfitting"]["message"]


def test_watching_changes_no_result():
    watched, left = network(), network()
    fit(watched, Classify(), Points(), None, replace(PLAN, rules=RulePlan(every=1)))
    fit(left, Classify(), Points(), None, replace(PLAN, rules=RulePlan(watch=())))
    assert all(torch.equal(one, other) for one, other in zip(watched.state_dict().values(), left.state_dict().values(), strict=True))
