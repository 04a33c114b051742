"""Texts as they are compared: what counts as the same, and how far two lists are apart."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})


def normalised(text: str) -> str:
    """A text as errors are counted on: NFKC, without case, marks and signs as blanks, one blank between words.

    An apostrophe or a hyphen stays within a word ("don't", "t-shirt"); numbers stay as they are written.
    """
    plain = unicodedata.normalize("NFKC", text).casefold().translate(APOSTROPHES)
    signs = [sign if is_of_word(plain, place) else " " for place, sign in enumerate(plain)]
    return " ".join("".join(signs).split())


def is_of_word(text: str, place: int) -> bool:
    sign = text[place]
    if sign in "'-":
        return 0 < place < len(text) - 1 and text[place - 1].isalnum() and text[place + 1].isalnum()
    return unicodedata.category(sign)[0] in "LNM"


def edits(wanted: Sequence[str], said: Sequence[str]) -> tuple[int, int, int]:
    """Substitutions, deletions and insertions of the shortest way from one list to the other (Wagner and Fischer 1974)."""
    # A row of the table holds, for each prefix of `said`, (edits, substitutions, deletions, insertions).
    before = [(place, 0, 0, place) for place in range(len(said) + 1)]
    for row, one in enumerate(wanted, 1):
        here = [(row, 0, row, 0)]
        for place, other in enumerate(said, 1):
            total, swapped, lost, added = before[place - 1]
            best = (total, swapped, lost, added) if one == other else (total + 1, swapped + 1, lost, added)
            total, swapped, lost, added = before[place]
            best = min(best, (total + 1, swapped, lost + 1, added), key=lambda way: way[0])
            total, swapped, lost, added = here[place - 1]
            best = min(best, (total + 1, swapped, lost, added + 1), key=lambda way: way[0])
            here.append(best)
        before = here
    return before[-1][1:]


def distance(wanted: Sequence[str], said: Sequence[str]) -> int:
    """The number of edits alone, a whole column at a time in the bits of one number (Myers 1999, in the form of Hyyrö 2003)."""
    if not wanted:
        return len(said)
    places, whole, last = places_of(wanted), (1 << len(wanted)) - 1, 1 << (len(wanted) - 1)
    rises, falls, found = whole, 0, len(wanted)
    for one in said:
        equal = places.get(one, 0)
        down = equal | falls
        across = (((equal & rises) + rises) ^ rises) | equal
        up, low = (falls | ~(across | rises)) & whole, rises & across
        found += bool(up & last) - bool(low & last)
        up, low = (up << 1) | 1, low << 1
        rises, falls = (low | ~(down | up)) & whole, up & down & whole
    return found


def common_length(wanted: Sequence[str], said: Sequence[str]) -> int:
    """The length of the longest common subsequence, by the bits of one number (Hyyrö 2004)."""
    places, whole = places_of(wanted), (1 << len(wanted)) - 1
    row = whole
    for one in said:
        met = row & places.get(one, 0)
        row = ((row + met) | (row - met)) & whole
    return (whole & ~row).bit_count()


def places_of(items: Sequence[str]) -> dict[str, int]:
    """By item a number whose bits are its places."""
    places: dict[str, int] = {}
    for place, one in enumerate(items):
        places[one] = places.get(one, 0) | 1 << place
    return places
