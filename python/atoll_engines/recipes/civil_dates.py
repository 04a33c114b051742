"""Calendar arithmetic on float64, written with `maths` so that arrays and graphs compute it alike.

Proleptic Gregorian, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013).
"""

from typing import Any

import numpy as np

MS_PER_DAY = 86_400_000.0
_MONTH_DAYS = np.array([31.0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31])


def divide_down(maths: Any, x: Any, by: float) -> Any:
    """Whole quotient, rounded down."""
    return maths.floor(x / by)


def days_from_civil(maths: Any, year: Any, month: Any, day: Any) -> Any:
    """Days since 1970-01-01."""
    late = month > 2.0
    year = maths.where(late, year, year - 1.0)
    era = divide_down(maths, year, 400.0)
    year_of_era = year - era * 400.0
    shifted = maths.where(late, month - 3.0, month + 9.0)
    day_of_year = divide_down(maths, shifted * 153.0 + 2.0, 5.0) + day - 1.0
    leap_days = divide_down(maths, year_of_era, 4.0) - divide_down(maths, year_of_era, 100.0)
    return era * 146097.0 + (year_of_era * 365.0 + leap_days + day_of_year) - 719468.0


def civil_from_days(maths: Any, days: Any) -> tuple[Any, Any, Any]:
    """Year, month and day of days since 1970-01-01."""
    shifted = days + 719468.0
    era = divide_down(maths, shifted, 146097.0)
    day_of_era = shifted - era * 146097.0
    year_of_era = divide_down(
        maths,
        day_of_era
        - divide_down(maths, day_of_era, 1460.0)
        + divide_down(maths, day_of_era, 36524.0)
        - divide_down(maths, day_of_era, 146096.0),
        365.0,
    )
    leap_days = divide_down(maths, year_of_era, 4.0) - divide_down(maths, year_of_era, 100.0)
    day_of_year = day_of_era - (year_of_era * 365.0 + leap_days)
    shifted_month = divide_down(maths, day_of_year * 5.0 + 2.0, 153.0)
    day = day_of_year - divide_down(maths, shifted_month * 153.0 + 2.0, 5.0) + 1.0
    early = shifted_month < 10.0
    month = maths.where(early, shifted_month + 3.0, shifted_month - 9.0)
    year = year_of_era + era * 400.0
    return maths.where(month > 2.0, year, year + 1.0), month, day


def is_leap(maths: Any, year: Any) -> Any:
    """Truth values: the year has a 29 February."""
    by_four = maths.is_equal(divide_down(maths, year, 4.0) * 4.0, year)
    by_hundred = maths.is_equal(divide_down(maths, year, 100.0) * 100.0, year)
    by_four_hundred = maths.is_equal(divide_down(maths, year, 400.0) * 400.0, year)
    return (by_four & maths.invert(by_hundred)) | by_four_hundred


def month_length(maths: Any, year: Any, month: Any) -> Any:
    """Days of the month; months outside 1 to 12 give 31."""
    place = maths.position(maths.least(maths.greatest(month, 0.0), 13.0))
    length = maths.lookup(_MONTH_DAYS, place)
    return maths.where(is_leap(maths, year) & maths.is_equal(month, 2.0), 29.0, length)
