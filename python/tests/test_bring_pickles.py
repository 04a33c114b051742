"""Pickles that ask for what no model needs, or hold what is no model: refused by name, nothing of them called."""

from __future__ import annotations

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from brought_models import bring, source
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.timeout(30)


class Calls:
    """Pickles as a call of something with arguments."""

    def __init__(self, what, *arguments):
        self.what, self.arguments = what, arguments

    def __reduce__(self):
        return self.what, self.arguments


def by_name(module: str, name: str, argument: str) -> bytes:
    """A call of something by its name, dots and all, as protocol 4 has it."""

    def text(value: str) -> bytes:
        return b"\x8c" + bytes([len(value)]) + value.encode()

    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def gadgets(mark: Path) -> dict[str, bytes]:
    import os
    import subprocess

    command = f"touch {mark}"
    return {
        "posix.system": pickle.dumps(Calls(os.system, command)),
        "subprocess.Popen": pickle.dumps(Calls(subprocess.Popen, ["touch", str(mark)])),
        "builtins.eval": pickle.dumps(Calls(eval, f"open({str(mark)!r}, 'w')")),
        "builtins.getattr": pickle.dumps(Calls(getattr, "a", "upper")),
        "pathlib.Path.touch": by_name("pathlib", "Path.touch", str(mark)),
        "numpy.load": by_name("numpy", "load", str(mark)),
        "joblib.load": by_name("joblib", "load", str(mark)),
        "sklearn.os.system": by_name("sklearn", "os.system", command),
        "pandas.read_pickle": by_name("pandas", "read_pickle", str(mark)),
        "importlib.import_module": by_name("importlib", "import_module", "antigravity"),
        "operator.methodcaller": by_name("operator", "methodcaller", "system"),
    }


@pytest.mark.parametrize("name", list(gadgets(Path("x"))))
def test_a_pickle_that_calls_something_is_refused_before_it_is_called(tmp_path, name):
    mark = tmp_path / "was-here"
    (source(tmp_path) / "model.pkl").write_bytes(gadgets(mark)[name])
    said = bring(tmp_path, "sklearn", "model.pkl")
    assert said.startswith(f'"model.pkl" asks for {name} when it is read') and "it was not called" in said, said
    assert not mark.exists()


def test_a_gadget_deep_within_a_real_model_is_found(tmp_path):
    import os

    mark = tmp_path / "was-here"
    model = LogisticRegression().fit(np.random.default_rng(0).random((20, 2)), [0, 1] * 10)
    model.extra_ = [{"deep": Calls(os.system, f"touch {mark}")}]
    joblib.dump(model, source(tmp_path) / "model.joblib", compress=("zlib", 6))
    assert "asks for posix.system" in bring(tmp_path, "sklearn", "model.joblib") and not mark.exists()


class Unfitted:
    pass


@pytest.mark.parametrize(
    ("held", "sentence"),
    [
        (LogisticRegression(), "that was never fitted"),
        ({"a": 1, "b": 2}, "holds a dictionary (a, b) with 0 models, not one"),
        (np.zeros(3), "which is no model that predicts"),
        (KMeans(2, n_init=1).fit(np.arange(8.0).reshape(4, 2)), "sklearn.cluster.KMeans tells groups or strange rows"),
        (StandardScaler().fit(np.arange(8.0).reshape(4, 2)), "predicts nothing: it only transforms"),
    ],
)
def test_what_is_no_model_is_said(tmp_path, held, sentence):
    joblib.dump(held, source(tmp_path) / "model.joblib")
    assert sentence in bring(tmp_path, "sklearn", "model.joblib")


@pytest.mark.parametrize("content", [b"", b"no pickle", b"\x80\x04\x95", b"\x80\x05" + b"(" * 5000, b"\x80\x04Mx."])
def test_what_is_damaged_is_said(tmp_path, content):
    (source(tmp_path) / "model.pkl").write_bytes(content)
    said = bring(tmp_path, "sklearn", "model.pkl")
    assert said.startswith('"model.pkl"'), said


@pytest.mark.parametrize("format", ["xgboost", "lightgbm", "catboost"])
@pytest.mark.parametrize("content", [b"", b"{}", b"tree\nversion=v4\n", b"CBM1\xff\xff\xff\x7f", b'{"learner": {"objective": {}}}'])
def test_damaged_boosters_are_said(tmp_path, format, content):
    (source(tmp_path) / "model.bin").write_bytes(content)
    said = bring(tmp_path, format, "model.bin")
    assert isinstance(said, str) and said.startswith('"model.bin" could not be read by'), said
