"""Raw columns as the numbers that trees read: categories become codes."""

from __future__ import annotations

import numpy as np

from atoll_engines.bring.original import Column
from atoll_engines.recipes import GraphBuilder
from atoll_engines.recipes.graph_maths import GraphMaths, GraphTensor


def emit_features(graph: GraphBuilder, columns: list[Column], codes: dict[str, list[str]], whole: dict[str, list[float]]) -> GraphTensor:
    """float64 [N, columns]: numbers as they are; words by their place in `codes`, numbers by their place in `whole`; NaN for all others."""
    maths = GraphMaths(graph)
    parts, order = [], []
    numbers = [column for column in columns if not column.is_words]
    words = [column for column in columns if column.is_words]
    if numbers:
        values = GraphTensor(graph, "numbers")
        coded = [column for column in numbers if column.name in whole]
        plain = [column for column in numbers if column.name not in whole]
        place = {column.name: at for at, column in enumerate(numbers)}
        if plain:
            parts.append(maths.choose(values, [place[column.name] for column in plain]))
            order.extend(plain)
        for column in coded:
            points = np.array([whole[column.name]], np.float64)
            found = maths.place_of(maths.choose(values, [place[column.name]]), points) - 1.0
            parts.append(maths.where(found < 0.0, np.nan, found))
            order.append(column)
    if words:
        known = [codes[column.name] for column in words]
        values = [np.arange(len(labels), dtype=np.float64) for labels in known]
        parts.append(maths.string_values(GraphTensor(graph, "strings"), known, values, [np.nan] * len(words)))
        order.extend(words)
    joined = maths.concat(parts) if len(parts) > 1 else parts[0]
    at = {column.name: number for number, column in enumerate(order)}
    wanted = [at[column.name] for column in columns]
    return joined if wanted == list(range(len(columns))) else maths.choose(joined, wanted)
