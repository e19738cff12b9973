"""Columns as codes: what occurs in a column, and in several together, numbered; for counting in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROOM = 50_000_000  # cells of the largest table of counts
FEW = 20_000       # levels that are put in order
LARGEST = 1e150    # what is larger cannot be squared
HEAD = 10_000      # values looked at to see whether most differ


@dataclass(frozen=True)
class Coded:
    """A column as codes (n,) into its `levels`, all of which occur; -1 in its `gaps`. In order, unless they are many texts."""

    codes: np.ndarray
    levels: Any
    gaps: bool = False


def coded(values: pd.Series) -> Coded | None:
    """A column of text or numbers as codes; None where it is of another kind, empty, holds blanks or values beyond `LARGEST`, or hardly
    repeats."""
    import pandas as pd

    if values.isna().all():
        return None
    if isinstance(values.dtype, pd.StringDtype):
        return coded_text(values)
    return coded_numbers(values.to_numpy()) if isinstance(values.dtype, np.dtype) and values.dtype.kind in "if" else None


def coded_text(values: pd.Series) -> Coded | None:
    """Texts as codes. Where equal ones stand together, as the ratings of an item often do, only the first of each run is looked up."""
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.array(values)
    text = text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text
    gaps, new = text.null_count > 0, None
    if not gaps and starts(text[:HEAD]).mean() < 0.5:
        new = starts(text)
        text = text.filter(pa.array(new))
    if new is not None and pc.all(pc.less(text[:-1], text[1:])).as_py():  # in order, so that none comes twice
        levels, codes = text, np.arange(len(text))
    else:
        found = text.dictionary_encode()
        levels, codes = found.dictionary, found.indices.fill_null(-1).to_numpy()
    if pc.any(pc.less(levels, "!")).as_py():  # only what sorts before "!" can be blank
        return None
    if len(levels) <= FEW:
        levels = levels.to_numpy(zero_copy_only=False)
        order = np.argsort(levels)
        levels, codes = levels[order], np.append(np.argsort(order), -1)[codes]
    codes = codes if new is None else codes[np.cumsum(new) - 1]
    return Coded(codes.astype(np.intp, copy=False), levels, gaps)


def starts(text: pa.Array) -> np.ndarray:
    """(n,) whether a text differs from the one before."""
    import pyarrow.compute as pc

    return np.append(True, pc.not_equal(text[1:], text[:-1]).to_numpy(zero_copy_only=False))


def ordered(found: Coded) -> Coded:
    """The same with its levels in order, however many."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(found.levels, pa.Array):
        return found
    order = pc.sort_indices(found.levels)
    return Coded(np.append(np.argsort(order), -1)[found.codes], found.levels.take(order), found.gaps)


def coded_numbers(values: np.ndarray) -> Coded | None:
    """Numbers as codes; those a whole step apart in a narrow range without looking them up."""
    import pandas as pd

    if values.dtype.kind == "f" and (np.abs(values) > LARGEST).any():
        return None
    low, high = (v.item() for v in (values.min(), values.max()))  # nan where one is missing
    if high - low <= 4 * len(values):
        steps = (values - low).astype(np.intp)
        if values.dtype.kind == "i" or (steps + low == values).all():
            found = np.flatnonzero(np.bincount(steps))
            return Coded(steps if len(found) == found[-1] + 1 else np.searchsorted(found, steps), found + low)
    if len(values) > HEAD and len(pd.unique(values[:HEAD])) > HEAD // 5:
        return None
    return Coded(*pd.factorize(values, sort=True), gaps=low != low)


def coded_times(time: np.ndarray, unit: str) -> Coded:
    """Times in microseconds as codes of the UTC weeks or months they lie in, which begin at their levels."""
    import pandas as pd

    times = time.view("datetime64[us]")
    starts = (times - np.timedelta64(4, "D")).astype("datetime64[W]") if unit == "week" else times.astype("datetime64[M]")
    codes, levels = pd.factorize(starts.astype("datetime64[us]").astype("int64"), sort=True)
    if gaps := bool(np.isnat(times).any()):     # the least of all numbers: the first level
        codes, levels = codes - 1, levels[1:]
    moments = levels.view("datetime64[us]")
    if unit == "week":
        moments = moments + np.timedelta64(4, "D")
    return Coded(codes, pd.DatetimeIndex(moments).tz_localize("UTC"), gaps)


def part_of(found: Coded, rows: np.ndarray) -> Coded:
    """The codes of some rows, into the levels that occur among them."""
    codes = found.codes[rows]
    counts = np.bincount(codes + 1, minlength=len(found.levels) + 1)
    present = np.flatnonzero(counts[1:])
    if len(present) == len(found.levels):
        return Coded(codes, found.levels, bool(counts[0]))
    places = np.full(len(found.levels) + 1, -1)
    places[present] = np.arange(len(present))
    levels = found.levels[present] if not hasattr(found.levels, "dictionary_encode") else found.levels.take(present)
    return Coded(places[codes], levels, bool(counts[0]))


def join(parts: Mapping[str, tuple[np.ndarray, int]], n: int) -> tuple[np.ndarray, dict[str, np.ndarray], int]:
    """Codes (n,) of the combinations that occur of columns given as codes and number of levels; for each combination the codes of
    its columns; and how many there are. In the order of the columns' codes."""
    import pandas as pd

    codes, rows, size = np.broadcast_to(np.intp(0), n), {}, 1
    for column, (own, k) in parts.items():
        if size == 1 or k == 1:
            codes, found = own if size == 1 else codes, np.arange(size * k)
        elif size * k <= ROOM:
            codes = codes * k + own
            found = np.flatnonzero(np.bincount(codes, minlength=size * k))
            places = np.zeros(size * k, np.intp)
            places[found] = np.arange(len(found))
            codes = places[codes]
        else:
            codes, found = pd.factorize(codes * k + own, sort=True)
        rows = {c: row[found // k] for c, row in rows.items()} | {column: found % k}
        size = len(found)
    return codes, rows, size


def n_met(a: np.ndarray, b: np.ndarray, size: int, k: int) -> int:
    """How many different combinations there are of codes below `size` and `k`."""
    import pandas as pd

    key = a * k
    key += b
    if size * k > ROOM:
        return len(pd.unique(key))
    seen = np.zeros(size * k, bool)
    seen[key] = True
    return np.count_nonzero(seen)


def tally(group: np.ndarray, size: int, mask: np.ndarray) -> np.ndarray:
    """How many of each of `size` groups are in `mask`: (n,), or (1,) for all or none."""
    if len(mask) < len(group):
        return mask[0] * (np.bincount(group, minlength=size) if size > 1 else np.array([len(group)]))
    return np.bincount(group[mask], minlength=size)
