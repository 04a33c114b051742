"""What a network could do before: masked words by the head that came with it, else how alike its embeddings are."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from neural_examples import Classify, Points, Told, network

from atoll_engines.neural.forgetting import kernel_alignment, likeness, masked_words, with_source
from atoll_engines.neural.plan import RulePlan, TrainingPlan
from atoll_engines.neural.protocols import Hooks
from atoll_engines.neural.trainer import fit


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A small encoder that has learned one sentence by heart, with the head that it learned it with."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    dropouts = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = BertForMaskedLM(BertConfig(vocab_size=24, max_position_embeddings=16, pad_token_id=0, **sizes, **dropouts))
    ids = torch.tensor([[2, *range(5, 15), 3]]).repeat(8, 1)
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for step in range(60):
        hidden = torch.rand(ids.shape, generator=torch.Generator().manual_seed(step)) < 0.3
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids.masked_fill(hidden, 4)).logits[hidden], ids[hidden])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("weights")
    model.save_pretrained(folder, safe_serialization=True)
    return folder, ids


def test_an_encoder_is_asked_for_masked_words_by_the_head_that_it_came_with(encoder):
    from transformers import AutoModelForSequenceClassification

    folder, ids = encoder
    score, what = masked_words(folder, ids, torch.ones_like(ids), 4, [0, 2, 3, 4], seed=1)
    tuned = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2).eval()
    assert "masked words" in what
    with torch.no_grad():
        before = score(tuned)
        for weight in tuned.bert.encoder.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(3)))
        after = score(tuned)
    assert before > 0.8 and after < 0.8 * before


def test_weights_without_such_a_head_are_not_asked(encoder, tmp_path):
    from transformers import AutoModel

    folder, ids = encoder
    AutoModel.from_pretrained(folder).save_pretrained(tmp_path, safe_serialization=True)
    assert masked_words(tmp_path, ids, torch.ones_like(ids), 4, [0, 2, 3, 4], seed=1) is None


def test_alignment_is_one_for_turned_embeddings_and_near_nothing_for_others():
    drawn = np.random.default_rng(0)
    x = torch.from_numpy(drawn.normal(size=(60, 40)))
    turn = torch.linalg.qr(torch.from_numpy(drawn.normal(size=(40, 40))))[0]
    assert math.isclose(kernel_alignment(x, 3 * x @ turn + 1), 1.0, rel_tol=1e-9)
    assert abs(kernel_alignment(x, torch.from_numpy(drawn.normal(size=(60, 40))))) < 0.1


def test_a_training_that_forgets_is_told_and_can_be_stopped():
    module = network()
    rows = Points(64, 2)
    told = Told()
    hooks = Hooks(**with_source(likeness(module, lambda now: now[:4](rows.x))))
    rules = RulePlan(stop=("forgetting",))
    plan = TrainingPlan(epochs=12, batch_size=32, learning_rate=1.0, clip_norm=None, schedule="constant", rules=rules)
    with pytest.raises(Exception, match="Training ended because the rule forgetting was broken. The likeness of the embeddings"):
        fit(module, Classify(), Points(), Points(96, 1), plan, report=told, hooks=hooks)
    last = [event for event in told.events if event["type"] == "rules"][-1]
    forgetting = next(one for one in last["rules"] if one["rule"] == "forgetting")
    assert forgetting["state"] == "broken" and forgetting["value"] < forgetting["threshold"] == 0.8 and last["ended"] == "failed"
    still, calm = network(), Told()
    hooks = Hooks(**with_source(likeness(still, lambda now: now[:4](rows.x))))
    fit(still, Classify(), Points(), None, TrainingPlan(epochs=1, learning_rate=1e-5), report=calm, hooks=hooks)
    assert "rule.forgetting" not in calm.codes()
