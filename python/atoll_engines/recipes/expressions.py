"""The language of derived columns: our own tokens, grammar and evaluation; nothing is ever run as Python.

    comparison := sum (("==" | "!=" | "<" | "<=" | ">" | ">=") sum)?
    sum        := product (("+" | "-") product)*
    product    := unary (("*" | "/") unary)*
    unary      := "-" unary | atom
    atom       := number | "text" | name | `name` | function "(" comparison ("," comparison)* ")" | "(" comparison ")"

A missing value makes the result missing, except in `coalesce`, `is_missing` and the branch that `if` does not take.
Division by zero, the logarithm of what has none and the root of a negative number are missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import BadInput, what_exists
from .columns import Columns
from .raw import STRING_TYPES

# name -> least and most arguments
FUNCTIONS = {
    "min": (2, 20),
    "max": (2, 20),
    "abs": (1, 1),
    "log": (1, 1),
    "log1p": (1, 1),
    "sqrt": (1, 1),
    "if": (3, 3),
    "is_missing": (1, 1),
    "coalesce": (2, 20),
}
_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
_MOST_DEPTH, _MOST_TOKENS, _MOST_CHARACTERS = 40, 300, 4000
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<number>(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?)|(?P<quoted>`(?:[^`]|``)*`)"
    r"|(?P<text>\"[^\"]*\"|'[^']*')|(?P<name>[^\W\d]\w*)|(?P<sign>==|!=|<=|>=|[-+*/<>(),])"
)


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Text:
    value: str
    position: int


@dataclass(frozen=True)
class Name:
    name: str
    position: int


@dataclass(frozen=True)
class Call:
    """An operator or function with its arguments."""

    operation: str
    arguments: tuple["Node", ...]
    position: int


Node = Number | Text | Name | Call


class ExpressionError(BadInput):
    """A mistake in an expression, with its place (from 1)."""


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    position: int


def parse(source: str) -> Node:
    """The expression as a tree; a mistake is told with its position."""
    if len(source) > _MOST_CHARACTERS:
        raise ExpressionError(f"The expression has {len(source)} characters; {_MOST_CHARACTERS} is the most.", position=_MOST_CHARACTERS)
    tokens = list(_tokens(source))
    if len(tokens) > _MOST_TOKENS:
        raise ExpressionError(f"The expression has more than {_MOST_TOKENS} parts.", position=tokens[_MOST_TOKENS].position)
    return _Parser(tokens).whole()


def names_in(node: Node) -> list[str]:
    """The columns that an expression reads, each once, in order."""
    if isinstance(node, Name):
        return [node.name]
    if isinstance(node, Call):
        return list(dict.fromkeys(name for argument in node.arguments for name in names_in(argument)))
    return []


def check(node: Node, types: dict[str, str]) -> None:
    """Refuses unknown columns, labels used as numbers, and expressions that read no column."""
    _check_number(node, types)
    if not names_in(node):
        raise ExpressionError("The expression reads no column, so it would be the same for every row.", position=1)


def evaluate(node: Node, columns: Columns) -> Any:
    """The expression over the columns, as a matrix with one column."""
    return _evaluate(node, columns)


def column_text(name: str) -> str:
    """A column's name as an expression writes it."""
    return name if re.fullmatch(r"[^\W\d]\w*", name) and name not in FUNCTIONS else f"`{name.replace('`', '``')}`"


def _tokens(source: str) -> Iterator[Token]:
    place = 0
    while place < len(source):
        match = _TOKEN.match(source, place)
        if match is None:
            hint = ' Compare with "==".' if source[place] == "=" else ""
            raise ExpressionError(f'Position {place + 1}: "{source[place]}" has no meaning here.{hint}', position=place + 1)
        if match.lastgroup != "space":
            kind = next(kind for kind in ("number", "quoted", "text", "name", "sign") if match.group(kind) is not None)
            yield Token(kind, match.group(), place + 1)
        place = match.end()
    yield Token("end", "the end", len(source) + 1)


