"""Whether a proxy's gains over versions are gains, and which programs pass what experts fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.errors import ParameterError, columns_of, examples, share_of
from workbench.estimates import estimates_table, join_notes
from workbench.reduce import facts, instrument
from workbench.signal.components import pair_codes
from workbench.signal.measures import NOTHING, against, alone, by_group, judged, placed, systems_of, unknown, usable
from workbench.signal.slopes import BOUND, FEWEST, UNKNOWN, beside, fieller, known
from workbench.signal.panels import labels

if TYPE_CHECKING:
    from workbench.instrument import Scale
    from workbench.ratings import Ratings

PROXIES, REFERENCES, EXACT = ("human", "model", "program"), ("gold", "expert", "outcome"), ("program", "gold")
PANEL_SCORE = "rubric score"     # what the panel's ratings under the rubric are called as a proxy
EXPLAINS, STAYS = "explains the gain", "does not explain it"
MOST = 8                         # columns tried as confounds
NEEDED = ("rubric_version", "system", "system_b", "prompt_id")      # of ratings, to measure gains


def hacking(ratings: Ratings, *, by: Sequence[str] = ("criterion",), versions: Sequence[str] = (),
            confounds: Sequence[str] | None = None, criteria: Mapping[str, str] | None = None, confidence: float = 0.95) -> pd.DataFrame:
    """Does a proxy rise over the versions of a system while what it stands for does not?

    Proxies are the panel's rubric score, each autorater and each program; they are held against gold, experts and outcomes. Per group
    of `by`, on the items that both rate and in the units of `signal.coupling`: a row of each proxy (role "proxy"), of each reference
    beside each proxy (`against`) with `ratio` = reference / proxy and the verdicts of `coupling` ("does not transfer": slopes
    diverge), and of each confound beside each proxy: its own slope, `ratio` = the proxy's gain with the column held constant / without,
    and "explains the gain" (interval wholly below 0.5), "does not explain it" (above) or "cannot tell". A confound may be merit: see
    whether the references reward it. `ceiling` is the share of a measure's ratings of the last version at the top of the scale, where
    no gain can show.

    Gold and programs have no noise by definition. Where items have one rating by a measure its noise is unknown: the interval of the
    ratio then reaches from what it would be without noise to what the measure shares with one that is replicated (the panel, say),
    `ratio` is the middle of both, and without such a measure only the end that is known is used (the other is infinite).

    versions: as in `coupling`. confounds: numeric columns of `items.parquet` or of the ratings; None for all of the former (up to 8).
    criteria: which criterion of the proxies a reference's criterion is held against, where they bear other names. Columns as in
    `coupling`, and `against`, `ceiling`. Undefined ("cannot tell", nan, reason in `note`): as there, and no reference. Errors:
    `ParameterError` for columns or versions that are not there.

    Sources: as `coupling`; Gao, Schulman, Hilton (2023), arXiv:2210.10760, on proxies that rise while gold falls.

    >>> import pandas as pd, workbench as wb
    >>> table = hacking(wb.from_matrix(pd.DataFrame({"ann": [1, 2, 3], "bob": [1, 3, 3]})))
    >>> table[["measure", "verdict"]].values.tolist(), table["note"][0]
    ([['rubric score', 'cannot tell']], 'no `system`: whose versions are compared is unknown')
    """
    share_of("confidence", confidence)
    keys = list(dict.fromkeys((*instrument(ratings), *by)))
    places, order = placed(ratings, versions)
    frame = measured(ratings, keys, places, criteria or {})
    columns, frame = with_columns(ratings, frame, confounds)
    scales = facts(ratings).scales
    rows: list[dict[str, object]] = []
    groups = [c for c in keys if c not in ("rubric", "rubric_version") or c in by]
    for key, part in by_group(frame, groups, also=["measure", "rater_kind", *columns]):
        top = highest([scale for (_, _, criterion), scale in scales.items() if criterion == key["criterion"]])
        part, n_lost, lost = usable(part)
        rows += [key | labels(key) | row | {"n_dropped": n_lost} for row in group_rows(part, columns, order or lost, top, confidence)]
    return estimates_table(rows, by=[*groups, "measure", "role", "against"])


def measured(ratings: Ratings, keys: Sequence[str], places: Mapping[str, float], criteria: Mapping[str, str]) -> pd.DataFrame:
    """The ratings of proxies and references with the `measure` that each is of, items alike by name whoever rated them."""
    if "rater_kind" in ratings.missing:
        frame = judged(ratings, keys, places).assign(rater_kind="human")
    else:
        frame = judged(ratings.where(rater_kind=[*PROXIES, *REFERENCES]), keys, places, (*NEEDED, "rater_kind"))
    frame["measure"] = measure_names(frame["rater_kind"], frame["rater_id"])
    if criteria:
        reference = frame["rater_kind"].isin(REFERENCES)
        frame["criterion"] = frame["criterion"].astype(object).where(~reference, frame["criterion"].replace(dict(criteria)))
    item, step = (frame[c].factorize(use_na_sentinel=False)[0] for c in ("item_id", "step"))
    frame["unit"] = pair_codes(item, step)
    frame["rubric_version"] = frame["rubric"] + " " + frame["rubric_version"]
    if {"rubric", "rubric_version"} & set(keys):        # scales differ by them: a measure is of one
        several = frame.groupby(["criterion", "measure"])["rubric_version"].transform("nunique") > 1
        frame["measure"] = frame["measure"].where(~several, frame["measure"] + " (" + frame["rubric_version"] + ")")
    return frame


def measure_names(kind: pd.Series, rater: pd.Series) -> np.ndarray:
    """What the measure is called that each rating is of: an autorater or a program by its own name, the others by their kind."""
    of_kind, kinds = kind.factorize()
    own = np.isin(kinds, ("model", "program"))[of_kind]
    of_rater, raters = rater[own].factorize()
    code = of_kind.copy()
    code[own] = len(kinds) + of_rater
    return np.array([*(PANEL_SCORE if name == "human" else name for name in kinds), *map(str, raters)], dtype=object)[code]


def with_columns(ratings: Ratings, frame: pd.DataFrame, confounds: Sequence[str] | None) -> tuple[list[str], pd.DataFrame]:
    """The numeric columns of items to hold constant, and the ratings with them. Errors: `ParameterError`."""
    items = ratings.items
    numeric = [] if items is None else [c for c in items.select_dtypes("number") if c not in frame and c not in ("item_id", "prompt_id")]
    if confounds is None:
        names = numeric[:MOST]
    else:
        names = list(columns_of(confounds, name="confounds"))
        if unknown_ones := [c for c in names if c not in numeric and c not in ratings.source.extras]:
            raise ParameterError(f"confounds={examples([repr(c) for c in unknown_ones])} is no numeric column of items.parquet or of the "
                                 f"ratings. There are: {', '.join([*numeric, *ratings.source.extras]) or 'none'}.")
    if items is not None and (held := [c for c in names if c in numeric]):
        frame = frame.merge(items[["item_id", *held]].drop_duplicates("item_id"), on="item_id", how="left")
    if own := [c for c in names if c not in frame]:
        told = ratings.table.select("item_id", *own).distinct().to_pandas().drop_duplicates("item_id")
        frame = frame.merge(told, on="item_id", how="left")
    return names, frame


def group_rows(part: pd.DataFrame, columns: Sequence[str], order: str, top: float, confidence: float) -> Iterator[dict[str, object]]:
    """The rows of one group: each proxy, then the references and confounds beside it."""
    kinds = part.groupby("measure", sort=True)["rater_kind"].first().to_dict()
    part, measure = part.drop(columns=["measure", "rater_kind"]), part["measure"].to_numpy()
    parts = {name: part[measure == name] for name in kinds}
    proxies = [name for kind in PROXIES for name in parts if kinds[name] == kind]
    references = [name for kind in REFERENCES for name in parts if kinds[name] == kind]
    exact = [name for name in parts if kinds[name] in EXACT]
    reason = join_notes(order) or ("" if references else "no gold, expert or outcome rating: nothing to hold a proxy against")
    if not proxies:
        rows = part if not references else parts[references[0]]
        reason = reason or "no rating by a panel, autorater or program: there is no proxy"
        yield unknown(PANEL_SCORE, reason, rows, verdict=True) | {"measure": PANEL_SCORE, "role": "proxy", "against": "", "ceiling": np.nan}
    for proxy in proxies:
        own, named = parts[proxy], {"measure": proxy, "role": "proxy", "against": "", "ceiling": ceiling(parts[proxy], top)}
        if reason:
            yield unknown(proxy, reason, own, verdict=True) | named
            if order:
                continue
        else:
            yield alone(own, title=proxy, exact=proxy in exact, confidence=confidence) | named
        for name in references:
            both = parts[name]["unit"].isin(own["unit"]), own["unit"].isin(parts[name]["unit"])
            found = {name: parts[name][both[0]], proxy: own[both[1]],
                     **{other: rows for other, rows in parts.items() if kinds[other] == "human" and other not in (name, proxy)}}
            row = against(found, first=proxy, name=name, exact=exact, titles={}, confidence=confidence)
            yield row | {"measure": name, "role": "reference", "against": proxy, "ceiling": ceiling(parts[name], top)}
        for column in columns:
            row = confound_row(own, column, proxy, confidence)
            yield row | {"measure": column, "role": "confound", "against": proxy, "ceiling": np.nan}


def highest(scales: Sequence[Scale]) -> float:
    """The top of a criterion's scale; nan where its versions differ, or where it is assumed from scores without levels."""
    tops = {scale.values[-1] if scale.values else np.nan if scale.assumed or scale.maximum is None else scale.maximum for scale in scales}
    return float(max(tops)) if len(tops) == 1 else np.nan


