"""Token classification: words and spans, the measure, training, evaluation and the graph that is served."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from folders import events, failure, read_json, run_here, write_channel, write_job
from marked_texts import notes
from text_tables import tiny_weights

from atoll_engines.errors import BadInput
from atoll_engines.text.tagging.metrics import counts_of, per_label, score, with_intervals
from atoll_engines.text.tagging.spans import Span, read_spans, spans_of, tag_names, tags_of
from atoll_engines.text.tagging.words import WordTokens, learn_cased_tokenizer, split_words

TYPES = {"note": "text", "marks": "text"}


def train_job(folder: Path, frame: pd.DataFrame | None = None, **changes) -> Path:
    write_channel(folder, "train", notes() if frame is None else frame, TYPES)
    options = {"maxLength": 40, "width": 48, "epochs": 10, "vocabulary": 400} | changes.pop("options", {})
    parameters = {
        "task": "tokens", "target": "marks", "metric": "f1", "algorithms": ["text_tagger"], "options": options,
        "validation": {"kind": "holdout", "folds": 2}, "threads": 1,
    }  # fmt: skip
    return write_job(folder, "text.train", parameters | changes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = train_job(tmp_path_factory.mktemp("tagger"))
    assert run_here(folder) == 0, failure(folder)
    return folder


@pytest.fixture(scope="module")
def evaluated(trained, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    channel = folder / "input" / "data"
    shutil.copytree(trained / "model", channel / "model")
    shutil.copytree(trained / "native", channel / "model" / "native")
    write_channel(folder, "test", notes(80, seed=9), TYPES)
    write_job(folder, "text.evaluate", {"target": "marks", "task": "tokens", "bootstrap": 100, "parityRows": 200})
    assert run_here(folder) == 0, failure(folder)
    return folder


def test_words_are_letters_and_digits_together_and_every_other_sign_alone():
    text = "Dr. Ó’Neill: 3-4 mg\u00a0(x_y) 😀é"
    assert [text[a:b] for a, b in split_words(text)] == ["Dr", ".", "Ó", "’", "Neill", ":", "3", "-", "4", "mg", "(", "x_y", ")", "😀", "é"]
    assert split_words("") == split_words(" \n\t\x85\u2028") == []


def test_spans_become_tags_and_tags_the_same_spans():
    text, labels = "At Ness Point: 12 grey heron.", ["count", "place", "species"]
    words = split_words(text)
    spans = [Span(3, 13, "place"), Span(15, 17, "count"), Span(18, 28, "species")]
    tags = tags_of(spans, words, labels)
    assert [tag_names(labels)[tag] for tag in tags] == ["O", "B-place", "I-place", "O", "B-count", "B-species", "I-species", "O"]
    assert spans_of(tags, words, labels) == spans
    # Two of one label beside one another stay two; an inside tag alone begins a span.
    assert spans_of([3, 3, 4, 0, 6, 5], words[:6], labels) == [
        Span(0, 2, "place"), Span(3, 13, "place"), Span(15, 17, "species"), Span(18, 22, "species"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("[{", "not valid JSON"),
        ('{"start": 0}', "a JSON list"),
        ('[{"start": 0, "end": 2}]', "must have a label"),
        ('[{"start": 3, "end": 99, "label": "a"}]', "the text has 10 characters"),
        ('[{"start": 3, "end": 3, "label": "a"}]', "from 3 to 3"),
        ('[{"start": 0, "end": 5, "label": "a"}, {"start": 4, "end": 6, "label": "b"}]', "overlap"),
    ],
)
def test_spans_that_cannot_be_are_refused_with_their_row(value, says):
    with pytest.raises(BadInput, match=says) as refused:
        read_spans(value, "0123456789", "marks", 17)
    assert refused.value.facts["row"] == 17


def test_the_measure_is_that_of_conll():
    # Worked by hand: one right of two found of three there.
    actual = [[Span(0, 2, "a"), Span(5, 7, "b")], [Span(0, 3, "b")]]
    found = [[Span(0, 2, "a"), Span(5, 6, "b")], []]
    counts = counts_of(actual, found, ["a", "b"])
    words = np.array([[4, 5], [2, 3]])
    figures = score(counts, words)
    assert figures == pytest.approx({"precision": 1 / 2, "recall": 1 / 3, "f1": 0.4, "accuracy": 6 / 8})
    assert per_label(counts, ["a", "b"])["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 2}
    ranges = with_intervals(counts, words, 500, 1)
    assert ranges["f1"]["low"] <= 0.4 <= ranges["f1"]["high"]


def test_each_word_has_a_first_token_and_what_is_longer_is_cut_between_words():
    tokenizer = learn_cased_tokenizer([*notes(50)["note"]], 300)
    ids, firsts, words = WordTokens(tokenizer, 16).of("Heard 19 curlew near Hallig Nord and elsewhere too")
    assert len(ids) <= 16 and len(firsts) == len(words) > 2
    decoded = [tokenizer.decode([int(ids[at])]).strip() for at in firsts]
    text = "Heard 19 curlew near Hallig Nord and elsewhere too"
    assert all(text[start:end].startswith(piece) for piece, (start, end) in zip(decoded, words, strict=True))


def test_it_learns_to_mark_and_says_how_well(trained, evaluated):
    evaluation = read_json(evaluated, "output/data/evaluation.json")
    assert evaluation["metrics"]["f1"]["value"] > 0.9
    assert evaluation["metrics"]["f1"]["low"] <= evaluation["metrics"]["f1"]["value"] <= evaluation["metrics"]["f1"]["high"]
    assert set(evaluation["perClass"]) == {"count", "place", "species"}
    training = read_json(trained, "model/training.json")
    assert training["export"]["path"] == "onnx" and training["validation"]["f1"]["mean"] > 0.9
    assert training["baseline"]["f1"] == 0 and 0.3 < training["baseline"]["accuracy"] < 0.9
    assert [one["step"] for one in events(trained) if one["type"] == "metric" and one["name"] == "validation.loss"]
    rows = pq.read_table(evaluated / "output/data/predictions.parquet").to_pydict()
    assert len(rows["actual"]) == 80 and json.loads(rows["predicted"][0]) is not None


def test_the_parity_rows_are_answered_by_the_graph(trained, evaluated):
    import onnxruntime

    from atoll_engines.text.tokens import padded, read_tokenizer

    expected = read_json(evaluated, "output/data/parity_expected.json")
    rows = [json.loads(line)["note"] or "" for line in (evaluated / "output/data/parity_rows.jsonl").read_text().splitlines()]
    assert len(rows) == len(expected["kinds"]) == len(expected["outputs"]["tags"]) and expected["complete"]
    tokenizer = WordTokens(read_tokenizer((trained / "model/tokenizer.json").read_text()), 40)
    session = onnxruntime.InferenceSession((trained / "model/model.onnx").read_bytes())
    for text, tags, sure in zip(rows, expected["outputs"]["tags"], expected["outputs"]["confidence"], strict=True):
        ids, mask = padded([tokenizer.of(text)[0]], 1)
        answered = session.run(["tags", "confidence"], {"input_ids": ids, "attention_mask": mask})
        assert answered[0][0].tolist() == tags
        assert np.abs(answered[1][0] - sure).max() < 1e-4


def test_a_search_that_is_taken_up_finds_its_fits_and_ends_the_same(trained, tmp_path):
    again = train_job(tmp_path / "again")
    shutil.copytree(trained / "checkpoints", again / "checkpoints")
    (again / "checkpoints" / "trials.jsonl").unlink()
    assert run_here(again) == 0
    assert (again / "native/weights.safetensors").read_bytes() == (trained / "native/weights.safetensors").read_bytes()


def test_given_weights_are_fine_tuned(tmp_path):
    folder = train_job(tmp_path / "fine", notes(60), options={"maxLength": 32, "epochs": 1})
    shutil.copytree(tiny_weights(tmp_path / "weights"), folder / "input" / "data" / "weights")
    assert run_here(folder) == 0, failure(folder)
    training = read_json(folder, "model/training.json")
    assert training["model"]["architecture"] == "bert" and training["export"]["path"] == "onnx"


def test_what_cannot_be_learned_from_is_refused_with_its_row(tmp_path):
    frame = notes(40)
    frame.loc[7, "marks"] = '[{"start": 0, "end": 900, "label": "place"}]'
    folder = train_job(tmp_path / "broken", frame)
    assert run_here(folder) == 2
    assert 'Row 7, column "marks"' in failure(folder)
    nothing = notes(40).assign(marks="[]")
    assert run_here(train_job(tmp_path / "nothing", nothing)) == 2
    assert "No row has a span" in failure(tmp_path / "nothing")
