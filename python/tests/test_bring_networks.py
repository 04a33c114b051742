"""Networks of the transformers library that were made elsewhere: each becomes a graph that answers as the library does."""

from __future__ import annotations

import json

import pytest
from brought_models import bring, source
from folders import read_json
from small_networks import save_tokenizer, small

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.timeout(90)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.long
@pytest.mark.long
def test_classes_of_images(tmp_path):
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=32, patch_size=8, num_labels=2,
        id2label={0: "cat", 1: "dog"}, label2id={"cat": 0, "dog": 1},
    )  # fmt: skip
    network = transformers.ViTForImageClassification(config)
    torch.nn.init.normal_(network.classifier.weight, std=3.0)
    network.save_pretrained(source(tmp_path))
    told = {"do_resize": True, "size": {"height": 32, "width": 32}, "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (source(tmp_path) / "preprocessor_config.json").write_text(
        json.dumps(told | {"image_processor_type": "ViTImageProcessor", "resample": 2, "do_rescale": True, "rescale_factor": 1 / 255})
    )
    result = bring(tmp_path, "transformers", "")
    assert isinstance(result, dict), result
    assert result["exported"] and result["task"] == "binary", result
    assert any("the library's own preparation leads to no other classes" in note for note in result["notes"]), result["notes"]
    signature = read_json(tmp_path, "model/signature.json")
    assert signature["inputs"][0] | {"name": "image", "size": [32, 32], "channels": 3} == signature["inputs"][0]
    assert (tmp_path / "model/preprocess.onnx").is_file() and len(read_json(tmp_path, "output/data/parity_expected.json")["labels"]) == 24


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architectures": ["LlamaForCausalLM"]}, "The folder is LlamaForCausalLM."),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "config.json asks for code of its own"),
        ({"architectures": ["DistilBertForTokenClassification"], "dim": 32}, "The network could not be read by the transformers library"),
        ({"n_layers": 2}, "The weights lack 16 of the network's parts"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(tmp_path, change, sentence):
    folder = source(tmp_path)
    network = transformers.DistilBertForSequenceClassification(small(transformers.DistilBertConfig, save_tokenizer(folder)))
    network.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    assert bring(tmp_path, "transformers", "").startswith(sentence)
