"""Pickles of torch become safetensors, number for number; one that would run something is refused before it does."""

from __future__ import annotations

import os
import pickle

import pytest

pytest.importorskip("torch", reason="needs the deep runtime")
import torch
from folders import events, failure, read_json, run_here, write_job
from safetensors.torch import load_file


def converted(folder, files, parameters=None):
    channel = folder / "input" / "data" / "weights"
    channel.mkdir(parents=True)
    for name, content in files.items():
        if isinstance(content, bytes):
            (channel / name).write_bytes(content)
        else:
            torch.save(content, channel / name)
    write_job(folder, "weights.convert", parameters or {"files": list(files)})
    return run_here(folder)


def test_the_weights_of_a_file_are_the_same_numbers_and_shared_ones_are_whole(tmp_path):
    weight = torch.randn(4, 3)
    state = {"a.weight": weight, "tied.weight": weight, "half": torch.randn(5).half(), "turned": torch.randn(2, 6).T}
    assert converted(tmp_path, {"pytorch_model.bin": {"state_dict": state, "epoch": 3}}) == 0
    made = load_file(tmp_path / "output" / "data" / "model.safetensors")
    assert set(made) == set(state)
    assert all(torch.equal(made[name], state[name]) for name in state)
    assert events(tmp_path, "result")[-1]["value"]["tensors"] == 4


def test_pieces_get_an_index_and_what_is_no_weight_is_told(tmp_path):
    first, second = {"a": torch.ones(2), "step": 7}, {"b": torch.zeros(3)}
    names = [f"pytorch_model-0000{k}-of-00002.bin" for k in (1, 2)]
    assert converted(tmp_path, dict(zip(names, [first, second], strict=True))) == 0
    index = read_json(tmp_path, "output/data/model.safetensors.index.json")
    assert index["weight_map"] == {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    assert index["metadata"]["total_size"] == 20
    assert "what is no weight was left out: step" in events(tmp_path, "result")[-1]["value"]["notes"][0]


class Evil:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_pickle_that_would_run_something_is_refused_and_runs_nothing(tmp_path, how):
    trace = tmp_path / "was-run"
    evil = {"weight": torch.ones(2), "extra": Evil(str(trace))}
    content = evil if how == "torch" else pickle.dumps({"extra": Evil(str(trace))}, protocol=2)
    assert converted(tmp_path / "job", {"pytorch_model.bin": content}) == 2
    said = failure(tmp_path / "job")
    assert '"pytorch_model.bin" holds more than numbers' in said and "nothing of it was run" in said
    assert "system" in said
    assert not trace.exists()
    assert not list((tmp_path / "job" / "output").glob("data/*.safetensors"))


def test_what_is_no_file_of_torch_is_named(tmp_path):
    assert converted(tmp_path / "page", {"model.pt": b"<html>not found</html>"}) == 2
    assert '"model.pt"' in failure(tmp_path / "page")
    assert converted(tmp_path / "list", {"model.pt": [torch.ones(2)]}) == 2
    assert "holds a list and not weights by name" in failure(tmp_path / "list")
