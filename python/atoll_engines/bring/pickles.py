"""Opens pickles and joblib files: only ever in a job's sandbox, and only those that name what belongs to models."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

from atoll_engines.bring.original import first_line
from atoll_engines.errors import BadInput

# What is called while a pickle is read comes from these; everything else is refused before it is called.
LIBRARIES = frozenset({
    "sklearn", "numpy", "scipy", "pandas", "joblib", "xgboost", "lightgbm", "catboost", "_catboost", "imblearn", "collections", "datetime",
    "copyreg", "_codecs", "functools", "decimal", "fractions", "pathlib", "uuid", "operator", "itertools", "sklearn_compat", "pyarrow",
    "enum",
})  # fmt: skip
BUILTINS = frozenset({
    "object", "set", "frozenset", "list", "dict", "tuple", "int", "float", "complex", "str", "bytes", "bytearray", "bool", "slice", "range",
    "type", "print", "len", "min", "max", "sum", "abs", "round",
})  # fmt: skip
# Doors to other places within modules that are otherwise needed.
DOORS = re.compile(
    r"(^|\.)(os|sys|subprocess|posix|nt|shutil|socket|ctypes|importlib|builtins|__builtins__|runpy|__import__|eval|exec|open|system|popen|Popen)(\.|$)"
    r"|testing\._private|exec_command|distutils|f2py|numpy\.(load|fromfile|memmap|save|savetxt|loadtxt|genfromtxt)"
    r"|pandas\.(read_|io\.|eval)|operator\.(attrgetter|methodcaller|itemgetter)\b|joblib\.(load|externals|_parallel|parallel)|cpp_extension"
)
METHODS_ALLOWED = frozenset({"operator.itemgetter"})


def read_pickle(path: Path) -> tuple[Any, list[str]]:
    """What a pickle or joblib file holds, and what its library says of versions; BadInput names what it lacks or may not ask for."""
    import joblib
    from joblib import numpy_pickle

    refused: list[str] = []
    found: list[str] = []

    class Reader(numpy_pickle.NumpyUnpickler):
        def find_class(self, module: str, name: str) -> Any:
            found.append(f"{module}.{name}")
            if not is_of_models(module, name):
                refused.append(f"{module}.{name}")
                raise pickle.UnpicklingError(f"asks for {module}.{name}")
            return super().find_class(module, name)

    previous, numpy_pickle.NumpyUnpickler = numpy_pickle.NumpyUnpickler, Reader
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            value = joblib.load(path)
    except BadInput:
        raise
    except Exception as error:
        raise unreadable(path, error, refused, found) from error
    finally:
        numpy_pickle.NumpyUnpickler = previous
    return value, sorted({plain(str(one.message)) for one in told if "version" in str(one.message)})


def is_of_models(module: str, name: str) -> bool:
    top = module.split(".", 1)[0]
    whole = f"{module}.{name}"
    if module in ("builtins", "__builtin__"):
        return name in BUILTINS
    if whole in METHODS_ALLOWED:
        return True
    if "." in name and top not in ("sklearn", "xgboost", "lightgbm", "catboost", "imblearn"):
        return False
    return top in LIBRARIES and not DOORS.search(whole)


def unreadable(path: Path, error: Exception, refused: list[str], found: list[str]) -> BadInput:
    name = path.name
    if refused:
        what = refused[0]
        if what.split(".", 1)[0] == "__main__":
            return BadInput(
                f'"{name}" needs {what}, a function or class of the program that saved it, which is not in the file. '
                "Save the model without code of its own, or import it with its code (a folder with inference.py or predict.py).",
                file=name, asks=what,
            )  # fmt: skip
        return BadInput(
            f'"{name}" asks for {what} when it is read, which no model of a supported library needs; it was not called. '
            "Save the model alone, or with its code in a folder (inference.py or predict.py).",
            file=name, asks=what,
        )  # fmt: skip
    if isinstance(error, ModuleNotFoundError):
        return BadInput(f'"{name}" needs the package "{error.name}", which the runtime has not. Save the model without it.', file=name)
    last = f" (at {found[-1]})" if found else ""
    return BadInput(
        f'"{name}" could not be read{last}: {first_line(error)}. It may be damaged, or written by a version of the library that this one '
        "does not understand: save it anew with a newer one.",
        file=name,
    )


def plain(text: str) -> str:
    return " ".join(text.split())[:300]


def is_pickle(content: bytes) -> bool:
    """By its first bytes: protocol 2 or later."""
    return len(content) > 2 and content[0] == 0x80 and content[1] in range(2, 6)
