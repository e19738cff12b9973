"""What each metric needs of the ratings, by stream and window: counts from the engine, or ratings one by one where who rated matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.agreement.krippendorff import alpha_sums
from workbench.agreement.traits import severities
from workbench.drift.people_frame import hits
from workbench.drift.streams import Members, Stream, Window, prompts_of, ratio, stream_of, utc
from workbench.errors import one_of
from workbench.ratings import with_virtual
from workbench.reduce import Moments, cells, facts, moments, patterns, profiles
from workbench.reduce.collect import collect, remembered
from workbench.reduce.drawn import drawn_units
from workbench.reduce.every import told_ratings
from workbench.reduce.scan import panel_rules_of
from workbench.schema import UNIT

if TYPE_CHECKING:
    from workbench.ratings import Ratings
    from workbench.reduce import Patterns

METRICS = ("mean", "levels", "answers", "agreement", "alpha", "accuracy", "severity", "slower", "faster", "gaps", "faults")
MAX_LEVELS = 8
LONE = "no item has two ratings"
NOMINAL = "nominal levels have no mean: use metric='levels'"
Bounds = tuple[pd.Timestamp, pd.Timestamp]


def read_streams(ratings: Ratings, *, metric: str, by: Sequence[str], window: str, baseline: Bounds) -> list[Stream]:
    """The streams of one metric, read once for all questions. by: what tells them apart. baseline: where the usual time of a rating is
    taken from."""
    one_of("metric", metric, METRICS)
    place = ("streams", metric, *by, window, *(baseline if metric in ("slower", "faster") else ()))
    return remembered(ratings, place, lambda: streams_of(ratings, metric, by, window, baseline))


def streams_of(ratings: Ratings, metric: str, by: Sequence[str], window: str, baseline: Bounds) -> list[Stream]:
    """The streams of one metric, read anew."""
    if metric in ("gaps", "faults"):
        return share_of_rows(ratings, metric, by, window)
    if metric in ("accuracy", "slower", "faster", "severity"):
        return of_each_rating(ratings, metric, by, window, baseline)
    return [stream for single, only in apart_by_scale(ratings, metric) for stream in of_items(
        ratings if only is None else ratings.where(criterion=only), single, by, window, cluster=prompts_of(ratings, window, only))]


def apart_by_scale(ratings: Ratings, metric: str) -> list[tuple[str, list[str] | None]]:
    """What to measure on which criteria: agreement and level shares need levels, "answers" asks for what a scale has."""
    scales = facts(ratings).scales
    nominal = sorted({criterion for (_, _, criterion), scale in scales.items() if scale.name == "nominal"})
    levelled = sorted({criterion for (_, _, criterion), scale in scales.items() if scale.name in ("nominal", "ordinal")})
    scored = sorted({criterion for _, _, criterion in scales} - set(nominal))
    wanted = {"mean": [("mean", None)], "alpha": [("alpha", levelled), ("alpha", sorted({c for _, _, c in scales} - set(levelled)))],
              "answers": [("mean", scored), ("levels", nominal)]}.get(metric, [(metric, levelled)])
    return [(name, only) for name, only in wanted if only is None or only]


def of_items(ratings: Ratings, metric: str, by: Sequence[str], window: str, *, cluster: str | None) -> Iterator[Stream]:
    """Streams of metrics that need only counts per item: mean, level shares, agreement, alpha."""
    scales = {scale.name for scale in facts(ratings).scales.values()}
    reduction = moments if metric == "mean" or metric == "alpha" and not scales & {"nominal", "ordinal"} else patterns
    told = drawn_units(ratings, metric, by=[*by, window], cluster=cluster) if cluster and metric != "alpha" else None
    told = reduction(ratings, by=[*by, window], cluster=cluster) if told is None else told
    groups = [g for g in told if g.key[window] is not None]
    batched = metric == "mean" and "batch" not in (*by, *ratings.missing)
    people = by_key(profiles(ratings, by=[*by, "batch"] if batched else by, window=window), by) if metric in ("mean", "levels") and groups \
        else {}
    of_key = (lambda group: tuple(str(group.key[c]) for c in by))
    for place, own in groupby(sorted(groups, key=of_key), key=of_key):
        own = list(own)
        key, starts = {c: own[0].key[c] for c in by}, [utc(g.key[window]) for g in own]
        for name, level, sums in sums_of(own, metric):
            found = [Window(at, each, g.n_items, g.n_raters, g.n_ratings, g.n_dropped, metric != "alpha")
                     for at, g, each in zip(starts, own, sums)]
            factors = [members(people.get(place), column, starts, level) for column in ("rater_id", *(["batch"] if batched else []))]
            yield stream_of(key, name, found, members=[m for m in factors if m is not None])


def by_key(table: pd.DataFrame, by: Sequence[str]) -> dict[tuple[str, ...], pd.DataFrame]:
    """The rows of each stream."""
    table = table.assign(_at=pd.to_datetime(table["window"], utc=True))
    first = table[list(by)].drop_duplicates()
    names = first.astype("object").where(first.notna(), None).map(str).itertuples(index=False, name=None)
    return {name: rows for name, (_, rows) in zip(names, table.groupby(list(by), dropna=False, sort=False))}


def members(table: pd.DataFrame | None, column: str, starts: Sequence[pd.Timestamp], level: int | None) -> Members | None:
    """Who rated how much in each window, and with which sum; of the share of a level its count."""
    if table is None or table[column].isna().any() or table[column].nunique() < 2:
        return None
    place = pd.DatetimeIndex(starts).get_indexer(pd.DatetimeIndex(table["_at"]))
    table, place = table[place >= 0], place[place >= 0]
    n = table["n"].to_numpy(dtype=float)
    told = np.where(table["level"].fillna(-1).to_numpy() == level, n, 0.0) if level is not None else None
    person = table[column].factorize(sort=True)[0]
    cell, code = np.unique(person * len(starts) + place, return_inverse=True)
    numbers = (n, *((table[c].to_numpy(dtype=float) for c in ("total", "squares")) if told is None else (told, told)))
    return (cell // len(starts), cell % len(starts), *(np.bincount(code, each) for each in numbers))  # type: ignore[return-value]


def sums_of(groups: Sequence[Moments | Patterns], metric: str) -> Iterator[tuple[str, int | None, list[Any]]]:
    """One stream's metrics by name, each with its level and a formula of totals over items for every window."""
    if metric == "mean":
        middle, kept = groups[0].center, ("cluster", "n_items", "n_ratings", "weight")
        yield "mean", None, [ratio(g.total + (g.center - middle) * g.n, g.n, center=middle, reason=NOMINAL * (g.scale == "nominal"),
                                   **{k: getattr(g, k) for k in kept}) for g in groups]
    elif metric == "alpha":
        yield "alpha", None, [alpha_sums(g) for g in groups]
    elif metric == "agreement":
        yield "agreement", None, [pair_share(g) for g in groups]
    else:
        counts = [as_dense(g.counts) for g in groups]
        size = [c.sum(axis=1) for c in counts]
        often = sum(g.weight @ c for g, c in zip(groups, counts))
        for level in sorted(np.argsort(-often, kind="stable")[:MAX_LEVELS]):
            if often[level]:
                yield f"share of {groups[0].levels[level]}", int(level), [
                    ratio(c[:, level], n, g.weight, g.cluster, n_items=g.n_items, n_ratings=g.n_ratings)
                    for g, c, n in zip(groups, counts, size)]


