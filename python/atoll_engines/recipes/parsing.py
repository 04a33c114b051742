"""Reading strings as numbers, truth values and times, and numbers as labels: the same in arrays and in a graph."""

import re
from typing import Any

import numpy as np
from onnx import TensorProto

from .civil_dates import MS_PER_DAY, days_from_civil, month_length
from .graph_maths import GraphMaths, GraphTensor

# Bounded so that no match can overflow the runtime's own parser.
NUMBER_PATTERN = r"[+-]?([0-9]{1,200}([.][0-9]{0,200})?|[.][0-9]{1,200})([eE][+-]?[0-9]{1,2})?"
TIME_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+]00:?00)?)?"
_DIGITS = "[0-9]+"
_WORDS = {
    word: value
    for base, value in (
        ("true", 1.0),
        ("false", 0.0),
        ("yes", 1.0),
        ("no", 0.0),
        ("t", 1.0),
        ("f", 0.0),
        ("y", 1.0),
        ("n", 0.0),
        ("on", 1.0),
        ("off", 0.0),
        ("1", 1.0),
        ("0", 0.0),
    )
    for word in {base, base.upper(), base.capitalize()}
}


def boolean_values(maths: Any, strings: Any, columns: int) -> Any:
    """yes/no, true/false, t/f, y/n, on/off, 1/0 as 1 and 0; anything else is missing."""
    words = list(_WORDS)
    values = np.array([_WORDS[word] for word in words])
    return maths.string_values(strings, [words] * columns, [values] * columns, [np.nan] * columns)


def category_labels(maths: Any, numbers: Any, truth: bool) -> Any:
    """Numbers as labels: whole ones as written, others with eight significant digits, missing as ""."""
    if truth:
        yes = maths.greatest(maths.abs(maths.sign(numbers)), 0.0)
        index = maths.position(maths.where(maths.is_missing(numbers), 2.0, yes))
        return maths.lookup(np.array(["false", "true", ""], dtype=object), index)
    whole = maths.is_equal(numbers, maths.round(numbers)) & (maths.abs(numbers) < 9e15)
    integers = maths.position(maths.where(whole, numbers, 0.0))
    if isinstance(maths, GraphMaths):
        fractions = maths._node("Cast", numbers, to=TensorProto.STRING)
        labels = maths.string_choice(whole, maths._node("Cast", integers, to=TensorProto.STRING), fractions)
    else:
        labels = np.empty(numbers.shape, dtype=object)
        flat, integer, is_whole = labels.ravel(), integers.ravel(), whole.ravel()
        for index, number in enumerate(numbers.ravel()):
            flat[index] = str(integer[index]) if is_whole[index] else _short(number)
        labels = flat.reshape(numbers.shape)
    return maths.string_choice(maths.is_missing(numbers), np.array("", dtype=object), labels)


def _short(number: float) -> str:
    if np.isinf(number):
        return "INF" if number > 0 else "-INF"
    return f"{number:.8g}"


def parsed_numbers(maths: Any, strings: Any) -> Any:
    """Decimal numbers with a point (`-1.5e3`); anything else is missing."""
    if isinstance(maths, GraphMaths):
        readable = _matches(maths, strings, NUMBER_PATTERN)
        return maths._node("Cast", maths.where(readable, strings, np.array("NaN", dtype=object)), to=TensorProto.DOUBLE)
    pattern = re.compile(NUMBER_PATTERN)
    read = {text: float(text) if pattern.fullmatch(text) else np.nan for text in set(strings.ravel())}
    return _mapped(strings, read)


def parsed_datetimes(maths: Any, strings: Any) -> Any:
    """ISO dates and times in UTC (`2024-03-01`, `2024-03-01T10:20:30Z`) as milliseconds; anything else is missing.

    Fractions of a second are left out.
    """
    readable, groups = _time_groups(maths, strings)
    year, month, day, hour, minute, second = groups
    real = (month >= 1.0) & (month <= 12.0) & (day >= 1.0) & (day <= month_length(maths, year, month))
    real = real & (hour <= 23.0) & (minute <= 59.0) & (second <= 59.0)
    days = days_from_civil(maths, year, month, day)
    milliseconds = days * MS_PER_DAY + (hour * 3600.0 + minute * 60.0 + second) * 1000.0
    return maths.where(readable & real, milliseconds, np.nan)


def _time_groups(maths: Any, strings: Any) -> tuple[Any, list[Any]]:
    """Which strings are times, and their six groups of digits: year, month, day, hour, minute, second."""
    if not isinstance(maths, GraphMaths):
        pattern = re.compile(TIME_PATTERN)
        read = {text: (re.findall("[0-9]+", text) + ["0"] * 6)[:6] for text in set(strings.ravel()) if pattern.fullmatch(text)}
        readable = np.array([text in read for text in strings.ravel()], dtype=bool).reshape(strings.shape)
        table = [read.get(text, ["0"] * 6) for text in strings.ravel()]
        groups = np.array(table, dtype=np.float64).reshape(*strings.shape, 6)
        return readable, [groups[:, :, index] for index in range(6)]
    readable = _matches(maths, strings, TIME_PATTERN)
    times = maths.where(readable, strings, np.array("0-0-0", dtype=object))
    # A date alone has three groups; with this tail every string has at least six.
    longer = maths._node("StringConcat", times, np.array("-0-0-0", dtype=object))
    tokens = GraphTensor(
        maths.graph,
        maths.graph.node(
            "Tokenizer",
            [longer.name],
            domain="com.microsoft",
            mark=0,
            mincharnum=1,
            pad_value="0",
            tokenexp=_DIGITS,
        ),
    )
    return readable, [
        maths._node("Cast", maths._node("Gather", tokens, np.int64(index), axis=2), to=TensorProto.DOUBLE) for index in range(6)
    ]


def _mapped(strings: np.ndarray, values: dict[str, float]) -> np.ndarray:
    return np.array([values[text] for text in strings.ravel()], dtype=np.float64).reshape(strings.shape)


def _matches(maths: GraphMaths, strings: Any, pattern: str) -> GraphTensor:
    maths.graph.require("", 20)
    return maths._node("RegexFullMatch", strings, pattern=pattern)
