"""Runs one job: `python -m atoll_engines.run [--folder DIR]`.

`--warm` first loads the large libraries, prints `{"ready":true}`, then waits for one line on stdin: the folder of the
one job that this process will run.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import importlib.util
import json
import os
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from atoll_engines.contract import (
    EXIT_BAD_INPUT,
    EXIT_FAULT,
    EXIT_NO_ROOM,
    EXIT_OK,
    Job,
    Report,
    made,
    read_job,
    stop,
    write_whole,
)
from atoll_engines.errors import BadInput, EngineError
from atoll_engines.processes import own_folder, processes_for, run_several, tell_exit

# Each module has `run(job, report) -> dict | None`; what it returns is the job's result.
ENGINES = {
    "bring.convert": "atoll_engines.bring.convert",
    "bring.evaluate": "atoll_engines.bring.evaluate",
    "bring.predict": "atoll_engines.bring.predict",
    "compression.prune": "atoll_engines.compression.prune",
    "compression.quantise": "atoll_engines.compression.quantise",
    "compression.trim": "atoll_engines.compression.trim",
    "tabular.train": "atoll_engines.tabular.train",
    "tabular.evaluate": "atoll_engines.tabular.evaluate",
    "tabular.explain": "atoll_engines.tabular.networks.explain",
    "tabular.predict": "atoll_engines.tabular.predict",
    "tabular.compare": "atoll_engines.tabular.compare",
    "audio.explain": "atoll_engines.audio.explain_rows",
    "audio.train": "atoll_engines.audio.train",
    "audio.evaluate": "atoll_engines.audio.evaluate",
    "audio.predict": "atoll_engines.audio.predict",
    "forecast.train": "atoll_engines.forecast.train",
    "forecast.evaluate": "atoll_engines.forecast.evaluate",
    "forecast.predict": "atoll_engines.forecast.predict",
    "image.train": "atoll_engines.image.train",
    "image.evaluate": "atoll_engines.image.evaluate",
    "image.explain": "atoll_engines.image.explain_rows",
    "image.predict": "atoll_engines.image.predict",
    "image.preview": "atoll_engines.image.preview",
    "language.train": "atoll_engines.language.train",
    "language.evaluate": "atoll_engines.language.evaluate",
    "language.predict": "atoll_engines.language.predict",
    "script.train": "atoll_engines.script.train",
    "script.evaluate": "atoll_engines.script.evaluate",
    "script.predict": "atoll_engines.script.predict",
    "tabular.suggest": "atoll_engines.recipes.suggest",
    "tabular.preview": "atoll_engines.recipes.preview",
    "unsupervised.train": "atoll_engines.unsupervised.train",
    "unsupervised.evaluate": "atoll_engines.unsupervised.evaluate",
    "unsupervised.predict": "atoll_engines.unsupervised.predict",
    "weights.convert": "atoll_engines.neural.convert_weights",
    "text.train": "atoll_engines.text.train",
    "text.evaluate": "atoll_engines.text.evaluate",
    "text.explain": "atoll_engines.text.explain_rows",
    "text.predict": "atoll_engines.text.predict",
}
NO_ROOM = {
    errno.ENOSPC: "The disk is full. Free some space and try again.",
    errno.EDQUOT: "The disk quota is used up. Free some space and try again.",
    errno.EFBIG: "A file of the job grew beyond the size that a job's file may have.",
}
WARM_MODULES = [
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "scipy.special",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "lightgbm",
    "onnx",
    "onnxruntime",
    "atoll_engines.tabular.train",
]


def main(arguments: list[str] | None = None) -> int:
    """Run the job that the command line names and return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m atoll_engines.run", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("."), help="the job's folder (default: this one)")
    parser.add_argument("--warm", action="store_true", help="load the libraries, then read the folder from stdin")
    options = parser.parse_args(arguments)
    stop.listen()
    folder = own_folder(options.folder.resolve()) if "RANK" in os.environ else options.folder
    if options.warm:
        warm_up()
        line = sys.stdin.readline().strip()
        if not line:
            return EXIT_OK
        folder = folder / line
    return tell_exit(run_folder(folder.resolve()))


def run_folder(folder: Path) -> int:
    """Run the job in a folder; whatever happens, its events and, on failure, its reason are in the folder."""
    if not folder.is_dir():
        print(f'There is no folder "{folder}".', file=sys.stderr)
        return EXIT_BAD_INPUT
    try:
        return run_reported(folder)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # There may be no room for the reason either: the exit code says it.
        print(NO_ROOM[error.errno], file=sys.stderr)
        with suppress(OSError):
            write_whole(folder / "output" / "failure", f"{NO_ROOM[error.errno]}\n")
        return EXIT_NO_ROOM


def run_reported(folder: Path) -> int:
    """The exit code of the job; without room for what it writes, the OSError that says so."""
    report = Report(folder)
    try:
        report.log("started", "debug")
        os.chdir(folder)
        job = read_job(folder)
        if (processes := processes_for(job)) > 1:
            report.log(f"Runs in {processes} processes.")
            return run_several(job, processes)
        stop.before_exit(lambda: report.log("Stopped on request; the checkpoint is kept.", "warning"))
        result = run_job(job, report)
        if result is not None:
            report.result(result)
        return EXIT_OK
    except BadInput as error:
        return fail(folder, report, error.message, EXIT_BAD_INPUT, facts=error.facts)
    except EngineError as error:
        return fail(folder, report, error.message, EXIT_FAULT, traceback.format_exc(), error.facts)
    except MemoryError:
        sentence = "The job ran out of memory; give it more, or train on fewer rows or columns."
        return fail(folder, report, sentence, EXIT_FAULT, traceback.format_exc())
    except Exception as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        sentence = f"The engine failed unexpectedly: {type(error).__name__}: {first_line(error)}"
        return fail(folder, report, sentence, EXIT_FAULT, traceback.format_exc())
    finally:
        report.close()


def run_job(job: Job, report: Report) -> dict | None:
    """Find the job's engine and run it."""
    module = ENGINES.get(job.engine)
    if module is None:
        known = ", ".join(sorted(ENGINES))
        raise BadInput(f'There is no engine "{job.engine}"; there are: {known}.', engine=job.engine)
    limit_threads(job.threads)
    return importlib.import_module(module).run(job, report)


def limit_threads(threads: int) -> None:
    """Libraries read these once, when they are first loaded; those that a warm start has loaded are told."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    # A waiting OpenMP thread that spins takes the core from whoever has work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "numpy" in sys.modules:
        importlib.import_module("threadpoolctl").threadpool_limits(threads)


def warm_up() -> None:
    limit_threads(os.cpu_count() or 1)
    for module in WARM_MODULES:
        importlib.import_module(module)
    # In the runtimes that have it, it takes longer than all of the others.
    if importlib.util.find_spec("torch"):
        importlib.import_module("torch")
    print(json.dumps({"ready": True}, separators=(",", ":")), flush=True)


def fail(folder: Path, report: Report, sentence: str, code: int, details: str = "", facts: dict | None = None) -> int:
    report.event("log", level="error", message=sentence, facts=facts or {})
    made(folder / "output")
    write_whole(folder / "output" / "failure", f"{sentence}\n{details}".rstrip() + "\n")
    print(sentence, file=sys.stderr)
    return code


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:500]


if __name__ == "__main__":
    sys.exit(main())
