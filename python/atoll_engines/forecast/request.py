"""What a forecast job asks for, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from atoll_engines.contract import Job
from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.data import TableFiles

METRICS = ("mase", "quantile_loss", "coverage_80", "mae", "rmse", "smape")
LOWER_IS_BETTER = frozenset(METRICS) - {"coverage_80"}
MOST_HORIZON = 400
MOST_CONTEXT = 2000


@dataclass(frozen=True)
class Request:
    """A forecast of `horizon` steps of the target from its last `context` values."""

    target: str
    time_column: str
    series_column: str | None
    known: tuple[str, ...]
    horizon: int
    season: int | None
    context: int | None
    metric: str
    folds: int
    algorithms: tuple[str, ...]
    space: dict[str, dict[str, Any]]
    trials: int | None
    seconds: float | None


def read_request(job: Job, table: TableFiles) -> Request:
    parameters = job.parameters
    options = dict(parameters.get("options") or {})
    target = parameters.get("target")
    column = table.column(target) if target else None
    if column is None:
        raise BadInput(f'There is no column "{target}" to forecast.', column=target)
    if column.type not in ("number", "integer", "boolean"):
        raise BadInput(f'The target "{target}" holds {column.type} values; a forecast needs numbers.', column=target)
    time_column = options.pop("timeColumn", None) or only_time(table)
    if (one := table.column(time_column)) is None or one.type != "datetime":
        raise BadInput(f'The time column "{time_column}" is no column of dates of this data set.', column=time_column)
    series_column = options.pop("seriesColumn", None)
    if series_column is not None and table.column(series_column) is None:
        names = [one.name for one in table.columns]
        raise BadInput(f'There is no column "{series_column}". {what_exists(series_column, names, "columns")}', column=series_column)
    known = tuple(options.pop("knownColumns", None) or ())
    for name in known:
        one = table.column(name)
        if one is None or one.type not in ("number", "integer", "boolean"):
            raise BadInput(f'"{name}" is no column of numbers, so its values in the future cannot be read.', column=name)
    metric = parameters.get("metric") or "mase"
    if metric not in METRICS:
        raise BadInput(f'A forecast is not measured by "{metric}"; there are: {", ".join(METRICS)}.', metric=metric)
    horizon = whole(options.pop("horizon", 14), "horizon", 1, MOST_HORIZON)
    season = options.pop("season", None)
    context = options.pop("context", None)
    folds = whole(options.pop("folds", 4), "folds", 1, 20)
    for ours in ("parityRows", "runtime", "seconds"):
        options.pop(ours, None)
    if options:
        raise BadInput(
            f'There is no option "{next(iter(options))}"; a forecast has timeColumn, seriesColumn, knownColumns, horizon, '
            "season, context and folds.",
            option=next(iter(options)),
        )
    search = parameters.get("search") or {}
    return Request(
        target=target,
        time_column=time_column,
        series_column=series_column,
        known=known,
        horizon=horizon,
        season=None if season is None else whole(season, "season", 1, MOST_CONTEXT // 2),
        context=None if context is None else whole(context, "context", 1, MOST_CONTEXT),
        metric=metric,
        folds=folds,
        algorithms=tuple(parameters.get("algorithms") or ("auto",)),
        space=search.get("space") or {},
        trials=search.get("trials"),
        seconds=search.get("budgetSeconds"),
    )


def only_time(table: TableFiles) -> str:
    dates = [one.name for one in table.columns if one.type == "datetime"]
    if len(dates) == 1:
        return dates[0]
    raise BadInput(
        "A forecast needs a column of dates, and this data set has none."
        if not dates
        else f"Say which column is the time of a row (options.timeColumn): {', '.join(dates)}.",
        option="timeColumn",
    )


def whole(value: Any, name: str, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(f"The option {name} is {value!r}; it must be a whole number from {low} to {high}.", option=name)
    return value
