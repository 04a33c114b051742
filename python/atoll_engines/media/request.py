"""What a training over items of media is asked, checked."""

from __future__ import annotations

from atoll_engines.errors import BadInput, what_exists
from atoll_engines.tabular.request import Request
from atoll_engines.tabular.training_table import Source


def refuse_what_items_lack(request: Request, nouns: str) -> Request:
    """Settings that mean nothing here are refused rather than passed over."""
    if request.calibration != "none":
        raise BadInput(f"Calibration is for the tabular algorithms; leave it out for {nouns}.", parameter="calibration")
    if request.imbalance not in ("auto", "none", "class_weight", "random_over", "random_under"):
        raise BadInput(
            f'"{request.imbalance}" makes up rows between others, which {nouns} are not. Choose class_weight, random_over or random_under.',
            parameter="imbalance",
        )
    return request


def item_column(source: Source, kind: str, asked: str | None, what_helps: str) -> str:
    """The column of items of a kind (image, audio): as the options name it, else the first of that type."""
    names = [one.name for one in source.columns if one.type == kind]
    if asked:
        if asked not in names:
            raise BadInput(f'There is no {kind} column "{asked}". {what_exists(asked, names, f"{kind} columns")}', parameter="column")
        return asked
    if not names:
        raise BadInput(f"The data set has no {kind} column. {what_helps}, or choose an algorithm for tables.")
    return names[0]
