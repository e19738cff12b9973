"""Which ratings may be pooled: the scale that a group's instruments share, and a note of what was pooled without being asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import RatingsError, examples
from workbench.estimates import join_notes
from workbench.instrument import Scale
from workbench.reduce.scan import INSTRUMENT, LEVELS_LIMIT, Instrument

if TYPE_CHECKING:
    import pandas as pd


def group_ids(frame: "pd.DataFrame", by: Sequence[str]) -> np.ndarray:
    """The number of each row's group, in order of first sight."""
    import pandas as pd

    ids = np.zeros(len(frame), np.intp)
    for column in by:
        own, levels = pd.factorize(frame[column].array, use_na_sentinel=False)
        ids = pd.factorize(ids * len(levels) + own)[0] if ids.any() else own
    return ids


def grouped_scales(found: "pd.DataFrame", by: tuple[str, ...], scales: Mapping[Instrument, Scale],
                   name: str) -> tuple["pd.DataFrame", list[Scale], list[str]]:
    """One row a group, with the scale its ratings share (per instrument in `scales`) and a note of what was pooled."""
    import pandas as pd

    ids = group_ids(found, by)
    first = first_of_each(ids)
    n_scope, n_valued = (np.bincount(ids, found[c], len(first)).astype(int) for c in ("n_scope", "n_valued"))
    n_raters = np.zeros(len(first), int)
    np.maximum.at(n_raters, ids, found["n_raters"].to_numpy())
    n_instruments = np.bincount(ids, found["n_valued"] > 0, len(first)).astype(int)
    groups = pd.DataFrame({c: found[c].array.take(first) for c in by} | {
        "n_scope": n_scope, "n_valued": n_valued, "n_raters": n_raters, "n_instruments": n_instruments})
    counting = counted_rows(found, ids)
    rows, ids = found[counting], ids[counting]
    steps, ruled = (np.bincount(ids, rows[c], len(first)) for c in ("n_steps", "n_ruled"))
    if ((steps > 0) & (steps != ruled)).any():
        raise RatingsError(f"{name}: ratings of steps and of whole items stand in one group. "
                           "Choose with where(step=None) for whole items, or by=['step']; a run leaves the steps out "
                           "with --exclude step=[0,1,2].")
    merged = [scales[key] for key in instruments(rows, first_of_each(ids))]
    return groups, merged, pooling_notes(rows, ids, by, merged)


def first_of_each(ids: np.ndarray) -> np.ndarray:
    """The first row of each group."""
    return np.unique(ids, return_index=True)[1]


def instruments(found: "pd.DataFrame", places: np.ndarray) -> list[Instrument]:
    """The instruments that stand at these places."""
    return list(zip(*(found[c].array.take(places).tolist() for c in INSTRUMENT)))


def counted_rows(found: "pd.DataFrame", ids: np.ndarray) -> np.ndarray:
    """The rows of instruments that the panel's rules leave in a group; all of a group's where they leave none."""
    ruled = (found["n_ruled"] > 0).to_numpy()
    left = np.zeros(ids.max(initial=-1) + 1, bool)
    left[ids[ruled]] = True
    return ruled | ~left[ids]


def merge(keyed: Sequence[tuple[Instrument, Scale]], name: str) -> Scale:
    """The one scale that several instruments share. Errors: `RatingsError` that says how to take them apart."""
    scales = list(dict.fromkeys(scale for _, scale in keyed))
    largest = max(scales, key=lambda s: len(s.levels), default=Scale("nominal"))
    if len(scales) <= 1:
        return largest
    one_line = all((s.name, s.uses, s.assumed) == (largest.name, largest.uses, largest.assumed) for s in scales)
    if one_line and largest.name == "nominal" and largest.assumed and all(set(s.levels) <= set(largest.levels) for s in scales):
        return largest
    if one_line and largest.name in ("interval", "ratio") and len({(s.minimum, s.maximum) for s in scales}) == 1:
        values = sorted({v for s in scales for v in s.values})
        values = values if all(s.values for s in scales) and len(values) <= LEVELS_LIMIT else []
        return Scale(largest.name, tuple(f"{v:g}" for v in values), tuple(values), largest.minimum, largest.maximum,
                     assumed=largest.assumed)
    apart = next(([c] for c in ("criterion", "rubric", "rubric_version") if tells_apart(keyed, INSTRUMENT.index(c))), list(INSTRUMENT))
    shown = [f"{'/'.join(key)} is {scale.name}" + (f" with levels {', '.join(scale.levels[:4])}{' …' * (len(scale.levels) > 4)}"
             if scale.levels else "") for key, scale in {scale: (key, scale) for key, scale in keyed}.values()]
    raise RatingsError(f"{name}: ratings on different scales cannot be pooled: {'; '.join(shown[:3])}. "
                       f"Take them apart with by={apart!r}, or pick one with where({apart[0]}=...).")


def tells_apart(keyed: Sequence[tuple[Instrument, Scale]], place: int) -> bool:
    """Whether naming one part of the instrument is enough to tell the scales apart."""
    seen: dict[str, Scale] = {}
    return all(seen.setdefault(key[place], scale) == scale for key, scale in keyed)


def pooling_notes(rows: "pd.DataFrame", ids: np.ndarray, by: tuple[str, ...], scales: Sequence[Scale]) -> list[str]:
    """What was pooled in each group without being asked, and what was assumed."""
    pooled: list[list[str]] = [[] for _ in scales]
    for c, noun in (("rubric_version", "rubric versions"), ("rubric", "rubrics")):
        if c not in by and rows[c].nunique() > 1:
            values: dict[int, set[str]] = {}
            for group, value in zip(ids.tolist(), rows[c]):
                values.setdefault(group, set()).add(value)
            for group, found in values.items():
                pooled[group] += [f"{noun} pooled: {examples(sorted(found))}"] if len(found) > 1 else []
    return [join_notes(*said, f"{scale.name} scale assumed from the values" if scale.assumed else "")
            for said, scale in zip(pooled, scales)]


def shared_scales(found: "pd.DataFrame", ids: np.ndarray, scales: Mapping[Instrument, Scale], name: str) -> dict[Instrument, Scale]:
    """Each instrument's scale; instruments that meet in a group, directly or through others, share one."""
    counting = counted_rows(found, ids)
    rows, group = found[counting], ids[counting]
    line = group_ids(rows, INSTRUMENT)
    names = instruments(rows, first_of_each(line))
    least, lower = np.arange(len(names)), None
    while lower is None or (lower != least).any():      # the first instrument that each meets, then those met through others
        least = least if lower is None else lower
        met = np.full(group.max(initial=-1) + 1, len(names))
        np.minimum.at(met, group, least[line])
        lower = least.copy()
        np.minimum.at(lower, line, met[group])
    together: dict[int, list[Instrument]] = {}
    for key, owner in zip(names, least.tolist()):
        together.setdefault(owner, []).append(key)
    merged = {owner: merge([(k, scales[k]) for k in sorted(keys)], name) for owner, keys in together.items()}
    return {key: merged[owner] for key, owner in zip(names, least.tolist())}
