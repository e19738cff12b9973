"""Passports: where a rating, an item's label or an aggregate comes from, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from workbench.cache import stamp
from workbench.errors import ParameterError, RatingsError, examples
from workbench.ratings import Ratings
from workbench.reduce import cells, facts, n_levels, tallies
from workbench.signal.coupling_roles import USUAL, who

if TYPE_CHECKING:
    from workbench.source import Snapshot

AUTO = ("model", "program")
MOST = 200               # raters listed, those with most of the ratings
COLUMNS = ("part", "of", "fact", "value")
GIVEN = ("passport", "snapshot", "counts", "file")       # of an export's statement, what does not decide its rows


@dataclass(frozen=True)
class Passport:
    """A lineage: `id`, the digest of what decides the number, and `stated`, all that is known of it, as JSON has it."""

    id: str
    stated: Mapping[str, object]

    @property
    def table(self) -> pd.DataFrame:
        """One row a fact: part, of, fact, value (text)."""
        return pd.DataFrame([row for part, held in self.stated.items() for row in rows_of(part, held)], columns=list(COLUMNS))

    def json(self) -> str:
        """The statement as JSON text; missing values are null."""
        return json.dumps(self.stated, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def passport(ratings: Ratings, *, item_id: object = None, rating_id: str | None = None, export: str | Path | None = None) -> Passport:
    """What made this rating, this item's label, or the aggregate of these ratings?

    Names: the snapshot and what was selected from it; the rubric versions in use, with author and date; the checks on record and their
    outcome, on this snapshot or another; each rater's kind, party and calibration then: the share of gold units they had matched
    before their rating, by gold that was known then, nothing later; how ratings were aggregated, their layers and selections, and
    the autorater share (`model` and `program`). Everything that was selected is counted, whether or not the panel's rules let it in.

    item_id: one item. rating_id: one rating. Neither: all that `ratings` selects. export: a file that `workbench export consensus`
    wrote: `id` is then that of its rows, the aggregation is what its passport states, and the selection its own. Without one, `id` is
    the same digest of snapshot, selection and subject. Undefined facts are null: calibration without a time or without earlier gold,
    the snapshot of a caller's table. Errors: `ParameterError` for an item or rating that is not there; `RatingsError` where an
    export's passport cannot be read, is not of these ratings, or does not state what its id is the digest of.

    >>> import pandas as pd, workbench as wb
    >>> made = passport(wb.from_matrix(pd.DataFrame({"ann": [1, 2], "bob": [2, 2]}, index=["a", "b"])), item_id="a")
    >>> made.stated["subject"]["n_ratings"], made.stated["aggregation"]["autorater_share"]
    (2, 0.0)
    """
    stated = None if export is None else statement(Path(export), ratings)
    chosen = ratings
    if stated is not None:
        chosen = Ratings(ratings.source).where(**{c: list(v) for c, v in stated["chosen"].items()})
    subject = narrowed(chosen, item_id, rating_id)
    rows = per_rater(subject)
    if not len(rows) and (item_id is not None or rating_id is not None):
        named = f"rating_id={rating_id!r}" if rating_id is not None else f"item_id={item_id!r}"
        raise ParameterError(f"{named} is not among the {chosen.count():,} selected ratings of {ratings.source.name}, or was replaced or "
                             f"withdrawn. Name one that is.")
    what = {"item_id": text(item_id), "rating_id": text(rating_id), "chosen": conditions(chosen),
            "from": text(chosen.start), "until": text(chosen.end)}
    snapshot = ratings.snapshot
    made = str(stated["passport"]) if stated else stamp({"snapshot": snapshot.id, **what})
    return Passport(made, {
        "passport": made, "subject": what | summary(rows, subject),
        "snapshot": {"id": snapshot.id or None, "name": snapshot.name, "version": snapshot.version or None, "n_rows": snapshot.n_rows,
                     "left_out_by_filters": ratings.excluded()},
        "rubrics": rubrics(subject, snapshot), "checks": checks(subject, snapshot.id), "raters": raters(rows, chosen),
        "aggregation": aggregation(rows, stated, rating_id)})


def statement(path: Path, ratings: Ratings) -> dict[str, object]:
    """What an export's passport states, once it is known to be of these ratings and unaltered. Errors: `RatingsError`."""
    beside = path if path.name.endswith(".passport.json") else path.with_name(f"{path.name}.passport.json")
    try:
        stated = json.loads(beside.read_text(encoding="utf-8"))
        own, snapshot = stated["passport"], stated["snapshot"]["id"]
        decisive = {k: v for k, v in stated.items() if k not in GIVEN} | {"snapshot": snapshot}
        dict(stated["chosen"])
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise RatingsError(f"{beside}: no passport of an export can be read there ({type(fault).__name__}: {fault}). Name the file that "
                           "`workbench export consensus` wrote, its passport beside it.") from None
    if stamp(decisive) != own:
        raise RatingsError(f"{beside}: its id {own} is not the digest of what it states ({stamp(decisive)}): it was altered. Export anew.")
    if snapshot != ratings.source.id:
        as_of = stated["snapshot"].get("as_of")
        raise RatingsError(f"{beside}: it is of snapshot {snapshot} of {stated['snapshot'].get('name')}, and these ratings are snapshot "
                           f"{ratings.source.id or 'without identity'}. Read what it was made of"
                           + (f": read(..., as_of={as_of!r})." if as_of is not None else "."))
    return stated


