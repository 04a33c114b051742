"""What a request asks of ensembles: which of them, of which members, under which meta model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.errors import BadInput
from atoll_engines.tabular.algorithms import ALGORITHMS, chosen_algorithms, find_algorithm
from atoll_engines.tabular.algorithms.bagging import bagging_of
from atoll_engines.tabular.algorithms.model import Algorithm
from atoll_engines.tabular.ensembles.registry import ENSEMBLES, USUAL_MEMBERS
from atoll_engines.tabular.request import Request

USUAL_META = {"binary": "logistic_regression", "multiclass": "logistic_regression", "regression": "ridge"}


@dataclass(frozen=True)
class Plan:
    """The search's algorithms, and what comes of them."""

    searched: list[Algorithm]
    # Ensembles asked for by name; with none, and `auto`, a blend is tried at the end.
    kinds: list[str]
    is_auto: bool
    # Single algorithms that were asked for, and so may win by themselves.
    singles: frozenset[str]
    # Members with their parameters as a former training settled them; there is then no search.
    fixed: list[dict[str, Any]] | None
    meta: Algorithm | None
    meta_params: dict[str, Any]
    reads_raw: bool


def read_plan(request: Request, known: dict[str, Algorithm] = ALGORITHMS) -> Plan:
    """Read the request; an ensemble of nothing, or of ensembles, is refused."""
    kinds = [name for name in dict.fromkeys(request.algorithms) if name in ENSEMBLES]
    named = [name for name in request.algorithms if name not in ENSEMBLES]
    asked = request.options.get("members")
    if asked is not None and not kinds and "auto" not in named:
        raise BadInput(
            f"options.members names the members of an ensemble; ask for one: {', '.join(ENSEMBLES)}.", parameter="members"
        )
    members = member_names(asked, request.task)
    fixed = fixed_members(request, kinds)
    if fixed is not None:
        searched = [known["baseline"]]
    elif kinds:
        # Two algorithms or more named beside an ensemble are its members; else the usual ones are.
        usual = [] if "auto" in named or len(named) > 1 else list(USUAL_MEMBERS[request.task])
        searched = chosen_algorithms([*named, *(members or usual)], request.task)
    else:
        searched = chosen_algorithms([*named, *members], request.task)
    name = request.options.get("meta") or USUAL_META[request.task]
    meta = find_algorithm(name, request.task) if "stacking" in kinds else None
    if meta is not None and (meta.is_ensemble or meta.family is None):
        raise BadInput(
            f"{meta.title} cannot be the meta model of a stack; take a model that learns, such as {USUAL_META[request.task]}.",
            parameter="meta",
        )
    searched = [with_base(one, request) for one in searched]
    reads_raw = request.options.get("passthrough")
    return Plan(
        searched=searched,
        kinds=kinds,
        is_auto="auto" in request.algorithms and not kinds,
        singles=frozenset(one.name for one in chosen_algorithms(named, request.task) if named and one.name != "baseline"),
        fixed=fixed,
        meta=meta,
        meta_params=(request.search.get("space") or {}).get("meta") or {},
        # A network is given the table too: it can learn where to trust which member.
        reads_raw=bool(reads_raw) if reads_raw is not None else bool(meta and meta.runtime != "tabular"),
    )


def with_base(algorithm: Algorithm, request: Request) -> Algorithm:
    """Bagging of the base that options.base names."""
    name = request.options.get("base")
    if algorithm.name != "bagging" or name is None:
        return algorithm
    base = find_algorithm(name, request.task)
    if base.is_ensemble or base.family is None or base.name == "bagging":
        raise BadInput(
            f'options.base is "{name}", which cannot be fitted on samples of the rows; name a single algorithm.', parameter="base"
        )
    return bagging_of(base)


def member_names(asked: Any, task: str) -> list[str]:
    if asked is None:
        return []
    if not isinstance(asked, list) or not asked or not all(isinstance(name, str) for name in asked):
        raise BadInput("options.members is a list of algorithms, such as [\"lightgbm\", \"random_forest\"].", parameter="members")
    for name in asked:
        if name in (*ENSEMBLES, "auto", "baseline"):
            raise BadInput(f'"{name}" cannot be a member of an ensemble; name single algorithms.', parameter="members")
        find_algorithm(name, task)
    return asked


def fixed_members(request: Request, kinds: list[str]) -> list[dict[str, Any]] | None:
    """Members given with their parameters, as the record of an ensemble lists them."""
    for kind in kinds:
        members = ((request.search.get("space") or {}).get(kind) or {}).get("members")
        if isinstance(members, list):
            for one in members:
                find_algorithm(one["algorithm"], request.task)
            return members
    return None