class _Parser:
    def __init__(self, tokens: list[Token]):
        self.tokens, self.place, self.depth = tokens, 0, 0

    @property
    def token(self) -> Token:
        return self.tokens[self.place]

    def next(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def whole(self) -> Node:
        if self.token.kind == "end":
            raise ExpressionError("The expression is empty.", position=1)
        node = self.comparison()
        if self.token.kind != "end":
            raise self.unexpected("an operator")
        return node

    def comparison(self) -> Node:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise ExpressionError(
                f"Position {self.token.position}: the expression is nested more than {_MOST_DEPTH} deep.", position=self.token.position
            )
        node = self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.unary))
        if self.token.kind == "sign" and self.token.text in _COMPARISONS:
            sign = self.next()
            right = self.chain(("+", "-"), lambda: self.chain(("*", "/"), self.unary))
            node = Call(sign.text, (node, right), sign.position)
        self.depth -= 1
        return node

    def chain(self, signs: tuple[str, ...], part: Any) -> Node:
        node = part()
        while self.token.kind == "sign" and self.token.text in signs:
            sign = self.next()
            node = Call(sign.text, (node, part()), sign.position)
        return node

    def unary(self) -> Node:
        minus = 0
        while self.token.kind == "sign" and self.token.text == "-":
            self.next()
            minus += 1
        node = self.atom()
        return Call("-", (Number(0.0), node), self.token.position) if minus % 2 else node

    def atom(self) -> Node:
        token = self.next()
        if token.kind == "number":
            return Number(float(token.text))
        if token.kind == "text":
            return Text(token.text[1:-1], token.position)
        if token.kind == "quoted":
            return Name(token.text[1:-1].replace("``", "`"), token.position)
        if token.kind == "name":
            if self.token.kind == "sign" and self.token.text == "(":
                return self.call(token)
            return Name(token.text, token.position)
        if token.kind == "sign" and token.text == "(":
            node = self.comparison()
            self.expect(")")
            return node
        self.place -= 1
        raise self.unexpected("a number, a column or a bracket")

    def call(self, name: Token) -> Node:
        if name.text not in FUNCTIONS:
            raise ExpressionError(
                f'Position {name.position}: there is no function "{name.text}". {what_exists(name.text, FUNCTIONS, "functions")}',
                position=name.position,
            )
        self.next()
        arguments = [self.comparison()]
        while self.token.text == "," and self.token.kind == "sign":
            self.next()
            arguments.append(self.comparison())
        self.expect(")")
        least, most = FUNCTIONS[name.text]
        if not least <= len(arguments) <= most:
            wants = str(least) if least == most else f"{least} or more"
            raise ExpressionError(
                f"Position {name.position}: {name.text}() takes {wants} arguments, and {len(arguments)} are given.", position=name.position
            )
        return Call(name.text, tuple(arguments), name.position)

    def expect(self, sign: str) -> None:
        if self.token.kind != "sign" or self.token.text != sign:
            raise self.unexpected(f'"{sign}"')
        self.next()

    def unexpected(self, wanted: str) -> ExpressionError:
        token = self.token
        found = "the expression ends" if token.kind == "end" else f'there is "{token.text}"'
        return ExpressionError(f"Position {token.position}: {wanted} was expected, but {found}.", position=token.position)


def _check_number(node: Node, types: dict[str, str]) -> None:
    if isinstance(node, Text):
        raise ExpressionError(
            f'Position {node.position}: the text "{node.value}" can only be compared with a category (== or !=).', position=node.position
        )
    if isinstance(node, Name):
        kind = _kind(node, types)
        if kind in STRING_TYPES:
            raise ExpressionError(
                f'Position {node.position}: column "{node.name}" is of type {kind} and can only be compared with a text, as in '
                f'{column_text(node.name)} == "…", or be asked is_missing().',
                position=node.position,
                column=node.name,
            )
    if isinstance(node, Call):
        if _label_comparison(node) is not None:
            name, _ = _label_comparison(node)
            if _kind(name, types) not in STRING_TYPES:
                raise ExpressionError(
                    f'Position {node.position}: column "{name.name}" holds numbers and is compared with a text.',
                    position=node.position,
                    column=name.name,
                )
            return
        if node.operation == "is_missing" and isinstance(node.arguments[0], Name):
            _kind(node.arguments[0], types)
            return
        for argument in node.arguments:
            _check_number(argument, types)


def _kind(node: Name, types: dict[str, str]) -> str:
    if node.name not in types:
        raise ExpressionError(
            f'Position {node.position}: there is no column "{node.name}". {what_exists(node.name, types)}',
            position=node.position,
            column=node.name,
        )
    return types[node.name]


