"""Which class does which step."""

from .step import Step
from .steps.convert import Convert, DropColumns, KeepColumns, Rename
from .steps.dates import DateParts, TimeSince
from .steps.encode import FrequencyEncode, HashEncode, OneHot, Ordinal
from .steps.expression import Derive, Interact, Polynomial, Ratio
from .steps.missing import DropMissingColumns, Impute
from .steps.scale import MinMaxScale, RobustScale, StandardScale
from .steps.target_encode import TargetEncode

_CLASSES: dict[str, type[Step]] = {
    kind.step: kind
    for kind in (
        Convert, DropColumns, KeepColumns, Rename, Impute, DropMissingColumns, OneHot, Ordinal, TargetEncode,
        FrequencyEncode, HashEncode, StandardScale, MinMaxScale, RobustScale, Derive, Interact, Polynomial, Ratio,
        DateParts, TimeSince,
    )
}


def step_class(name: str) -> type[Step] | None:
    """The class of a step, or None where there is no such step."""
    return _CLASSES.get(name)


def step_names() -> list[str]:
    return list(_CLASSES)
