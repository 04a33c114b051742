"""Lists of rows that lie together: an index that answers which rows are nearest by looking at a small part of them.

An inverted file (Jégou et al. 2011): k-means divides the rows, a request is compared with the lists' centres, then with the
rows of the nearest lists. How many lists are looked at is settled on the rows themselves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, helper

from atoll_engines.onnx_models import outputs

if TYPE_CHECKING:
    from atoll_engines.recipes.graph import GraphBuilder

# The share of the true nearest rows that the index must find.
RECALL = 0.98
ASKED_ROWS = 400
CENTRES_FROM = 100_000
# Equal distances go by position: the key of a distance grows by so little with it that no unequal ones change places.
PER_POSITION, LEAST = 2.0**-46, 1e-35


class NeighbourLists:
    """The rows (float32, none missing) in lists of about the square root of their number."""

    def __init__(self, points: np.ndarray, count: int, seed: int) -> None:
        self.points, self.count = points.astype(np.float32), count
        self.norms = np.sum(points.astype(np.float64) ** 2, axis=1)
        self.lists = divided(points, seed)
        self.centres = np.stack([points[rows].astype(np.float64).mean(axis=0) for rows in self.lists])
        self.centre_norms = np.sum(self.centres**2, axis=1)
        self.probes = self._settle(seed)

    def nearest(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions of the `count` nearest rows found, and their squared distances as float32."""
        rows = rows.astype(np.float64)
        apart = self.centre_norms - 2 * (rows @ self.centres.T)
        looked_at = np.argsort(apart, axis=1, kind="stable")[:, : self.probes]
        best = np.full((len(rows), self.count), np.iinfo(np.uint64).max, np.uint64)
        order = np.argsort(looked_at, axis=None, kind="stable")
        askers, edges = order // self.probes, np.searchsorted(looked_at.ravel()[order], np.arange(len(self.lists) + 1))
        squares = np.sum(rows**2, axis=1)
        for number, members in enumerate(self.lists):
            who = askers[edges[number] : edges[number + 1]]
            if not len(who):
                continue
            distances = self.norms[members] - 2 * (rows[who] @ self.points[members].astype(np.float64).T) + squares[who, None]
            keys = np.maximum(distances, 0).astype(np.float32).view(np.uint32).astype(np.uint64) << np.uint64(32)
            joined = np.hstack([best[who], keys | members.astype(np.uint64)])
            best[who] = np.partition(joined, self.count - 1, axis=1)[:, : self.count]
        best.sort(axis=1)
        return (best & np.uint64(0xFFFFFFFF)).astype(np.int64), (best >> np.uint64(32)).astype(np.uint32).view(np.float32)

    def _settle(self, seed: int) -> int:
        """How many lists must be looked at to find nearly all of the true nearest rows."""
        smallest = np.cumsum(np.sort([len(rows) for rows in self.lists]))
        least = int(np.searchsorted(smallest, self.count)) + 1
        asked = np.random.default_rng(seed).choice(len(self.points), min(ASKED_ROWS, len(self.points)), replace=False)
        rows = self.points[asked].astype(np.float64)
        exact = self.norms - 2 * (rows @ self.points.astype(np.float64).T)
        true = np.argpartition(exact, self.count - 1, axis=1)[:, : self.count]
        self.probes = min(len(self.lists), max(4, least))
        while self.probes < len(self.lists):
            found, _ = self.nearest(rows)
            recall = np.mean([len(np.intersect1d(a, b)) / self.count for a, b in zip(found, true, strict=True)])
            if recall >= RECALL:
                break
            self.probes = min(len(self.lists), math.ceil(self.probes * 1.5))
        return self.probes

    def emit(self, graph: GraphBuilder, rows: str) -> tuple[str, str]:
        """Positions [N, count] and float32 squared distances [N, count] of float64 rows [N, features]."""
        longest = max(len(members) for members in self.lists)
        # Lists are filled up with a row that is infinitely far from everything.
        nobody = len(self.points)
        table = np.full((len(self.lists), longest), nobody, np.int64)
        for number, members in enumerate(self.lists):
            table[number, : len(members)] = members
        points = np.vstack([self.points, np.zeros((1, self.points.shape[1]), np.float32)])
        names = {
            "table": graph.constant(table, np.int64),
            "points": graph.constant(points, np.float32),
            "norms": graph.constant(np.append(self.norms, np.inf), np.float64),
            "centres": graph.constant(-2 * self.centres, np.float64),
            "centre_norms": graph.constant(self.centre_norms, np.float64),
            "probes": graph.constant([self.probes], np.int64),
            "count": graph.constant([self.count], np.int64),
            "flat": graph.constant([-1], np.int64),
            "two": graph.constant(-2.0, np.float64),
            "nothing": graph.constant(0.0, np.float64),
            "least": graph.constant(LEAST, np.float64),
            "one": graph.constant(1.0, np.float64),
            "per_position": graph.constant(PER_POSITION, np.float64),
        }
        steps = [
            ("MatMul", ["centres", "row"], ["towards"], {}),
            ("Add", ["centre_norms", "towards"], ["apart"], {}),
            ("TopK", ["apart", "probes"], ["probed_apart", "probed"], {"largest": 0, "sorted": 1}),
            ("Gather", ["table", "probed"], ["found"], {"axis": 0}),
            ("Reshape", ["found", "flat"], ["candidates"], {}),
            ("Gather", ["points", "candidates"], ["there"], {"axis": 0}),
            ("Cast", ["there"], ["wide"], {"to": outputs.DOUBLE}),
            ("MatMul", ["wide", "row"], ["product"], {}),
            ("Mul", ["product", "two"], ["twice"], {}),
            ("Gather", ["norms", "candidates"], ["own"], {"axis": 0}),
            ("Add", ["own", "twice"], ["half"], {}),
            ("ReduceSumSquare", ["row"], ["square"], {"keepdims": 0}),
            ("Add", ["half", "square"], ["raw"], {}),
            ("Max", ["raw", "nothing"], ["positive"], {}),
            ("Cast", ["positive"], ["distance"], {"to": outputs.FLOAT}),
            ("Cast", ["distance"], ["rounded"], {"to": outputs.DOUBLE}),
            ("Max", ["rounded", "least"], ["above"], {}),
            ("Cast", ["candidates"], ["position"], {"to": outputs.DOUBLE}),
            ("Mul", ["position", "per_position"], ["little"], {}),
            ("Add", ["little", "one"], ["more"], {}),
            ("Mul", ["above", "more"], ["key"], {}),
            ("TopK", ["key", "count"], ["keys", "which"], {"largest": 0, "sorted": 1}),
            ("Gather", ["candidates", "which"], ["nearest"], {"axis": 0}),
            ("Gather", ["distance", "which"], ["distances"], {"axis": 0}),
        ]
        own = {name for _, _, made, _ in steps for name in made} | {"row"}
        inner = {name: graph.fresh(f"near_{name}") for name in sorted(own)}
        nodes = [
            helper.make_node(op, [inner.get(name) or names[name] for name in read], [inner[name] for name in made], **attributes)
            for op, read, made, attributes in steps
        ]
        body = helper.make_graph(
            nodes,
            "nearest",
            [helper.make_tensor_value_info(inner["row"], TensorProto.DOUBLE, [self.points.shape[1]])],
            [
                helper.make_tensor_value_info(inner["nearest"], TensorProto.INT64, [self.count]),
                helper.make_tensor_value_info(inner["distances"], TensorProto.FLOAT, [self.count]),
            ],
        )
        # Row by row: the candidates of many rows at once would not fit.
        positions, distances = graph.node("Scan", [rows], outputs=2, body=body, num_scan_inputs=1)
        return positions, distances


