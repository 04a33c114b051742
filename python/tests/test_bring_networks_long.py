"""Networks of texts that were made elsewhere: each becomes a graph that answers as the library does."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from brought_models import bring, source
from folders import read_json, start, write_job
from small_networks import TEXTS, save_tokenizer, small

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_classes_of_texts(tmp_path):
    folder = source(tmp_path)
    tokenizer = save_tokenizer(folder)
    names = {0: "bad", 1: "fine", 2: "odd"}
    config = small(transformers.DistilBertConfig, tokenizer, id2label=names, label2id={name: k for k, name in names.items()})
    network = transformers.DistilBertForSequenceClassification(config)
    torch.nn.init.normal_(network.classifier.weight, std=3.0)
    network.save_pretrained(folder)
    result = bring(tmp_path, "transformers", "", pd.DataFrame({"review": TEXTS, "stars": range(20)}), {"review": "text"}, target="verdict")
    assert result["exported"] and result["task"] == "multiclass" and result["maxDifference"] < 1e-5, result
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["classes"] == ["bad", "fine", "odd"] and signature["inputs"][0]["name"] == "review"
    assert signature["inputs"][0]["maxLength"] == 64 and (tmp_path / "model/tokenizer.json").is_file()
    expected = read_json(tmp_path, "output/data/parity_expected.json")
    assert expected["kinds"].count("held_out") == 20 and expected["complete"]
    ids = torch.tensor([tokenizer.encode(TEXTS[0]).ids])
    own = torch.softmax(network.eval()(input_ids=ids).logits, -1)[0].tolist()
    assert expected["probabilities"][0] == pytest.approx(own, abs=1e-6)
    assert read_json(tmp_path, "model/training.json")["algorithm"] == "DistilBertForSequenceClassification"

    # The same folder answers from Python too.
    serving = write_job(tmp_path / "serving", "bring.predict", {"serve": True})
    shutil.copytree(tmp_path / "model", serving / "input/data/model")
    shutil.copytree(tmp_path / "native", serving / "input/data/model/native")
    process = start(serving)
    out, _ = process.communicate(json.dumps([{"review": TEXTS[0]}]) + "\n", timeout=60)
    assert json.loads(out.splitlines()[1])["probabilities"][0] == pytest.approx(own, abs=1e-6)


def test_marks_in_texts(tmp_path):
    folder = source(tmp_path)
    tokenizer = save_tokenizer(folder)
    names = {0: "O", 1: "B-PER", 2: "I-PER", 3: "LOC"}
    config = small(transformers.DistilBertConfig, tokenizer, id2label=names, label2id={name: k for k, name in names.items()})
    network = transformers.DistilBertForTokenClassification(config)
    torch.nn.init.normal_(network.classifier.weight, std=3.0)
    network.save_pretrained(folder)
    result = bring(tmp_path, "transformers", "")
    assert result["exported"] and result["task"] == "tokens", result
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["classes"] == ["LOC", "PER"] and signature["inputs"][0]["words"]
    expected = read_json(tmp_path, "output/data/parity_expected.json")
    # LOC has no begin and no inside: it goes on (2); PER begins (3) and goes on (4).
    seen = {tag for row in expected["outputs"]["tags"] for tag in row}
    assert seen <= {0.0, 2.0, 3.0, 4.0} and len(seen) > 1


def test_sentences_as_vectors(tmp_path):
    folder = source(tmp_path)
    tokenizer = save_tokenizer(folder)
    network = transformers.DistilBertModel(small(transformers.DistilBertConfig, tokenizer))
    network.save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", model_max_length=48).save_pretrained(folder)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 16, "pooling_mode_mean_tokens": True}))
    result = bring(tmp_path, "transformers", "")
    assert isinstance(result, dict), result
    assert result["exported"] and result["task"] == "embedding" and result["maxDifference"] < 1e-5, result
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["outputs"] == [{"name": "vector", "width": 16}] and signature["inputs"][0]["maxLength"] == 48
    vectors = np.array(read_json(tmp_path, "output/data/parity_expected.json")["outputs"]["vector"])
    assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-5
