"""Detection and segmentation from files to a served graph that answers the same, and bad data named by file."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from folders import events, failure, read_json, run_here, write_channel, write_job
from image_tables import png
from scenes import KINDS, write_scenes

from atoll_engines.image.augment import change, draw
from atoll_engines.image.decode import decode
from atoll_engines.image.detection.found import found_objects
from atoll_engines.image.detection.rows import DetectionRows
from atoll_engines.image.preprocess import Preprocess
from atoll_engines.image.segmentation.rows import moved_masks
from atoll_engines.image.spatial.options import USUAL
from atoll_engines.image.spatial.placement import mask_to_image, placement_of

OPTIONS = {
    "detection": {"epochs": 7, "batchSize": 8, "width": 8, "imageSize": 64, "augment": {"flip": "horizontal"}},
    "segmentation": {"epochs": 8, "learningRate": 6e-3, "batchSize": 8, "width": 8, "imageSize": 64, "augment": {"flip": "horizontal"}},
}
TARGET = {"detection": "boxes", "segmentation": "mask"}


def train(folder: Path, task: str, count: int = 72, algorithms=("auto",), options=None, **more) -> Path:
    write_scenes(folder, "train", count, 1, task)
    asked = OPTIONS[task] | (options or {})
    return write_job(
        folder, "image.train", {"task": task, "target": TARGET[task], "algorithms": list(algorithms), "options": asked, "threads": 1} | more
    )


def beside(trained: Path, folder: Path, task: str, engine: str, channel: str, **parameters) -> Path:
    write_scenes(folder, channel, 15, 2, task)
    for part in ("model", "native"):
        shutil.copytree(trained / part, folder / "input" / "data" / "model" / part)
    return write_job(folder, engine, {"bootstrap": 30, "parityRows": 12, "threads": 1} | parameters)


@pytest.fixture(scope="module", params=["detection", "segmentation"])
def judged(request, tmp_path_factory) -> tuple[str, Path, Path]:
    task = request.param
    trained = train(tmp_path_factory.mktemp("train"), task)
    (trained / "input/data/train/media/mask-train-3.png").write_bytes(png(np.zeros((20, 20), np.uint8)))
    assert run_here(trained) == 0, failure(trained)
    folder = beside(trained, tmp_path_factory.mktemp("test"), task, "image.evaluate", "test")
    assert run_here(folder) == 0, failure(folder)
    return task, trained, folder


def test_a_network_beats_the_same_answer_for_every_image_and_leaves_a_package(judged):
    task, trained, folder = judged
    record = read_json(trained, "model/training.json")
    assert record["export"]["ok"], record["export"]
    assert record["algorithm"] == {"detection": "image_centernet", "segmentation": "image_unet"}[task]
    first = {"detection": "average_precision_50", "segmentation": "mean_iou"}[task]
    evaluation = read_json(folder, "output/data/evaluation.json")
    metric = evaluation["metrics"][first]
    assert metric["value"] > record["baseline"][first] and metric["low"] <= metric["value"] <= metric["high"]
    signature = read_json(trained, "model/signature.json")
    assert signature["outputs"] == [{"name": "objects", "width": 600} if task == "detection" else {"name": "mask", "width": 64 * 64}]
    assert signature["inputs"][0]["fit"] == "pad" and len(signature["classes"]) == (2 if task == "detection" else 3)
    assert {"loss", "validation.loss", "learning_rate"} <= {event["name"] for event in events(trained, "metric")}
    assert not list(trained.glob("native/*.pkl")) and (trained / "native/weights.safetensors").is_file()


def test_the_evaluation_shows_images_and_confusions(judged):
    task, _, folder = judged
    evaluation = read_json(folder, "output/data/evaluation.json")
    shown = evaluation["places"]["images"]
    assert [one["score"] for one in shown] == sorted(one["score"] for one in shown) and shown[0]["width"] in (40, 48, 56)
    names = evaluation["confusion"]["classes"]
    assert names == ([*KINDS, "nothing"] if task == "detection" else ["0", "1", "2"])
    predictions = pd.read_parquet(folder / "output/data/predictions.parquet")
    assert len(predictions) == evaluation["rows"] == 15
    if task == "detection":
        there = sum(len(json.loads(cell)) for cell in predictions["actual"])
        support = sum(one["support"] for one in evaluation["perClass"].values())
        assert sum(map(sum, evaluation["confusion"]["matrix"][:2])) == there == support


def test_the_served_graph_answers_what_training_code_answers(judged):
    import onnxruntime

    task, trained, folder = judged
    graph = onnxruntime.InferenceSession(trained / "model/model.onnx", providers=["CPUExecutionProvider"])
    preprocess = Preprocess((trained / "model/preprocess.onnx").read_bytes())
    signature = read_json(trained, "model/signature.json")
    output = signature["outputs"][0]["name"]
    expected = read_json(folder, "output/data/parity_expected.json")
    rows = [json.loads(line) for line in (folder / "output/data/parity_rows.jsonl").read_text().splitlines()]
    assert len(rows) == len(expected[output]) == 12 + 12 and {"held_out", "perturbed"} == set(expected["kinds"])
    for row, want in zip(rows, expected[output], strict=True):
        image = decode(base64.b64decode(row["image"]))
        said = graph.run([output], {"image": preprocess(image)[None]})[0][0]
        place = placement_of(*image.shape[:2], 64, "pad")
        if task == "segmentation":
            mask = mask_to_image(said.reshape(64, 64).astype(np.uint8), place)
            wanted = np.frombuffer(zlib.decompress(base64.b64decode(want["deflated"])), np.uint8).reshape(want["height"], want["width"])
            assert (mask != wanted).mean() <= signature["tolerance"]
        else:
            found = found_objects(said, place, signature["nms"], signature["threshold"] + 1e-3)
            sure = [one for one in want if one["score"] >= signature["threshold"] + 1e-3]
            assert len(found) == len(sure)
            np.testing.assert_allclose(found[:, 1], [one["score"] for one in sure], atol=1e-4)


def test_python_serves_the_same_and_answers_a_file(judged, tmp_path):
    task, trained, _ = judged
    folder = beside(trained, tmp_path / "rows", task, "image.predict", "rows")
    assert run_here(folder) == 0, failure(folder)
    assert len(pd.read_parquet(folder / "output/data/predictions.parquet")["predicted"]) == 15


def test_samples_are_shown_with_what_is_in_them(judged, tmp_path):
    task, _, _ = judged
    write_scenes(tmp_path, "train", 8, 4, task)
    folder = write_job(tmp_path, "image.preview", {"task": task, "target": TARGET[task], "samples": 2, "variants": 2, "format": "jpeg"})
    assert run_here(folder) == 0, failure(folder)
    samples = read_json(folder, "output/data/samples.json")
    assert len(samples["samples"]) == 2 and all(len(one["files"]) == 3 for one in samples["samples"])
    assert len(samples["samples"][0]["objects" if task == "detection" else "masks"]) == 3


def test_boxes_and_masks_move_as_their_pictures_do():
    pixels = np.zeros((4, 64, 64, 3), np.uint8)
    pixels[:, 20:40, 8:24] = 255
    targets = [np.array([[0, 8, 20, 24, 40]], np.float32)] * 4
    drawn = draw(USUAL, 4, torch.Generator().manual_seed(3))
    batch = DetectionRows(pixels, targets, np.arange(4), 64, USUAL).batch(np.arange(4), torch.Generator().manual_seed(3))
    moved = change(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255, {"map": drawn["map"]})[:, 0] > 0.5
    masks = moved_masks(torch.from_numpy((pixels[..., 0] > 0).astype(np.uint8)), drawn["map"])
    for image, box, mask in zip(moved.numpy(), batch["boxes"][:, 0].numpy(), masks.numpy(), strict=True):
        rows, columns = np.nonzero(image)
        np.testing.assert_allclose(box, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], atol=1.5)
        assert ((mask == 1) == image)[mask != 255].mean() > 0.97


def run_bad(tmp_path: Path, task: str, **options) -> str:
    folder = write_job(tmp_path, "image.train", {"task": task, "target": TARGET[task], "options": OPTIONS[task] | options, "threads": 1})
    assert run_here(folder) == 2
    return failure(folder)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("[{", 'Row 1, column "boxes": \'[{\' is not JSON'),
        ('[{"box": [1, 2, 3, 4]}]', "an object has no label"),
        ('[{"label": "disc", "box": [1, 2, 0, 4]}]', 'the box of an object "disc" is [1, 2, 0, 4]'),
        ("[]", "holds an object, so there is nothing to learn"),
    ],
)
def test_boxes_that_cannot_be_meant_are_named_by_row(tmp_path: Path, cell: str, said: str):
    media = tmp_path / "input/data/train/media"
    media.mkdir(parents=True)
    (media / "a.png").write_bytes(png(np.zeros((20, 20, 3), np.uint8)))
    frame = pd.DataFrame({"image": ["a.png"] * 6, "boxes": ["[]", cell, *["[]"] * 4]})
    write_channel(tmp_path, "train", frame, {"image": "image", "boxes": "text"})
    assert said in run_bad(tmp_path, "detection")


def test_masks_that_do_not_match_are_named_by_file(tmp_path: Path):
    write_scenes(tmp_path, "train", 12, 1, "segmentation")
    names = {"0": "ground", "1": "cross"}
    sentence = run_bad(tmp_path, "segmentation", classNames=names)
    assert "holds the value 2, which classNames does not name" in sentence and "mask-train-" in sentence


def test_a_mask_of_another_size_is_named_and_left_out(judged):
    task, trained, _ = judged
    told = [event["message"] for event in events(trained, "warning") if event["code"] == "image_unreadable"]
    sentence = 'The mask "mask-train-3.png" is 20 x 20 pixels and its image "train-3.png" 56 x 40. It is left out of training.'
    assert told == ([sentence] if task == "segmentation" else [])


def test_settings_that_mean_nothing_here_are_refused(tmp_path: Path):
    write_scenes(tmp_path, "train", 6, 1, "detection")
    assert "it must be a multiple of 32" in run_bad(tmp_path, "detection", imageSize=70)
    assert "mixup is of one label" in run_bad(tmp_path, "detection", mixup=0.2)
    assert 'There is no option "anchors"' in run_bad(tmp_path, "detection", anchors=3)