def narrowed(ratings: Ratings, item_id: object, rating_id: str | None) -> Ratings:
    """The ratings of the subject. Errors: `ParameterError`."""
    if item_id is not None and rating_id is not None:
        raise ParameterError(f"item_id={item_id!r} and rating_id={rating_id!r}: one subject was expected. Name one of them, or neither.")
    if rating_id is not None and "rating_id" in ratings.missing:
        raise ParameterError(f"rating_id={rating_id!r}: {ratings.source.name} has no column rating_id. Name an item_id.")
    return ratings.where(rating_id=rating_id) if rating_id is not None else ratings if item_id is None else ratings.where(item_id=item_id)


def per_rater(subject: Ratings) -> pd.DataFrame:
    """The subject's ratings counted by rater, kind, party, layer and selection, with the last time of each."""
    rows = who(subject).groupby(list(USUAL), dropna=False, sort=False, as_index=False).agg(n=("n", "sum"), first=("first", "min"),
                                                                                        last=("last", "max"))
    return rows.sort_values(["rater_id", "layer", "selection", "status"], key=lambda c: c.astype(str), kind="stable", ignore_index=True)


def summary(rows: pd.DataFrame, subject: Ratings) -> dict[str, object]:
    """How many ratings the subject has, of how many items, by whom and when."""
    n_items = n_levels(subject, "item_id")
    return {"n_ratings": int(rows["n"].sum()), "n_items": n_items, "n_raters": int(rows["rater_id"].nunique()),
            "first": text(rows["first"].min()), "last": text(rows["last"].max())}


def rubrics(subject: Ratings, snapshot: Snapshot) -> list[dict[str, object]]:
    """The rubric versions in use, as their files state them."""
    found = []
    for (name, version), n in who(subject).groupby(["rubric", "rubric_version"])["n"].sum().items():
        rubric = subject.rubrics.get((name, version))
        told = {"author_party": None, "in_force": None, "parent": None, "changed": None, "hash": None} if rubric is None else {
            "author_party": rubric.author_party or None, "in_force": text(rubric.in_force), "parent": rubric.parent or None,
            "changed": rubric.changed or None, "hash": snapshot.rubrics.get(f"{name} {version}")}
        found.append({"instrument": f"{name} {version}", "rubric": name, "version": version, "n_ratings": int(n),
                      "file": rubric is not None, **told})
    return found


def checks(subject: Ratings, snapshot: str) -> list[dict[str, object]]:
    """The latest record of each check of the subject's batches or of all ratings: on this snapshot where there is one."""
    record = subject.side_table("checks")
    if record is None or record.empty:
        return []
    batch = record["batch"].fillna("").astype(str)
    if "batch" not in subject.missing:
        own = set(tallies(subject, by=["batch"])["batch"].dropna().astype(str))
        record, batch = record[batch.isin({"", *own})], batch[batch.isin({"", *own})]
    here = record["snapshot"].astype(str) == snapshot
    ordered = record.assign(batch=batch, here=here).sort_values(["here", "ran_at"], kind="stable")
    latest = ordered.groupby(["batch", "check"], sort=True).tail(1)
    return [{"check": row["check"], "version": text(row["check_version"]), "batch": row["batch"] or None, "ran_at": text(row["ran_at"]),
             "n_rows": int(row["n_rows"]), "n_failed": int(row["n_failed"]), "passed": int(row["n_failed"]) == 0,
             "on_this_snapshot": bool(row["here"])} for row in latest.sort_values(["batch", "check"]).to_dict("records")]


def raters(rows: pd.DataFrame, ratings: Ratings) -> dict[str, object]:
    """Who rated, those with most ratings first, each with their calibration by the time of their last rating of the subject."""
    grouped = rows.groupby("rater_id", sort=False, dropna=False).agg(
        kind=("rater_kind", "first"), party=("party", "first"), n=("n", "sum"), last=("last", "max"))
    listed = grouped.sort_values("n", ascending=False, kind="stable").head(MOST)
    known = calibration(ratings, listed["last"])
    told = [{"rater_id": str(rater), "kind": row["kind"], "party": text(row["party"]), "n_ratings": int(row["n"]),
             "as_of": text(row["last"]), **known.get(str(rater), {"n_gold": None, "gold_accuracy": None})}
            for rater, row in listed.iterrows()]
    return {"listed": told, "n_others": len(grouped) - len(listed)}


