"""A training in two processes learns what one process learns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from folders import events, failure, read_json, run_here, write_job
from image_tables import shapes, write_images
from neural_examples import Classify, Points
from test_neural_loop import PLAN, plain

from atoll_engines.neural.trainer import fit

LOOP = """
import sys
sys.path[:0] = sys.argv[2:]
from safetensors.torch import save_file
from neural_examples import Points
from test_neural_loop import PLAN, plain
from test_neural_processes import Wide, learn
module, fitted = learn()
if fitted.device["devices"] == 2 and __import__("torch").distributed.get_rank() == 0:
    save_file({name: tensor.contiguous() for name, tensor in module.state_dict().items()}, sys.argv[1])
"""


class Wide(Points):
    """Rows without chance, so that a share of a step is the same whoever takes it."""

    def batch(self, rows, generator):
        return super().batch(rows, None)


class Hungry(Classify):
    """The second process has no memory for more than six rows at a time."""

    def loss(self, module, batch):
        if os.environ.get("RANK") == "1" and len(batch[1]) > 6:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().loss(module, batch)


def learn():
    module = plain()
    return module, fit(module, Hungry(), Wide(101), Wide(40, 1), PLAN)


def test_two_processes_learn_what_one_does_even_if_one_runs_out_of_memory(tmp_path: Path):
    tests = Path(__file__).parent
    script = tmp_path / "learn.py"
    script.write_text(LOOP)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    subprocess.run(
        [*command, str(tmp_path / "w"), str(tests), str(tests.parent)], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True, timeout=120
    )
    from safetensors.torch import load_file

    shared, (alone, _) = load_file(tmp_path / "w"), learn()
    for name, tensor in alone.state_dict().items():
        assert torch.allclose(tensor, shared[name], atol=1e-6), name


JOB = {
    "epochs": 2,
    "batchSize": 24,
    "imageSize": 16,
    "augment": False,
    "optimiser": "sgd",
    "learningRate": 0.05,
    "size": "micro",
    "dropout": 0,
}


def trained(folder: Path, processes: int, **options) -> Path:
    write_images(folder, "train", *shapes(60, kinds=("bar", "disc")))
    parameters = {"task": "binary", "target": "label", "algorithms": ["image_vit"], "threads": 1}
    write_job(folder, "image.train", parameters | {"options": JOB | options})
    (folder / "input/config/resourceconfig.json").write_text(f'{{"cpus": 1, "gpus": 0, "processes": {processes}}}')
    return folder


@pytest.mark.long
def test_a_job_in_two_processes_leaves_one_package_and_speaks_with_one_voice(tmp_path: Path):
    one, two = trained(tmp_path / "one", 1), trained(tmp_path / "two", 2)
    assert run_here(one) == 0, failure(one)
    assert run_here(two) == 0, failure(two)
    from safetensors.numpy import load_file

    alone, shared = (load_file(folder / "native/weights.safetensors") for folder in (one, two))
    assert max(float(np.abs(alone[name] - shared[name]).max()) for name in alone) < 1e-4
    assert read_json(two, "model/training.json")["network"]["device"]["devices"] == 2
    told, before = ([event["value"] for event in events(folder, "metric") if event["name"] == "loss"] for folder in (two, one))
    assert len(told) == 2 and told == pytest.approx(before, abs=1e-4)


@pytest.mark.long
def test_what_goes_wrong_in_several_processes_is_said_as_ever(tmp_path: Path):
    folder = trained(tmp_path, 2, freeze=-1)
    assert run_here(folder) == 2
    assert "freeze is -1" in failure(folder)
