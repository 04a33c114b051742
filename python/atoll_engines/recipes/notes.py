"""What a step did to the training rows, in a few words."""

from .columns import ValueColumns

_MOST_NAMED = 5


def note(before: ValueColumns, after: ValueColumns) -> str:
    """For example "3 training rows removed; adds total; fills 12 missing values"."""
    if before.rows != after.rows:
        removed = before.rows - after.rows
        return f"{removed} training row{'s' if removed > 1 else ''} removed"
    made = [name for name in after.names if name not in before]
    gone = [name for name in before.names if name not in after]
    changed = [name for name in after.names if name in before and after.values[name] is not before.values[name]]
    said = []
    if made:
        said.append(f"adds {_listed(made)}")
    if gone:
        said.append(f"takes out {_listed(gone)}")
    if changed:
        said.append(_changes(before, after, changed))
    return "; ".join(said) or "changes nothing"


def _changes(before: ValueColumns, after: ValueColumns, names: list[str]) -> str:
    missing = sum(int(after.missing(name).sum()) - int(before.missing(name).sum()) for name in names)
    said = f"changes {_listed(names)}"
    if missing < 0:
        said += f"; {-missing:,} missing values filled"
    if missing > 0:
        said += f"; {missing:,} values became missing"
    return said


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