def calibration(ratings: Ratings, last: pd.Series) -> dict[str, dict[str, object]]:
    """Of each rater the units with gold that they rated before a time of theirs, and the share they matched.

    Gold with a date counts from then on. What was rated without a time is not known to be earlier.
    """
    blank = {"n_gold": 0, "gold_accuracy": None}
    if {"rater_kind", "rated_at"} & set(ratings.missing):
        return {}
    everything = Ratings(ratings.source, end=last.max().to_pydatetime()) if last.notna().any() else Ratings(ratings.source)
    units = tallies(everything.where(rater_kind="gold", status="rated"), by=["item_id", "rater_id"])
    timed = {str(rater): when for rater, when in last.items() if when == when}
    if units.empty:
        return {rater: dict(blank) for rater in timed}
    within = everything.where(item_id=list(units["item_id"].unique()), rater_id=[*last.index, *units["rater_id"].unique()],
                              rater_kind=["human", "expert", "adjudicator", "model", "program", "gold"])
    frame = cells(within, by=kinds(within), extra=["rater_kind", "rated_at"])
    keys = ["item_id", "step", "criterion", "rubric"]
    frame["step"] = frame["step"].astype("float64").fillna(-1)
    frame["value"] = frame["level"].astype("float64").fillna(frame["score"])
    is_gold = frame["rater_kind"] == "gold"
    truth = frame[is_gold].drop_duplicates(keys, keep="last")[[*keys, "value", "rated_at"]]
    both = frame[~is_gold].merge(truth, on=keys, suffixes=("", "_gold"))
    when = pd.to_datetime(both["rater_id"].astype(str).map(timed), utc=True)
    earlier = both[(both["rated_at"] < when) & (both["rated_at_gold"].isna() | (both["rated_at_gold"] < when))]
    right = (earlier["value"] == earlier["value_gold"]).groupby(earlier["rater_id"].astype(str)).agg(["size", "mean"])
    found = {rater: {"n_gold": int(n), "gold_accuracy": round(float(share), 6)} for rater, n, share in right.itertuples()}
    return {rater: found.get(rater, dict(blank)) for rater in timed}


def kinds(ratings: Ratings) -> list[str]:
    """What keeps scales apart."""
    scales = facts(ratings).scales
    return ["criterion", *(["rubric"] if len({rubric for rubric, _, _ in scales}) > 1 else []), "rubric_version"]


def aggregation(rows: pd.DataFrame, stated: Mapping[str, object] | None, rating_id: str | None) -> dict[str, object]:
    """How many ratings became one number, and how many of them no human gave."""
    total = int(rows["n"].sum())
    by = {column: {str(k): int(n) for k, n in rows.groupby(column)["n"].sum().items()} for column in ("rater_kind", "layer", "selection",
                                                                                                   "status")}
    auto = int(rows.loc[rows["rater_kind"].isin(AUTO), "n"].sum())
    told = {k: v for k, v in stated.items() if k not in (*GIVEN, "chosen")} if stated else \
        {"method": "none: one rating" if rating_id is not None else None}
    return told | {"autorater_share": auto / total if total else None, **{f"n_by_{column}": counts for column, counts in by.items()}}


def conditions(ratings: Ratings) -> dict[str, list[str]]:
    """What was selected, column to values."""
    return {column: sorted(map(str, values)) for column, values in ratings.conditions}


def text(value: object) -> str | None:
    """A value as JSON text; None where it is missing."""
    return None if value is None or value != value or value is pd.NaT else value.isoformat() if hasattr(value, "isoformat") else str(value)


def rows_of(part: str, held: object, of: str = "") -> Iterator[tuple[str, str, str, str]]:
    """A part of the statement as rows: lists by what they are of, mappings by fact."""
    if isinstance(held, list):
        if not held:
            yield part, of, "none on record", ""
        for each in held:
            name, *rest = each.values()
            yield from rows_of(part, dict(zip(list(each)[1:], rest)), str(name))
    elif isinstance(held, Mapping):
        for fact, value in held.items():
            if isinstance(value, list) and value and isinstance(value[0], Mapping):
                yield from rows_of(part, value)
            else:
                yield part, of, str(fact), shown(value)
    else:
        yield part, of, part, shown(held)


def shown(value: object) -> str:
    """A fact as a reader reads it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items()) or "none"
    if isinstance(value, list):
        return examples(value) if value else "none"
    return "not stated" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
