"""Which class does which step."""

from .step import Step
from .steps.convert import Convert, DropColumns, KeepColumns, Rename
from .steps.dates import DateParts, TimeSince
from .steps.encode import FrequencyEncode, HashEncode, OneHot, Ordinal
from .steps.expression import Derive, Interact, Polynomial, Ratio
from .steps.missing import DropMissingColumns, Impute
from .steps.outliers import Cap, SignedLog, Winsorise
from .steps.reduce import Pca
from .steps.rows import DropDuplicates, DropMissingRows, RemoveOutliers
from .steps.scale import MinMaxScale, RobustScale, StandardScale
from .steps.select import SelectCorrelation, SelectImportance, SelectMutualInformation, SelectRecursive, SelectVariance
from .steps.shape import Bin, Log1p, QuantileTransform, YeoJohnson
from .steps.target_encode import TargetEncode
from .steps.text import Tfidf

_CLASSES: dict[str, type[Step]] = {
    kind.step: kind
    for kind in (
        Convert,
        DropColumns,
        KeepColumns,
        Rename,
        DropDuplicates,
        DropMissingRows,
        RemoveOutliers,
        Impute,
        DropMissingColumns,
        Cap,
        Winsorise,
        SignedLog,
        OneHot,
        Ordinal,
        TargetEncode,
        FrequencyEncode,
        HashEncode,
        StandardScale,
        MinMaxScale,
        RobustScale,
        Bin,
        Log1p,
        YeoJohnson,
        QuantileTransform,
        Derive,
        Ratio,
        Interact,
        Polynomial,
        DateParts,
        TimeSince,
        Tfidf,
        SelectVariance,
        SelectCorrelation,
        SelectMutualInformation,
        SelectImportance,
        SelectRecursive,
        Pca,
    )
}


def step_class(name: str) -> type[Step] | None:
    """The class of a step, or None where there is no such step."""
    return _CLASSES.get(name)


def step_names() -> list[str]:
    return list(_CLASSES)
