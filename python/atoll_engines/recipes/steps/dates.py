"""Times as numbers: parts of the date, and time since a moment."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..civil_dates import MS_PER_DAY, civil_from_days, days_from_civil, divide_down
from ..columns import Columns, ValueColumns
from ..parsing import TIME_PATTERN, parsed_datetimes
from ..step import FitContext, Step

_TIMES = frozenset({"datetime"})
_UNITS = {
    "seconds": 1000.0,
    "minutes": 60_000.0,
    "hours": 3_600_000.0,
    "days": MS_PER_DAY,
    "weeks": 7 * MS_PER_DAY,
    "years": 365.2425 * MS_PER_DAY,
}


class DateParts(Step):
    """Columns such as year, month and weekday from a time; the time itself goes unless it is kept."""

    step = "date_parts"
    accepts = _TIMES

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        self.features = {f"{name}_{part}": (name, part) for name in self.columns for part in self.parameters["parts"]}
        self.refuse_taken(columns, list(self.features))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        names, maths = self.here(columns), columns.maths
        made = [feature for feature, (name, _) in self.features.items() if name in columns and (wanted is None or feature in wanted)]
        if made:
            reader = _PartReader(maths, columns.numbers(names))
            for part in dict.fromkeys(self.features[feature][1] for feature in made):
                values = reader.read(part)
                chosen = [feature for feature in made if self.features[feature][1] == part]
                places = [names.index(self.features[feature][0]) for feature in chosen]
                whole = places == list(range(len(names)))
                columns.put(
                    chosen, "number" if part.endswith(("_sin", "_cos")) else "integer", values if whole else maths.choose(values, places)
                )
        if not self.parameters["keep"]:
            columns.drop(names)

    def origins(self, output: str) -> Sequence[str]:
        return [self.features[output][0]] if output in self.features else [output]

    def summary(self) -> dict[str, Any]:
        return {"columns": self.columns, "parts": self.parameters["parts"]}


class _PartReader:
    """Parts of times in milliseconds, each worked out once."""

    def __init__(self, maths: Any, times: Any):
        self.maths = maths
        self.days = divide_down(maths, times, MS_PER_DAY)
        self.within = times - self.days * MS_PER_DAY
        self.year, self.month, self.day = civil_from_days(maths, self.days)

    def read(self, part: str) -> Any:
        return getattr(self, "_" + part)()

    def _year(self):
        return self.year

    def _quarter(self):
        return divide_down(self.maths, self.month + 2.0, 3.0)

    def _month(self):
        return self.month

    def _day(self):
        return self.day

    def _day_of_year(self):
        return self.days - days_from_civil(self.maths, self.year, 1.0, 1.0) + 1.0

    def _weekday(self):
        # Monday is 0; 1970-01-01 was a Thursday.
        shifted = self.days + 3.0
        return shifted - divide_down(self.maths, shifted, 7.0) * 7.0

    def _is_weekend(self):
        weekend = self.maths.number(self._weekday() >= 5.0)
        return self.maths.where(self.maths.is_missing(self.days), np.nan, weekend)

    def _week(self):
        """ISO 8601 week: the number of Thursdays of the year up to this week's."""
        thursday = self.days - self._weekday() + 3.0
        year, _, _ = civil_from_days(self.maths, thursday)
        first = days_from_civil(self.maths, year, 1.0, 1.0)
        return divide_down(self.maths, thursday - first, 7.0) + 1.0

    def _hour(self):
        return divide_down(self.maths, self.within, 3_600_000.0)

    def _minute(self):
        minutes = divide_down(self.maths, self.within, 60_000.0)
        return minutes - self._hour() * 60.0

    def _month_sin(self):
        return self._wave(np.sin, self.month - 1.0, 12)

    def _month_cos(self):
        return self._wave(np.cos, self.month - 1.0, 12)

    def _weekday_sin(self):
        return self._wave(np.sin, self._weekday(), 7)

    def _weekday_cos(self):
        return self._wave(np.cos, self._weekday(), 7)

    def _hour_sin(self):
        return self._wave(np.sin, self._hour(), 24)

    def _hour_cos(self):
        return self._wave(np.cos, self._hour(), 24)

    def _wave(self, wave: Any, step: Any, steps: int) -> Any:
        """The wave at a whole step of its turn, from a table: runtimes compute sines differently in the last digits."""
        table = np.append(wave(np.arange(steps) * (2.0 * math.pi / steps)), np.nan)
        known = (step >= 0.0) & (step < float(steps))
        return self.maths.lookup(table, self.maths.position(self.maths.where(known, step, float(steps))))


class TimeSince(Step):
    """The time from each value to a moment, or to another column's time."""

    step = "time_since"
    accepts = _TIMES

    def fit(self, columns: ValueColumns, context: FitContext) -> None:
        super().fit(columns, context)
        reference = self.parameters["reference"]
        self.reference: float | str
        if reference == "latest":
            seen = [columns.values[name][~np.isnan(columns.values[name])] for name in self.columns]
            self.reference = max((float(values.max()) for values in seen if len(values)), default=0.0)
        elif re.fullmatch(TIME_PATTERN, reference):
            self.reference = float(parsed_datetimes(columns.maths, np.array([[reference]], dtype=object))[0, 0])
            if np.isnan(self.reference):
                raise self.error(f'"{reference}" is not a date that exists')
        else:
            self.need(columns, reference)
            self.reference = reference
        unit = self.parameters["unit"]
        self.features = {f"{name}_{unit}_since": name for name in self.columns if name != self.reference}
        self.refuse_taken(columns, list(self.features))

    def apply(self, columns: Columns, wanted: set[str] | None) -> None:
        made = [feature for feature, name in self.features.items() if name in columns and (wanted is None or feature in wanted)]
        origins = [self.features[feature] for feature in made]
        if made:
            until = columns.numbers([self.reference]) if isinstance(self.reference, str) else self.reference
            columns.put(made, "number", (until - columns.numbers(origins)) / _UNITS[self.parameters["unit"]])
        if not self.parameters["keep"]:
            columns.drop(self.here(columns))

    def origins(self, output: str) -> Sequence[str]:
        if output not in self.features:
            return [output]
        return [self.features[output]] + ([self.reference] if isinstance(self.reference, str) else [])

    def summary(self) -> dict[str, Any]:
        return {"reference": self.reference, "unit": self.parameters["unit"]}
