"""A training channel as the platform lays it: 20,000 rows of 30 numbers and a binary target."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, COLUMNS = 20_000, 30

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
random = np.random.default_rng(7)
values = random.normal(size=(ROWS, COLUMNS))
target = np.where(values[:, :10] @ random.normal(size=10) + random.normal(size=ROWS) > 0, "yes", "no")
names = [f"measurement_{k:02d}" for k in range(COLUMNS)]
table = {"__row": np.arange(ROWS), **{name: values[:, k] for k, name in enumerate(names)}, "target": target}
pq.write_table(pa.table(table), folder / "data.parquet")
columns = [{"name": name, "type": "number", "nullable": False} for name in names]
columns.append({"name": "target", "type": "category", "nullable": False})
(folder / "schema.json").write_text(json.dumps({"columns": columns, "rows": ROWS, "rowId": "__row"}))