def as_dense(counts: Any) -> np.ndarray:
    """Counts of levels (P, q) as numbers."""
    return np.asarray(counts if isinstance(counts, np.ndarray) else counts.toarray(), dtype=float)


def pair_share(group: Moments | Patterns) -> Any:
    """Percent agreement: an item's share of rater pairs that agree, averaged over the items with two ratings."""
    if isinstance(group, Moments):
        return ratio(group.total, group.n, group.weight, n_items=int(group.weight @ group.n), n_ratings=group.n_ratings,
                     reason="" if len(group.n) else LONE)
    counts = as_dense(group.counts)
    n = counts.sum(axis=1)
    twice = n >= 2
    share = (counts * (counts - 1)).sum(axis=1)[twice] / (n * (n - 1))[twice]
    weight = group.weight[twice]
    return ratio(share, np.ones(len(share)), weight, None if group.cluster is None else group.cluster[twice],
                 n_items=int(weight.sum()), n_ratings=int(weight @ n[twice]), reason="" if twice.any() else LONE)


def of_each_rating(ratings: Ratings, metric: str, by: Sequence[str], window: str, baseline: Bounds) -> list[Stream]:
    """Streams of metrics that are true or false of a rating, and of raters' severity."""
    timed = metric in ("slower", "faster")
    if (timed and "seconds" in ratings.missing) or (metric == "accuracy" and "rater_kind" in ratings.missing):
        return []
    prompts = prompts_of(ratings, window)
    extra = [c for c in ("rated_at", *(["seconds"] if timed else []), *([prompts] if prompts else [])) if c not in by]
    keys = [c for c in by if c != "rater_id"] if metric == "severity" else list(by)
    frame = cells(ratings, by=[*keys, window], extra=extra)
    frame = frame[frame[window].notna()].assign(_at=lambda f: f[window].map({w: utc(w) for w in f[window].dropna().unique()}))
    if metric == "severity":
        parts = frame.groupby(keys, dropna=False, sort=False)
        return [s for key, rows in parts for s in rater_streams(dict(zip(keys, plain(key))), rows)]
    if metric == "accuracy":
        level = frame["level"].astype("float64").fillna(-1).to_numpy().astype(int)
        frame["_hit"] = hits(frame, told_ratings(ratings, unit=UNIT, kinds=["gold"]), level)
    frame["_drawn"] = frame[prompts or "item_id"]
    return [s for key, rows in frame.groupby(keys, dropna=False, sort=False)
            if (s := share_stream(dict(zip(keys, plain(key))), metric, rows, baseline)) is not None]


def plain(key: tuple[object, ...]) -> tuple[object, ...]:
    """A group's key, None for what is missing."""
    return tuple(None if k != k else k for k in key)


