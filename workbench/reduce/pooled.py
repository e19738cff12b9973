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


def group_ids(frame: "pd.DataFrame", by: tuple[str, ...]) -> "pd.Series":
    """The number of each row's group, in order of first sight."""
    if not by:
        return frame.assign(_g=0)["_g"]
    return frame.groupby(list(by), dropna=False, sort=False).ngroup()


def grouped_scales(found: "pd.DataFrame", by: tuple[str, ...], scales: Mapping[Instrument, Scale],
                   name: str) -> tuple["pd.DataFrame", list[Scale], list[str]]:
    """One row a group, with the scale its ratings share (per instrument in `scales`) and a note of what was pooled."""
    ids = group_ids(found, by)
    groups = found.assign(_g=ids).groupby("_g", sort=False).agg(
        {**{c: "first" for c in by}, "n_scope": "sum", "n_valued": "sum", "n_raters": "max"}).reset_index(drop=True)
    groups["n_instruments"] = (found["n_valued"] > 0).groupby(ids, sort=False).sum().to_numpy()
    if by:  # `first` skips missing levels
        groups = groups.assign(**{c: found.loc[~ids.duplicated(), c].reset_index(drop=True) for c in by})
    counting = counted_rows(found, ids)
    rows, ids = found[counting], ids.to_numpy()[counting]
    steps, ruled = (np.bincount(ids, rows[c], len(groups)) for c in ("n_steps", "n_ruled"))
    if ((steps > 0) & (steps != ruled)).any():
        raise RatingsError(f"{name}: ratings of steps and of whole items stand in one group. "
                           "Choose with where(step=None) for whole items, or by=['step']; a run leaves the steps out "
                           "with --exclude step=[0,1,2].")
    first = rows[list(INSTRUMENT)].iloc[np.unique(ids, return_index=True)[1]]
    merged = [scales[key] for key in first.itertuples(index=False, name=None)]
    return groups, merged, pooling_notes(rows, ids, by, merged)


def counted_rows(found: "pd.DataFrame", ids: "pd.Series") -> np.ndarray:
    """The rows of instruments that the panel's rules leave in a group; all of a group's where they leave none."""
    ruled = (found["n_ruled"] > 0).to_numpy()
    return ruled | ~np.isin(ids, ids[ruled])


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


def shared_scales(found: "pd.DataFrame", ids: "pd.Series", scales: Mapping[Instrument, Scale], name: str) -> dict[Instrument, Scale]:
    """Each instrument's scale; instruments that meet in a group, directly or through others, share one."""
    counting = counted_rows(found, ids)
    rows, group = found.loc[counting, list(INSTRUMENT)], ids.to_numpy()[counting]
    line = group_ids(rows, INSTRUMENT).to_numpy()
    names = list(rows.iloc[np.unique(line, return_index=True)[1]].itertuples(index=False, name=None))
    least, lower = np.arange(len(names)), None
    while lower is None or (lower != least).any():      # the first instrument that each meets, then those met through others
        least = least if lower is None else lower
        met = np.full(int(group.max(initial=-1)) + 1, len(names))
        np.minimum.at(met, group, least[line])
        lower = least.copy()
        np.minimum.at(lower, line, met[group])
    together: dict[int, list[Instrument]] = {}
    for key, owner in zip(names, least.tolist()):
        together.setdefault(owner, []).append(key)
    merged = {owner: merge([(k, scales[k]) for k in sorted(keys)], name) for owner, keys in together.items()}
    return {key: merged[owner] for key, owner in zip(names, least.tolist())}
