"""The engine `tabular.suggest`: a recipe that suits the table, with the reason for each step."""

from __future__ import annotations

from typing import Any

from atoll_engines.contract import Job, Report, write_json
from atoll_engines.recipes.auto import auto_recipe
from atoll_engines.recipes.derived import propose_derived
from atoll_engines.recipes.sample import read_sample

_MOST_ROWS = 50_000


def run(job: Job, report: Report) -> dict[str, Any]:
    """Writes `output/data/recipe.json`: steps, reasons and proposed derived features."""
    sample = read_sample(job, _MOST_ROWS, with_ids=False)
    report.log(f"Looking at {len(sample.frame):,} rows and {len(sample.schema)} columns.")
    steps, reasons = auto_recipe(sample.frame, sample.schema, sample.target, sample.task, job.seed, None)
    derived = propose_derived(sample.frame, sample.schema, sample.target, sample.task, job.seed)
    write_json(job.output / "recipe.json", {"steps": steps, "reasons": reasons, "derived": derived})
    return {"steps": len(steps), "derived": len(derived)}