def divided(points: np.ndarray, seed: int) -> list[np.ndarray]:
    """Rows by list, in order; a list much longer than the others is halved until it is not."""
    from sklearn.cluster import MiniBatchKMeans

    wanted = max(2, round(math.sqrt(len(points))))
    random = np.random.default_rng(seed)
    sample = points if len(points) <= CENTRES_FROM else points[np.sort(random.choice(len(points), CENTRES_FROM, replace=False))]
    means = MiniBatchKMeans(wanted, random_state=seed, n_init=1, batch_size=4096, max_iter=20).fit(sample)
    label = means.predict(points)
    lists = [np.flatnonzero(label == number) for number in range(wanted)]
    most = 2 * math.ceil(len(points) / wanted)
    done: list[np.ndarray] = []
    while lists:
        rows = lists.pop()
        if len(rows) <= most:
            done.extend([rows] if len(rows) else [])
            continue
        # Along the direction in which it is longest; equal rows, however many, are cut by position.
        inside = points[rows].astype(np.float64)
        axis = int(np.argmax(inside.var(axis=0)))
        order = np.argsort(inside[:, axis], kind="stable")
        middle = len(rows) // 2
        lists.extend([np.sort(rows[order[:middle]]), np.sort(rows[order[middle:]])])
    return done
