"""Runs a notebook from top to bottom and writes it back with its outputs: `python -m atoll_engines.script.notebook IN OUT [arguments]`.

Cells run in one namespace, without IPython: lines that begin with `%` or `!` are named in an error rather than skipped.
Outputs are what was printed, the value of a cell's last expression, and the traceback that ended it (nbformat 4.5).
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
import traceback
from pathlib import Path
from typing import Any


class Tee(io.TextIOBase):
    """Writes to the log and keeps a copy for the notebook."""

    def __init__(self, through: Any) -> None:
        self.through = through
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        self.through.write(text)
        self.kept.append(text)
        return len(text)

    def flush(self) -> None:
        self.through.flush()


def main(source: Path, target: Path) -> int:
    """0 when every cell ran; else 1, with the notebook up to the cell that failed and its traceback."""
    try:
        notebook = json.loads(source.read_text("utf-8"))
        cells = notebook["cells"]
    except (ValueError, KeyError, TypeError) as error:
        print(f"{source.name} is not a notebook of format 4: {error}", file=sys.stderr)
        return 2
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": str(source)}
    count, code = 0, 0
    try:
        for number, cell in enumerate(cells):
            if cell.get("cell_type") != "code":
                continue
            text = "".join(cell.get("source") or [])
            if not text.strip():
                continue
            count += 1
            cell["execution_count"] = count
            cell["outputs"], failed = run_cell(text, f"<cell {number + 1}>", namespace, count)
            if failed:
                code = 1
                break
    finally:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), "utf-8")
    return code


def run_cell(text: str, name: str, namespace: dict[str, Any], count: int) -> tuple[list[dict[str, Any]], bool]:
    """The outputs of a cell, and whether it failed."""
    out, err = Tee(sys.stdout), Tee(sys.stderr)
    outputs: list[dict[str, Any]] = []
    failure = None
    value = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            refuse_magic(text)
            body, last = parsed(text, name)
            exec(body, namespace)
            value = eval(last, namespace) if last else None
            if value is not None:
                out.through.write(f"{value!r}\n")
        except SystemExit as error:
            if error.code:
                failure = error
        except BaseException as error:
            failure = error
            traceback.print_exc()
    for stream, kept in (("stdout", out.kept), ("stderr", err.kept)):
        if kept:
            outputs.append({"output_type": "stream", "name": stream, "text": "".join(kept).splitlines(keepends=True)})
    if value is not None:
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        outputs.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}})
    if failure is not None:
        trace = traceback.format_exception(failure)
        outputs.append({"output_type": "error", "ename": type(failure).__name__, "evalue": str(failure), "traceback": trace})
    return outputs, failure is not None


def parsed(text: str, name: str) -> tuple[Any, Any]:
    """A cell as statements and, where it ends in an expression, that expression."""
    tree = ast.parse(text, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        last = compile(ast.Expression(tree.body.pop().value), name, "eval")
    return compile(tree, name, "exec"), last


def refuse_magic(text: str) -> None:
    for line, words in enumerate(text.splitlines(), 1):
        if words.lstrip().startswith(("%", "!")):
            raise SyntaxError(f"line {line}: {words.strip()[:80]!r} is a command of IPython, which does not run in a job")


if __name__ == "__main__":
    asked, left = Path(sys.argv[1]), Path(sys.argv[2])
    sys.argv = [str(asked), *sys.argv[3:]]
    sys.exit(main(asked, left))
