import importlib
import json
from pathlib import Path

import pytest

import atoll_engines


@pytest.mark.parametrize("family", ["tabular", "audio"])
def test_the_file_that_the_platform_reads_is_up_to_date(family: str):
    file = Path(atoll_engines.__file__).parent / family / "algorithms.json"
    described = importlib.import_module(f"atoll_engines.{family}.describe_algorithms").describe()
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(described))
