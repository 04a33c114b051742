"""Image engines: every task and algorithm from files to a served graph that answers the same."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
from folders import events, failure, read_json, run_here, start, write_job
from image_tables import png, several, shapes, write_images

from atoll_engines.image.decode import decode
from atoll_engines.image.preprocess import Preprocess

OPTIONS = {"epochs": 6, "batchSize": 32, "augment": {"crop": 0.05}}


def train(folder: Path, files, labels, task="multiclass", algorithms=("image_cnn",), options=None, weights=None, **more) -> Path:
    write_images(folder, "train", files, labels)
    if weights:
        shutil.copytree(weights, folder / "input" / "data" / "weights")
    parameters = {"task": task, "target": "label", "algorithms": list(algorithms), "options": OPTIONS | (options or {}), "threads": 1}
    return write_job(folder, "image.train", parameters | more)


def judged(trained: Path, folder: Path, files, labels, engine="image.evaluate", **parameters) -> Path:
    channel = "test" if engine == "image.evaluate" else "rows"
    write_images(folder, channel, files, labels)
    for part in ("model", "native"):
        shutil.copytree(trained / part, folder / "input" / "data" / "model" / part)
    return write_job(folder, engine, {"bootstrap": 50, "parityRows": 60, "threads": 1} | parameters)


def serve(model: Path, request: dict[str, str]) -> np.ndarray:
    """What a server does: the two graphs, nothing of ours."""
    import onnxruntime

    graph = onnxruntime.InferenceSession(model / "model.onnx", providers=["CPUExecutionProvider"])
    pixels = Preprocess((model / "preprocess.onnx").read_bytes())(decode(base64.b64decode(request["image"])))
    return graph.run(["probabilities"], {"image": pixels[None]})[0][0]


def replayed(folder: Path, model: Path) -> float:
    rows = [json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()]
    expected = read_json(folder, "output/data/parity_expected.json")
    assert len(rows) == len(expected["probabilities"]) and {"held_out", "perturbed"} == set(expected["kinds"])
    assert expected["complete"]
    return max(float(np.abs(serve(model, row) - np.array(want)).max()) for row, want in zip(rows, expected["probabilities"], strict=True))


@pytest.fixture(scope="module")
def cnn(tmp_path_factory) -> Path:
    folder = train(tmp_path_factory.mktemp("cnn"), *shapes(180), algorithms=("auto",), options={"epochs": 8, "width": 8})
    assert run_here(folder) == 0, failure(folder)
    return folder


def test_a_network_beats_the_baselines_and_leaves_a_package(cnn: Path):
    record = read_json(cnn, "model/training.json")
    assert record["algorithm"] == "image_cnn" and record["export"]["ok"], record["export"]
    board = {line["algorithm"]: line["mean"] for line in record["leaderboard"]}
    assert board["image_cnn"] > 0.85 > board["baseline"]
    signature = read_json(cnn, "model/signature.json")
    assert signature["inputs"] == [
        {"name": "image", "type": "image", "tensor": "image", "index": 0, "nullable": False, "size": [28, 28], "channels": 3}
    ]
    told = {event["name"] for event in events(cnn, "metric")}
    assert {"loss", "learning_rate", "validation.loss", "validation.accuracy"} <= told
    embeddings = pd.read_parquet(cnn / "output/data/embeddings.parquet")
    assert len(embeddings) == 180 and len(embeddings["embedding"][0]) == record["model"]["embedding"]
    oof = pd.read_parquet(cnn / "output/data/oof.parquet")
    assert len(oof) == 36 and {"p_0", "p_1", "p_2"} <= set(oof.columns)
    assert not list(cnn.glob("native/*.pkl")) and (cnn / "native/weights.safetensors").is_file()


def test_an_evaluation_replays_through_the_graphs(cnn: Path, tmp_path: Path):
    files, labels = shapes(60, seed=5)
    files["broken.png"] = b"\x89PNG\r\n\x1a\nnothing"
    folder = judged(cnn, tmp_path, files, [*labels, "bar"])
    assert run_here(folder) == 0, failure(folder)
    evaluation = read_json(folder, "output/data/evaluation.json")
    assert evaluation["metrics"]["accuracy"]["value"] > 0.85 and evaluation["leftOut"]["itemUnreadable"] == 1
    assert [event["facts"]["file"] for event in events(folder, "warning")] == ["broken.png"]
    assert replayed(folder, cnn / "model") < 1e-4


def test_predictions_of_a_batch_and_of_a_worker_agree(cnn: Path, tmp_path: Path):
    files, labels = shapes(12, seed=6)
    folder = judged(cnn, tmp_path / "batch", files, labels, "image.predict")
    assert run_here(folder) == 0, failure(folder)
    batch = pd.read_parquet(folder / "output/data/predictions.parquet")
    assert (batch["predicted"] == labels).mean() > 0.8
    write_job(folder, "image.predict", {"serve": True, "threads": 1})
    process = start(folder)
    rows = [{"image": base64.b64encode(content).decode()} for content in files.values()]
    out, err = process.communicate(json.dumps(rows) + "\n[{}]\n" + json.dumps([{"image": "%%%"}]) + "\n", timeout=60)
    ready, answered, absent, broken = map(json.loads, out.splitlines())
    assert ready == {"ready": True}
    assert np.allclose(answered["probabilities"], batch[["p_0", "p_1", "p_2"]], atol=1e-6)
    assert "no image" in absent["error"] and "neither base64" in broken["error"]


def test_several_labels_an_image(tmp_path: Path):
    folder = train(tmp_path / "t", *several(160), task="multilabel", options={"epochs": 8, "width": 8})
    assert run_here(folder) == 0, failure(folder)
    record, signature = read_json(folder, "model/training.json"), read_json(folder, "model/signature.json")
    assert record["export"]["ok"] and len(signature["thresholds"]) == 2
    assert record["validation"]["f1_macro"]["mean"] > 0.8
    evaluated = judged(folder, tmp_path / "e", *several(40, seed=3))
    assert run_here(evaluated) == 0, failure(evaluated)
    assert replayed(evaluated, folder / "model") < 1e-4


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("image_linear", {}),
        ("image_resnet", {"size": "10"}),
        ("image_efficientnet", {"size": "tiny"}),
        ("image_convnext", {"size": "atto"}),
        ("image_vit", {"size": "micro"}),
    ],
)
def test_every_algorithm_trains_and_its_graph_answers_the_same(tmp_path: Path, algorithm: str, options: dict):
    own = {} if algorithm == "image_linear" else {"epochs": 1, "imageSize": 32} | options
    folder = train(tmp_path / "t", *shapes(60, kinds=("bar", "disc")), task="binary", algorithms=(algorithm,), options=own)
    assert run_here(folder) == 0, failure(folder)
    record = read_json(folder, "model/training.json")
    assert record["algorithm"] == algorithm and record["export"]["ok"], record["export"]
    evaluated = judged(folder, tmp_path / "e", *shapes(20, seed=2, kinds=("bar", "disc")))
    assert run_here(evaluated) == 0, failure(evaluated)
    assert replayed(evaluated, folder / "model") < 1e-4


def test_given_weights_are_frozen_as_asked(tmp_path: Path):
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(depths=[1, 1], hidden_sizes=[8, 16], embedding_size=8, layer_type="basic")
    given = ResNetModel(config)
    given.save_pretrained(tmp_path / "weights")
    (tmp_path / "weights/preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.2] * 3}))
    options = {"epochs": 2, "imageSize": 24, "freeze": "all"}
    folder = train(tmp_path / "t", *shapes(40), algorithms=("image_resnet",), options=options, weights=tmp_path / "weights")
    assert run_here(folder) == 0, failure(folder)
    from safetensors.torch import load_file

    kept = load_file(folder / "native/weights.safetensors")
    name = "embedder.embedder.convolution.weight"
    assert np.array_equal(kept[f"backbone.network.{name}"].numpy(), given.state_dict()[name].detach().numpy())
    assert np.allclose(kept["mean"].ravel(), 0.5) and read_json(folder, "model/training.json")["model"]["from"] == "given weights"
    (tmp_path / "weights/model.safetensors").rename(tmp_path / "weights/pytorch_model.bin")
    folder = train(tmp_path / "u", *shapes(40), algorithms=("image_resnet",), weights=tmp_path / "weights")
    assert run_here(folder) == 2 and "pickle" in failure(folder)


def test_damaged_images_are_named_and_left_out(tmp_path: Path):
    files, labels = shapes(60)
    names = list(files)
    files[names[3]] = b""
    files[names[7]] = files[names[7]][:60]
    files[names[9]] = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    folder = train(tmp_path, files, labels, options={"epochs": 1, "width": 4})
    assert run_here(folder) == 0, failure(folder)
    told = [event for event in events(folder, "warning") if event["code"] == "image_unreadable"]
    assert [event["facts"] for event in told] == [{"file": names[k], "row": k} for k in (3, 7, 9)]
    assert f'"{names[3]}" is empty. It is left out of training.' == told[0]["message"]
    assert read_json(folder, "model/training.json")["rows"] == 57


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("most damaged", "images cannot be read; the first"),
        ("one class", 'The target "label" is "bar" in every row'),
        ("lonely class", "has a single row"),
        ("option", 'no option "imagesize" for images. Did you mean "imageSize"'),
        ("augment", 'augment has no "flips". Did you mean "flip"'),
        ("algorithm", 'There is no algorithm "image_cn" for images. Did you mean "image_cnn"'),
        ("absent", "cannot be read; the first: There is no file"),
        ("rule", 'There is no rule "overfit"'),
    ],
)
def test_bad_input_ends_in_a_sentence(tmp_path: Path, change: str, sentence: str):
    files, labels = shapes(40)
    options: dict = {"epochs": 1, "width": 4}
    algorithms = ("image_cnn",)
    if change == "most damaged":
        files = {name: content if k % 2 else b"no" for k, (name, content) in enumerate(files.items())}
    elif change == "one class":
        labels = ["bar"] * 40
    elif change == "lonely class":
        labels = ["bar"] * 20 + ["disc"] * 19 + ["odd"]
    elif change == "option":
        options["imagesize"] = 32
    elif change == "augment":
        options["augment"] = {"flips": True}
    elif change == "algorithm":
        algorithms = ("image_cn",)
    elif change == "rule":
        options["rules"] = {"stop": ["overfit"]}
    folder = train(tmp_path, files, labels, algorithms=algorithms, options=options)
    if change == "absent":
        shutil.rmtree(folder / "input/data/train/media")
    assert run_here(folder) == 2
    assert sentence in failure(folder)


def test_a_preview_shows_what_training_changes(tmp_path: Path):
    write_images(tmp_path, "train", *shapes(20))
    options = {"augment": {"flip": "both", "rotate": 30, "brightness": 0.3, "saturation": 0.3, "contrast": 0.2, "erase": 1.0, "zoom": 0.2}}
    write_job(tmp_path, "image.preview", {"options": options, "samples": 3, "variants": 2})
    assert run_here(tmp_path) == 0, failure(tmp_path)
    about = read_json(tmp_path, "output/data/samples.json")
    assert len(about["samples"]) == 3 and about["samples"][0]["files"] == ["samples/0-0.png", "samples/0-1.png", "samples/0-2.png"]
    first, changed = (decode((tmp_path / "output/data" / about["samples"][0]["files"][k]).read_bytes()) for k in (0, 1))
    assert first.shape == changed.shape == (28, 28, 3) and not np.array_equal(first, changed)


def test_images_are_upright_and_brought_to_size_by_one_graph():
    from PIL import Image

    from atoll_engines.image.preprocess import preprocess_graph
    from atoll_engines.image.variants import saved

    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = decode(saved(Image.fromarray(pixels), "PNG", exif=exif))
    assert np.array_equal(turned, np.rot90(pixels, -1))
    for fit, channels in (("crop", 3), ("pad", 3), ("stretch", 1)):
        made = Preprocess(preprocess_graph(20, channels, fit))(pixels)
        assert made.shape == (20, 20, channels) and made.dtype == np.uint8
    stretched = Preprocess(preprocess_graph(20, 3, "stretch"))(pixels).astype(int)
    reference = np.array(Image.fromarray(pixels).resize((20, 20), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(stretched - reference).max() <= 1, "antialiased as pillow resizes"
    assert np.array_equal(Preprocess(preprocess_graph(40, 3, "crop"))(pixels), pixels[:, 10:50]), "nothing is resized that need not be"
    padded = Preprocess(preprocess_graph(60, 3, "pad"))(pixels)
    assert np.array_equal(padded[10:50], pixels) and not padded[:10].any() and not padded[50:].any()
    assert png(pixels)
