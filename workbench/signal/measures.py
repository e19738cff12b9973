"""Measures of systems side by side: their ratings on ordered versions, and one measure's gain against another's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError, examples
from workbench.estimates import join_notes
from workbench.reduce import facts, tallies
from workbench.signal.components import coded, of_first, pair_codes
from workbench.signal.panels import KNOWN, judgements
from workbench.signal.slopes import REPLICATED, UNKNOWN, Side, compared, gain, side_of

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

NEVER = ("party", "system", "system_b", "prompt_id", "rater_id", "rater_kind")
VERDICTS = {"A": 0.5, "B": -0.5, "TIE": 0.0}
USED = ("unit", "rater", "version", "prompt", "rubric_version", "score", "pair", "system", "system_b", "lost")
LOST = ("", "its system has no place among the versions", "labels without an order have no mean")
NOTHING = {"ratio": np.nan, "ratio_low": np.nan, "ratio_high": np.nan, "verdict": "", "n_needed": np.nan}


def placed(ratings: Ratings, versions: Sequence[str]) -> tuple[dict[str, float], str]:
    """The place of each system among the versions, from 0; or why there is no order. Errors: `ParameterError`."""
    if isinstance(versions, str):
        raise ParameterError(f"versions={versions!r} is not a list of systems. Write versions=['v1', 'v2', 'v3', 'v4'].")
    if "system" in ratings.missing:
        return {}, "no `system`: whose versions are compared is unknown"
    occur = sorted(str(s) for s in tallies(ratings, by=["system"])["system"].dropna())
    if not occur:
        return {}, "no `system`: whose versions are compared is unknown"
    if len(versions):
        if unknown := [v for v in map(str, versions) if v not in occur]:
            raise ParameterError(f"versions={examples([repr(v) for v in unknown])} does not occur. The systems are: {', '.join(occur)}.")
        return {str(v): float(i) for i, v in enumerate(dict.fromkeys(versions))}, ""
    if len(occur) == 1:
        return {occur[0]: 0.0}, ""
    systems = ratings.systems
    column = next((c for c in ("ordinal", "released_at") if systems is not None and c in systems and systems[c].notna().any()), None)
    if column is None:
        return {}, "no order of versions: give `ordinal` in systems.parquet, or versions="
    known = systems[systems[column].notna() & systems["system"].astype(str).isin(occur)]
    rank = known[column].rank(method="dense") - 1
    return dict(zip(known["system"].astype(str), rank.astype(float))), "" if len(known) else "no system that is rated has an order"


def judged(ratings: Ratings, keys: Sequence[str], places: Mapping[str, float], columns: Sequence[str] = KNOWN) -> pd.DataFrame:
    """The ratings that count with `version`, `prompt` and `rater` (codes); `lost` says why one cannot be used, by its place in `LOST`.

    Of pairs the score is that of the later system less one half: what is left when both are alike.
    """
    if split := [c for c in keys if c in NEVER]:
        raise ParameterError(f"by={split} cannot group gains: measures, systems and prompts are what is compared. Name other columns.")
    frame, _ = judgements(ratings, keys, columns)
    frame["system"] = frame["system"] if "system" in frame else None
    frame["version"] = versions_of(frame["system"], places)
    paired = frame["pair"] = frame["system_b"].notna() if "system_b" in frame else False
    frame["score"] = numbers(frame, facts(ratings).scales)
    if np.any(paired):
        frame.loc[paired, "version"] = (frame["version"] - versions_of(frame["system_b"], places))[paired]
        frame.loc[paired & (frame["version"] < 0), ["score", "version"]] *= -1
    frame["lost"] = np.where(frame["version"].isna(), 1, np.where(frame["score"].isna(), 2, 0))
    prompt, item = (frame[c].factorize()[0] if c in frame else np.full(len(frame), -1) for c in ("prompt_id", "item_id"))
    frame["prompt"] = coded(np.where(prompt < 0, prompt.max(initial=-1) + 1 + item, prompt))
    return frame.assign(rater=frame["rater_id"].factorize()[0])


def versions_of(systems: pd.Series, places: Mapping[str, float]) -> np.ndarray:
    """The place of each rating's system among the versions, nan where it has none."""
    code, names = systems.factorize()
    return np.array([*(places.get(str(name), np.nan) for name in names), np.nan])[code]


def usable(part: pd.DataFrame) -> tuple[pd.DataFrame, int, str]:
    """A group's ratings that can be used, how many cannot, and why where none can."""
    rows = part.drop(columns="lost")[(part["lost"] == 0).to_numpy()]
    rows = rows[rows["pair"] == (rows["pair"].mean() > 0.5)]       # verdicts on pairs and scores are not one measure
    return rows, len(part) - len(rows), "" if len(rows) or not len(part) else LOST[part["lost"].mode()[0]]


def numbers(frame: pd.DataFrame, scales: Mapping[tuple[str, str, str], Scale]) -> np.ndarray:
    """The score of each rating, nan of labels without an order; of verdicts on pairs one half for A, minus one half for B, 0 for a tie."""
    pair = frame["pair"].to_numpy(dtype=bool)
    found, level = frame["score"].to_numpy(dtype=float, copy=True), frame["level"].to_numpy(dtype=float, na_value=-1).astype(int)
    for (rubric, version, criterion), scale in scales.items():
        here = ((frame["rubric"] == rubric) & (frame["rubric_version"] == version) & (frame["criterion"] == criterion)).to_numpy()
        verdict = np.array([VERDICTS.get(str(name).upper(), np.nan) for name in (*scale.levels, "")])
        found[here & pair] = verdict[level[here & pair]]
        if scale.name == "nominal":
            found[here & ~pair] = np.nan
    return found