def share_stream(key: dict[str, object], metric: str, rows: pd.DataFrame, baseline: Bounds) -> Stream | None:
    """A stream of the share of ratings of which something is true."""
    if metric != "accuracy":
        seconds = rows["seconds"].where(rows["seconds"] > 0)
        usual = seconds[(rows["_at"] >= baseline[0]) & (rows["_at"] < baseline[1])].median()
        right = seconds > usual if metric == "slower" else seconds < usual
        rows = rows.assign(_hit=right.astype(float).where(seconds.notna()) if usual == usual else np.nan)
    known = rows[rows["_hit"].notna()]
    if known.empty:
        return None
    name = {"accuracy": "gold accuracy"}.get(metric, f"share {metric} than the baseline's median")
    units = known.groupby(["_at", "_drawn"], sort=True)["_hit"].agg(["sum", "count"]).reset_index()
    counted = rows.groupby("_at").agg(n_items=("item_id", "nunique"), n_raters=("rater_id", "nunique"), n=("item_id", "size"))
    found = []
    for at, own in units.groupby("_at"):
        right, n = own["sum"].to_numpy(dtype=float), own["count"].to_numpy(dtype=float)
        sums = ratio(right, n, np.ones(len(own)), n_items=len(own), n_ratings=int(n.sum()))
        found.append(Window(at, sums, *(int(c) for c in counted.loc[at, ["n_items", "n_raters", "n"]]), 0))
    place = {w.start: i for i, w in enumerate(found)}
    known = known.assign(_row=known["_at"].map(place), _r=known["rater_id"].factorize()[0])
    who = known.groupby(["_r", "_row"])["_hit"].agg(["count", "sum"])
    r, row = (who.index.get_level_values(i).to_numpy() for i in (0, 1))
    n, total = who["count"].to_numpy(dtype=float), who["sum"].to_numpy(dtype=float)
    return stream_of(key, name, found, members=[(r, row, n, total, total)])


def rater_streams(key: dict[str, object], rows: pd.DataFrame) -> list[Stream]:
    """Each rater's severity by window: how much lower he scores the same items than the others of that window, in score points."""
    found: dict[object, list[Window]] = {}
    for at, here in rows.groupby("_at"):
        here = here[here.groupby("unit")["unit"].transform("size") > 1]
        if here["score"].isna().any() or here.empty:
            continue
        unit, rater, score = here["unit"].factorize()[0], here["rater_id"].factorize()[0], here["score"].to_numpy(dtype=float)
        effect, size = severities(unit, rater, score), np.bincount(unit)
        left = score - effect[rater]
        left -= (np.bincount(unit, left) / size)[unit]
        told, n = np.bincount(rater, 1 - 1 / size[unit]), np.bincount(rater)
        for code, name in enumerate(here["rater_id"].drop_duplicates()):
            own = -effect[code] - left[rater == code] * n[code] / told[code]   # an item of k raters tells 1 - 1/k of a rating
            found.setdefault(name, []).append(Window(at, ratio(own, np.ones(len(own)), np.ones(len(own)), n_items=len(own),
                                                               n_ratings=len(own)), len(own), 1, len(own), 0, of_units=False))
    return [stream_of({**key, "rater_id": name}, "severity", own) for name, own in found.items()]


def share_of_rows(ratings: Ratings, metric: str, by: Sequence[str], window: str) -> list[Stream]:
    """Streams of the share of rows that bear no answer ("gaps"), or a fault that shows in the row alone ("faults")."""
    t = with_virtual(ratings.table, [window, *by])
    named = {"status", *(column for column, _ in ratings.conditions)}
    t = t.filter(panel_rules_of(ratings.source, t, named) & t[window].notnull())
    if metric == "gaps":
        wrong = (t.status != "rated") | (t.score.isnull() & t.label.isnull())
    else:
        wrong = (t.started_at > t.rated_at).fill_null(False) | (t.seconds <= 0).fill_null(False)
    unit, keys = prompts_of(ratings, window) or "item_id", [*by, window]
    t = t.mutate(_wrong=wrong.cast("int64"))
    units = t.group_by([*keys, unit]).aggregate(above=t._wrong.sum(), below=t.count())
    kinds = collect(ratings.source, units.group_by([*keys, "above", "below"]).aggregate(weight=units.count()))
    people = collect(ratings.source, t.group_by(keys).aggregate(n_raters=t.rater_id.nunique()))
    raters = {tuple(map(str, plain(row[:-1]))): row[-1] for row in people[[*keys, "n_raters"]].itertuples(index=False, name=None)}
    streams = []
    for key, rows in kinds.groupby(list(by), dropna=False, sort=True):
        found = []
        for at, own in rows.groupby(window):
            above, below, weight = (own[c].to_numpy(dtype=float) for c in ("above", "below", "weight"))
            n, size = int(weight.sum()), int(weight @ below)
            who = int(raters[tuple(map(str, plain((*key, at))))])
            found.append(Window(utc(at), ratio(above, below, weight, n_items=n, n_ratings=size), n, who, size, 0))
        streams.append(stream_of(dict(zip(by, plain(key))), f"share of {metric}", found))
    return streams
