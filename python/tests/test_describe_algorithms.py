import json
from pathlib import Path

import atoll_engines.tabular
from atoll_engines.tabular.describe_algorithms import describe


def test_the_file_that_the_platform_reads_is_up_to_date():
    file = Path(atoll_engines.tabular.__file__).parent / "algorithms.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(describe()))
