"""The environment of a script: `SM_*` variables as Amazon's sagemaker-training toolkit documents them (ENVIRONMENT_VARIABLES.md)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.script.request import ScriptRequest

# Laid for the engine, not for the script.
HIDDEN_CHANNELS = frozenset({"code", "table", "weights"})
OPT_ML = Path("/opt/ml")
# Where `import atoll` and the runner of notebooks are found.
ENGINES = Path(__file__).resolve().parents[2]


def base_folder(job: Job) -> Path:
    """`/opt/ml` where the sandbox shows the job's folder there, else the folder itself."""
    try:
        return OPT_ML if OPT_ML.exists() and OPT_ML.resolve() == job.folder.resolve() else job.folder
    except OSError:
        return job.folder


def channels_of(job: Job) -> list[str]:
    data = job.folder / "input" / "data"
    return sorted(path.name for path in data.iterdir() if path.is_dir() and path.name not in HIDDEN_CHANNELS)


def script_arguments(request: ScriptRequest) -> list[str]:
    """Hyperparameters as `--name value` (one letter: `-n value`), then the arguments as given."""
    words: list[str] = []
    for name, value in sorted(request.hyperparameters.items()):
        words += [f"-{name}" if len(name) == 1 else f"--{name}", as_text(value)]
    return [*words, *request.arguments]


def script_environment(job: Job, request: ScriptRequest) -> dict[str, str]:
    """The process's own environment and the `SM_*` variables."""
    base = base_folder(job)
    channels = channels_of(job)
    hosts = [str(job.resources.get("current_host") or "local")]
    folders = {
        "MODEL_DIR": base / "model",
        "INPUT_DIR": base / "input",
        "INPUT_CONFIG_DIR": base / "input" / "config",
        "OUTPUT_DIR": base / "output",
        "OUTPUT_DATA_DIR": base / "output" / "data",
        "OUTPUT_INTERMEDIATE_DIR": base / "output" / "intermediate",
        "MODULE_DIR": base / "code",
    }
    values: dict[str, Any] = {
        **{name: str(path) for name, path in folders.items()},
        "CHANNELS": channels,
        **{f"CHANNEL_{name.upper()}": str(base / "input" / "data" / name) for name in channels},
        "HPS": request.hyperparameters,
        **{f"HP_{name.upper()}": value for name, value in request.hyperparameters.items()},
        "USER_ARGS": script_arguments(request),
        "USER_ENTRY_POINT": request.entry_point,
        "MODULE_NAME": Path(request.entry_point).stem,
        "HOSTS": hosts,
        "CURRENT_HOST": hosts[0],
        "CURRENT_INSTANCE_TYPE": "local",
        "CURRENT_INSTANCE_GROUP": "homogeneousCluster",
        "CURRENT_INSTANCE_GROUP_HOSTS": hosts,
        "INSTANCE_GROUPS": ["homogeneousCluster"],
        "IS_HETERO": False,
        "NUM_CPUS": int(job.resources.get("cpus") or os.cpu_count() or 1),
        "NUM_GPUS": int(job.resources.get("gpus") or 0),
        "NUM_NEURONS": 0,
        "LOG_LEVEL": 20,
        "NETWORK_INTERFACE_NAME": "lo",
        "RESOURCE_CONFIG": job.resources,
        "INPUT_DATA_CONFIG": {name: about for name, about in job.channels.items() if name not in HIDDEN_CHANNELS},
        "FRAMEWORK_MODULE": "",
    }
    own = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    paths = [str(base / "code"), str(ENGINES), own.get("PYTHONPATH", "")]
    return {
        **own,
        **{f"SM_{name}": as_text(value) for name, value in values.items()},
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        "ATOLL_EVENTS": str(job.folder / "output" / "events.jsonl"),
        "ATOLL_SEED": str(job.seed),
    }


def as_text(value: Any) -> str:
    """Strings as they are, nothing as the empty string, all else as compact JSON with sorted keys."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