def _label_comparison(node: Call) -> tuple[Name, str] | None:
    """Column and text of `column == "text"` (either way round)."""
    if node.operation not in ("==", "!="):
        return None
    left, right = node.arguments
    if isinstance(left, Text) and isinstance(right, Name):
        left, right = right, left
    return (left, right.value) if isinstance(left, Name) and isinstance(right, Text) else None


def _evaluate(node: Node, columns: Columns) -> Any:
    maths = columns.maths
    if isinstance(node, Number):
        return np.float64(node.value)
    if isinstance(node, Name):
        return columns.numbers([node.name])
    compared = _label_comparison(node)
    if compared is not None:
        name, text = compared
        same, other = (1.0, 0.0) if node.operation == "==" else (0.0, 1.0)
        vocabulary, values = ([text, ""], [same, np.nan]) if text else ([""], [same])
        return maths.string_values(columns.strings([name.name]), [vocabulary], [np.array(values)], [other])
    if node.operation == "is_missing":
        return _is_missing(node.arguments[0], columns)
    summed = _plain_sum(node)
    if summed is not None:
        return maths.row_sum(columns.numbers(summed))
    values = [_evaluate(argument, columns) for argument in node.arguments]
    return _OPERATIONS[node.operation](maths, *values) if node.operation not in _COMPARISONS else _compare(maths, node.operation, *values)


def _plain_sum(node: Call) -> list[str] | None:
    """The columns of a + b + c + …, which one operation can add up."""
    names: list[str] = []
    current: Node = node
    while isinstance(current, Call) and current.operation == "+" and isinstance(current.arguments[1], Name):
        names.append(current.arguments[1].name)
        current = current.arguments[0]
    if not isinstance(current, Name) or len(names) < 2:
        return None
    names.append(current.name)
    return names[::-1]


def _is_missing(node: Node, columns: Columns) -> Any:
    maths = columns.maths
    if isinstance(node, Name) and columns.types[node.name] in STRING_TYPES:
        return maths.string_values(columns.strings([node.name]), [[""]], [np.ones(1)], [0.0])
    return maths.number(maths.is_missing(_evaluate(node, columns)))


def _compare(maths: Any, sign: str, left: Any, right: Any) -> Any:
    truth = {
        "==": lambda: maths.is_equal(left, right),
        "!=": lambda: maths.invert(maths.is_equal(left, right)),
        "<": lambda: left < right,
        "<=": lambda: left <= right,
        ">": lambda: left > right,
        ">=": lambda: left >= right,
    }[sign]()
    result = maths.number(truth)
    for side in (left, right):
        if not isinstance(side, np.float64):
            result = maths.where(maths.is_missing(side), np.nan, result)
    return result


def _divide(maths: Any, left: Any, right: Any) -> Any:
    return left / maths.where(maths.is_equal(right, 0.0), np.nan, right)


def _positive(maths: Any, x: Any) -> Any:
    return maths.where(x > 0.0, x, np.nan)


def _if(maths: Any, condition: Any, yes: Any, no: Any) -> Any:
    chosen = maths.where(maths.is_equal(condition, 0.0), no, yes)
    return maths.where(maths.is_missing(condition), np.nan, chosen)


def _fold(operation: str) -> Any:
    def folded(maths: Any, first: Any, *others: Any) -> Any:
        for other in others:
            first = getattr(maths, operation)(first, other)
        return first

    return folded


def _coalesce(maths: Any, first: Any, *others: Any) -> Any:
    for other in others:
        first = maths.where(maths.is_missing(first), other, first)
    return first


_OPERATIONS = {
    "+": lambda maths, a, b: a + b,
    "-": lambda maths, a, b: a - b,
    "*": lambda maths, a, b: a * b,
    "/": _divide,
    "min": _fold("least"),
    "max": _fold("greatest"),
    "abs": lambda maths, x: maths.abs(x),
    "log": lambda maths, x: maths.log(_positive(maths, x)),
    "log1p": lambda maths, x: maths.log(_positive(maths, x + 1.0)),
    "sqrt": lambda maths, x: maths.sqrt(x),
    "if": _if,
    "coalesce": _coalesce,
}
