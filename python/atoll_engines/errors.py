"""What goes wrong in an engine, said once in a sentence with its facts."""

import difflib
from collections.abc import Iterable
from typing import Any


class EngineError(Exception):
    """A failure with a plain sentence and the facts behind it."""

    def __init__(self, message: str, **facts: Any):
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self):
        return (_restore, (type(self), self.message, self.facts))


class BadInput(EngineError):
    """A failure that only the user can mend: a wrong column, parameter or value."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, or None where nothing is near."""
    names = list(known)
    lowered = {name.lower(): name for name in names}
    if word.lower() in lowered:
        return lowered[word.lower()]
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return found[0] if found else None


def what_exists(word: str, known: Iterable[str], noun: str = "columns") -> str:
    """A half sentence that helps after "there is no …": the nearest name, else the names there are."""
    names = list(known)
    near = closest(word, names)
    if near is not None:
        return f'Did you mean "{near}"?'
    if not names:
        return f"There are no {noun}."
    shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
    return f"The {noun} are: {shown}."


def _restore(kind: type[EngineError], message: str, facts: dict) -> EngineError:
    return kind(message, **facts)
