"""The language of derived columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atoll_engines.errors import BadInput
from atoll_engines.recipes import InputColumn
from atoll_engines.recipes.columns import ValueColumns
from atoll_engines.recipes.expressions import ExpressionError, check, column_text, evaluate, names_in, parse

SCHEMA = [
    InputColumn("a", "number"),
    InputColumn("b", "integer"),
    InputColumn("total cost", "number"),
    InputColumn("plan", "category"),
    InputColumn("ß", "number"),
]
FRAME = pd.DataFrame(
    {
        "a": [1.0, -2.0, np.nan, 4.0],
        "b": [2.0, 0.0, 3.0, np.nan],
        "total cost": [10.0, 20.0, 30.0, 40.0],
        "plan": ["yes", "no", None, "yes"],
        "ß": [0.0, 1.0, 2.0, 3.0],
    }
)
NAN = np.nan


def value(expression: str) -> list[float]:
    columns = ValueColumns.read(FRAME, SCHEMA)
    tree = parse(expression)
    check(tree, columns.types)
    with np.errstate(all="ignore"):
        return list(np.broadcast_to(evaluate(tree, columns), (4, 1))[:, 0])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a + b * 2", [5, -2, NAN, NAN]),
        ("(a + b) * 2", [6, -4, NAN, NAN]),
        ("10 - a - 1", [8, 11, NAN, 5]),
        ("8 / a / 2", [4, -2, NAN, 1]),
        ("a / b", [0.5, NAN, NAN, NAN]),
        ("-a", [-1, 2, NAN, -4]),
        ("2 - -a", [3, 0, NAN, 6]),
        ("a + ß + `total cost`", [11, 19, NAN, 47]),
        ("1.5e1 + .5 * a", [15.5, 14, NAN, 17]),
        ("a > 0", [1, 0, NAN, 1]),
        ("a >= 1", [1, 0, NAN, 1]),
        ("0 < a", [1, 0, NAN, 1]),
        ("a == b", [0, 0, NAN, NAN]),
        ("a != -2", [1, 0, NAN, 1]),
        ("min(a, b, 1)", [1, -2, NAN, NAN]),
        ("max(a, 0)", [1, 0, NAN, 4]),
        ("abs(a)", [1, 2, NAN, 4]),
        ("sqrt(a)", [1, NAN, NAN, 2]),
        ("log(a)", [0, NAN, NAN, np.log(4)]),
        ("log1p(a)", [np.log(2), NAN, NAN, np.log(5)]),
        ("if(a > 0, b, -1)", [2, -1, NAN, NAN]),
        ("is_missing(a)", [0, 0, 1, 0]),
        ("is_missing(plan)", [0, 0, 1, 0]),
        ("coalesce(a, b, 0)", [1, -2, 3, 4]),
        ("coalesce(b, 0)", [2, 0, 3, 0]),
        ('plan == "yes"', [1, 0, NAN, 1]),
        ("'yes' != plan", [0, 1, NAN, 0]),
        ("if(is_missing(plan), 0, a)", [1, -2, 0, 4]),
    ],
)
def test_evaluates(expression, expected):
    np.testing.assert_array_equal(value(expression), np.array(expected, dtype=float))


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "The expression is empty."),
        ("a +", "Position 4: a number, a column or a bracket was expected, but the expression ends."),
        ("a b", 'Position 3: an operator was expected, but there is "b".'),
        ("(a + b", 'Position 7: ")" was expected, but the expression ends.'),
        ("a = b", 'Position 3: "=" has no meaning here. Compare with "==".'),
        ("a ? b", 'Position 3: "?" has no meaning here.'),
        ("a < b < 3", 'Position 7: an operator was expected, but there is "<".'),
        ("aa + 1", 'Position 1: there is no column "aa". Did you mean "a"?'),
        ("1 + `total costs`", 'Position 5: there is no column "total costs". Did you mean "total cost"?'),
        ("sqr(a)", 'Position 1: there is no function "sqr". Did you mean "sqrt"?'),
        ("if(a, b)", "Position 1: if() takes 3 arguments, and 2 are given."),
        ("min(a)", "Position 1: min() takes 2 or more arguments, and 1 are given."),
        (
            "plan + 1",
            'Position 1: column "plan" is of type category and '
            'can only be compared with a text, as in plan == "…", or be asked is_missing().',
        ),
        ("a == 'x'", 'Position 3: column "a" holds numbers and is compared with a text.'),
        ("a + 'x'", 'Position 5: the text "x" can only be compared with a category (== or !=).'),
        ("1 + 2", "The expression reads no column, so it would be the same for every row."),
    ],
)
def test_a_mistake_is_told_with_its_place(expression, sentence):
    with pytest.raises(ExpressionError) as caught:
        value(expression)
    assert caught.value.message == sentence
    assert isinstance(caught.value, BadInput)


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "a; b",
        "lambda: a",
        "a if a else b",
        "[a for a in b]",
        "f'{a}'",
        "a ** 9 ** 9 ** 9",
        "exec('a')",
        "a\n\x00",
    ],
)
def test_python_is_not_a_language_it_knows(attack):
    with pytest.raises(ExpressionError):
        value(attack)


@pytest.mark.parametrize(
    "bomb", ["(" * 5000 + "a" + ")" * 5000, "a" + "+a" * 5000, "-" * 3900 + "a" * 200, "abs(" * 900 + "a" + ")" * 900, "a" * 5000]
)
def test_expressions_too_large_are_refused_not_run(bomb):
    with pytest.raises(ExpressionError):
        value(bomb)


def test_random_text_never_does_more_than_fail_with_a_sentence():
    random = np.random.default_rng(5)
    pieces = [
        "a",
        "b",
        "plan",
        "`total cost`",
        "+",
        "-",
        "*",
        "/",
        "(",
        ")",
        ",",
        "==",
        "<",
        "if",
        "min",
        "is_missing",
        "coalesce",
        "1",
        ".5",
        "'yes'",
        " ",
        "`",
        "é",
    ]
    for _ in range(3000):
        text = "".join(random.choice(pieces, random.integers(1, 12)))
        try:
            assert len(value(text)) == 4
        except ExpressionError as mistake:
            assert mistake.message.endswith((".", "?"))


def test_names_are_written_so_that_they_are_read_back():
    for name in ["a", "total cost", "min", "2nd", "Größe", "a-b", "back`tick", "`", "``a``", 'say "so"']:
        assert names_in(parse(column_text(name) + " + 0")) == [name]
