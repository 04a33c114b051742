"""New columns from old ones: expressions, ratios, products and powers."""

from abc import abstractmethod
from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

from ..columns import Columns, ValueColumns
from ..expressions import ExpressionError, check, column_text, evaluate, names_in, parse
from ..step import FitContext, Step

_NUMBERS = frozenset({"number", "integer", "boolean"})
# More products than this is a mistake rather than a wish.
_MOST_PRODUCTS = 2000


class Derive(Step):
    """A new column from an expression."""

    step = "derive"
    accepts = _NUMBERS

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        self.name = self.parameters["name"]
        if not self.name:
            raise self.error('the parameter "name" must not be empty')
        try:
            self.expression = parse(self.parameters["expression"])
            check(self.expression, columns.types)
        except ExpressionError as mistake:
            raise self.error(
                f'in the expression of "{self.name}": {mistake.message[0].lower()}{mistake.message[1:]}', **mistake.facts
            ) from mistake
        self.columns = names_in(self.expression)
        if self.name not in self.columns:
            self.refuse_taken(columns, [self.name])

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        if wanted is None or self.name in wanted:
            columns.put([self.name], "number", evaluate(self.expression, columns))

    def origins(self, output: str) -> Sequence[str]:
        return self.columns if output == self.name else [output]

    def summary(self) -> dict[str, Any]:
        return {"name": self.name, "expression": self.parameters["expression"]}


class Ratio(Derive):
    """A new column numerator / denominator, missing where the denominator is zero."""

    step = "ratio"

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        top, bottom = self.parameters["numerator"], self.parameters["denominator"]
        self.need(columns, top)
        self.need(columns, bottom)
        self.parameters["name"] = self.parameters["name"] or f"{top}_per_{bottom}"
        self.parameters["expression"] = f"{column_text(top)} / {column_text(bottom)}"
        super().fit(columns, context)


class _Products(Step):
    accepts = _NUMBERS

    @abstractmethod
    def groups(self, degree: int) -> list[tuple[str, ...]]:
        ...

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.products = {_product_name(group): group for group in self.groups(int(self.parameters["degree"]))}
        if len(self.products) > _MOST_PRODUCTS:
            raise self.error(
                f"{len(self.columns)} columns to degree {self.parameters['degree']} make {len(self.products)} new ones; "
                f"{_MOST_PRODUCTS} is the most. Name fewer columns"
            )
        self.refuse_taken(columns, list(self.products))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        by_length: dict[int, list[str]] = {}
        for name, group in self.products.items():
            if wanted is None or name in wanted:
                by_length.setdefault(len(group), []).append(name)
        for length, names in by_length.items():
            used = list(dict.fromkeys(column for name in names for column in self.products[name]))
            numbers = columns.numbers(used)
            result = None
            for place in range(length):
                factor = columns.maths.choose(numbers, [used.index(self.products[name][place]) for name in names])
                result = factor if result is None else result * factor
            columns.put(names, "number", result)

    def origins(self, output: str) -> Sequence[str]:
        return list(dict.fromkeys(self.products[output])) if output in self.products else [output]

    def summary(self) -> dict[str, Any]:
        return {"products": list(self.products)[:200]}


class Interact(_Products):
    """Products of different columns."""

    step = "interact"

    def groups(self, degree: int) -> list[tuple[str, ...]]:
        return [group for size in range(2, degree + 1) for group in combinations(self.columns, size)]


class Polynomial(_Products):
    """Powers and products of columns."""

    step = "polynomial"

    def groups(self, degree: int) -> list[tuple[str, ...]]:
        return [group for size in range(2, degree + 1) for group in combinations_with_replacement(self.columns, size)]


def _product_name(group: tuple[str, ...]) -> str:
    powers = {name: group.count(name) for name in dict.fromkeys(group)}
    return "*".join(name if power == 1 else f"{name}^{power}" for name, power in powers.items())