def ceiling(rows: pd.DataFrame, top: float) -> float:
    """The share of ratings of the last version at the top of the scale."""
    last = rows.loc[rows["version"] == rows["version"].max(), "score"]
    return float((last >= top).mean()) if len(last) and top == top and not rows["pair"].any() else np.nan


def confound_row(rows: pd.DataFrame, column: str, proxy: str, confidence: float) -> dict[str, object]:
    """A column's own slope, and how much of the proxy's gain stays when it is held constant."""
    rows = rows[rows[column].notna()]
    items = rows.drop_duplicates("unit").assign(score=lambda t: t[column].astype(float), rater=0)
    row = alone(items, title=column, exact=True, confidence=confidence)
    nothing = row | NOTHING | {"verdict": UNKNOWN}
    if (n := len(systems_of(rows))) < FEWEST:
        return nothing | {"note": join_notes(f"{n} versions are rated; {FEWEST} are needed", row["note"])}
    rows = rows.assign(prompt=rows["prompt"].factorize()[0])
    step, score, note, reason = beside(rows)
    if reason or not row["slope"] == row["slope"]:
        return nothing | {"note": join_notes(reason and f"{proxy}: {reason}", row["note"])}
    size = beside(rows.assign(score=rows[column].astype(float)))[1]
    parts = (step * step, step * size, size * size, step * score, size * score)
    terms = np.column_stack([np.bincount(rows["prompt"], part) for part in parts])
    over = known(lambda x: (x[..., 2] * x[..., 3] - x[..., 1] * x[..., 4]) / (x[..., 0] * x[..., 2] - x[..., 1] ** 2), terms)
    under = known(lambda x: x[..., 3] / x[..., 0], terms)
    low, high = fieller(over, under, confidence)
    if not (np.isfinite(low) and under.value > 0):
        return nothing | {"note": join_notes(f"{proxy}: no gain to explain", note)}
    verdict = EXPLAINS if high < BOUND else STAYS if low > BOUND else UNKNOWN
    return row | NOTHING | {"ratio": over.value / under.value, "ratio_low": low, "ratio_high": high, "verdict": verdict,
                            "note": join_notes(note, row["note"])}