def by_group(frame: pd.DataFrame, keys: Sequence[str], *, also: Sequence[str]) -> list[tuple[dict[str, object], pd.DataFrame]]:
    """Each group's key and rows, in the order of first sight; one empty group where there is nothing. Of the columns those that gains are
    measured from, systems and rubric versions as codes, and `also`: texts cost most where rows are chosen."""
    rows = frame[[*(c for c in USED if c in frame), *also]].assign(rubric_version=frame["rubric_version"].factorize()[0])
    named = [c for c in ("system", "system_b") if c in frame]
    codes = pd.factorize(pd.concat([frame[c] for c in named]))[0].reshape(len(named), -1)
    rows = rows.assign(**{c: np.where(code < 0, np.nan, code) for c, code in zip(named, codes)})
    parts = [(dict(zip(keys, key)), own) for key, own in rows.groupby([frame[c] for c in keys], dropna=False, sort=False)]
    return parts or [(dict.fromkeys(keys), rows)]


def against(found: Mapping[str, pd.DataFrame], *, first: str, name: str, exact: Sequence[str] = (), titles: Mapping[str, str],
            confidence: float) -> dict[str, object]:
    """The row of the measure `name`, against `first`: its gain, and their ratio on the versions that both rate.

    found: ratings by measure; what is neither may link the two where an item has one rating of either. exact: measures without noise.
    """
    common = systems_of(found[name]) & systems_of(found[first])
    rows = {key: on_systems(part, common) for key, part in found.items()}
    code = pd.factorize(np.concatenate([part["prompt"].to_numpy() for part in rows.values()]))[0]
    n_prompts, ends = int(code.max(initial=-1)) + 1, np.cumsum([len(part) for part in rows.values()])
    rows = {key: part.assign(prompt=code[end - len(part):end]) for end, (key, part) in zip(ends, rows.items())}
    often = {key: replicated(part) for key, part in rows.items()}
    linking = next((key for key in (first, name, *rows) if often[key] and key not in exact), None)

    def side(key: str) -> Side:
        link = rows[linking] if linking is not None and key != linking and not often[key] and key not in exact else None
        return side_of(titles.get(key, key), rows[key], n_prompts=n_prompts, link=link,
                       noise="exact" if key in exact else REPLICATED if often[key] else "once")

    sides = [side(name), side(first)]
    third = side(linking) if linking not in (None, name, first) else None
    at = None if linking is None else {name: 0, first: 1}.get(linking, 2)
    answer = compared(*sides, link=third, at=at, n_versions=len(common), confidence=confidence)
    own = gain(sides[0], confidence)
    both = len(np.intersect1d(rows[name]["prompt"], rows[first]["prompt"]))
    return own | answer | {"note": join_notes(*answer.pop("why").split("; "), *own["note"].split("; ")), "n_versions": len(common),
                           "n_prompts": rows[name]["prompt"].nunique(), "n_common": both}


def alone(rows: pd.DataFrame, *, title: str, exact: bool, confidence: float) -> dict[str, object]:
    """The row of a measure by itself, on all versions it rates."""
    rows = rows.assign(prompt=rows["prompt"].factorize()[0])
    noise = "exact" if exact else REPLICATED if replicated(rows) else "once"
    side = side_of(title, rows, n_prompts=rows["prompt"].nunique(), noise=noise)
    return gain(side, confidence) | NOTHING | {"n_versions": len(systems_of(rows)), "n_prompts": rows["prompt"].nunique(),
                                               "n_common": rows["prompt"].nunique()}


def unknown(title: str, reason: str, rows: pd.DataFrame, *, verdict: bool) -> dict[str, object]:
    """The row of a measure of which nothing can be said, and why."""
    side = Side(title, np.zeros((0, 8)), "once", {"n_items": rows["unit"].nunique(), "n_raters": rows["rater"].nunique(),
                                                  "n_ratings": len(rows)}, reason=reason)
    return gain(side, 0.95) | NOTHING | {"verdict": UNKNOWN if verdict else "", "n_versions": len(systems_of(rows)),
                                         "n_prompts": rows["prompt"].nunique(), "n_common": 0}


def systems_of(rows: pd.DataFrame) -> set[object]:
    """The systems judged."""
    return set().union(*(rows[c].dropna().unique() for c in ("system", "system_b") if c in rows))


def on_systems(rows: pd.DataFrame, systems: set[object]) -> pd.DataFrame:
    """The ratings of some systems."""
    kept = rows["system"].isin(systems)
    return rows[kept & (rows["system_b"].isna() | rows["system_b"].isin(systems)) if "system_b" in rows else kept]


def replicated(rows: pd.DataFrame) -> bool:
    """Whether enough items have two ratings for their noise to be known."""
    unit = coded(rows["unit"].to_numpy())
    return int((np.bincount(of_first(unit, pair_codes(unit, rows["rater"].to_numpy()))) > 1).sum()) >= 10


def wins(rows: pd.DataFrame) -> pd.DataFrame:
    """Ratings as the share of version 0's ratings that each beats, ties half, on prompts that version 0 answered where it shares any."""
    if not len(rows) or ("pair" in rows and rows["pair"].all()):
        return rows
    first = rows[rows["version"] == rows["version"].min()]
    common = rows["prompt"].isin(first["prompt"])
    rows = rows[common] if common.sum() > len(first) else rows
    base = np.sort(first["score"].to_numpy())
    below, upto = (np.searchsorted(base, rows["score"], side=side) for side in ("left", "right"))
    return rows.assign(score=(below + upto) / 2 / len(base))
