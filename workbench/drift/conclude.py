"""What to conclude of drift: alarms with what made them, and what cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from workbench.drift.starts import BASELINE_WINDOWS, FEW
from workbench.drift.streams import WINDOWS, key_columns, stream_name
from workbench.errors import examples
from workbench.estimates import finding, findings_table

if TYPE_CHECKING:
    from workbench.ratings import Ratings

NOTEBOOK = "drift"
WRITTEN = {"week": "%G-W%V", "month": "%Y-%m"}


def findings(ratings: Ratings, *, monitored: pd.DataFrame, parts: pd.DataFrame, turned: pd.DataFrame | None = None,
             turn_parts: pd.DataFrame | None = None, window: str = "week") -> pd.DataFrame:
    """What has changed, what made it, and what the data cannot tell: a findings table.

    ratings: what was monitored. monitored: one or more tables of `drift.monitor`, concatenated. parts: from `drift.changes`. turned,
    turn_parts: from `drift.change_points` and `drift.turns`: what a look back sees, always to be watched, for it is no alarm.
    A stream in alarm now is an "alarm", one that was "attention"; streams without are told in one "ok". What lacks (times,
    windows after the baseline, ratings in a window, a version's own baseline) is "unknown".

    >>> import pandas as pd, workbench as wb
    >>> ratings = wb.from_matrix(pd.DataFrame({"ann": [1, 2]}))
    >>> table = wb.drift.monitor(ratings)
    >>> findings(ratings, monitored=table, parts=wb.drift.changes(ratings, table))["sentence"][0]
    'No `rated_at`: drift cannot be judged.'
    """
    assert window in WINDOWS, window
    if "rated_at" in ratings.missing:
        return findings_table([finding(NOTEBOOK, "times", "No `rated_at`: drift cannot be judged.", severity="unknown",
                                       action="Deliver when each rating was given, or map its column to rated_at.")])
    if monitored.empty:
        return findings_table([finding(NOTEBOOK, "times", "No rating has a time: drift cannot be judged.", severity="unknown",
                                       action="Deliver when each rating was given.")])
    if not monitored["n_ratings"].sum():
        return findings_table([finding(NOTEBOOK, "ratings", "Drift cannot be judged: no rating with a value is a human's or expert's "
                                       "first one that was planned or for audit.", severity="unknown",
                                       action="See the checks of the agreement page, and map rater_kind, layer and selection.")])
    if not monitored["phase"].eq("watched").any():
        return findings_table([short(monitored, window), *versions(monitored, window), *of_clocks(ratings, monitored, window)])
    keys, latest = key_columns(monitored), monitored[monitored["start"] == monitored["start"].max()]
    streams = [(dict(zip(keys, key)), rows) for key, rows in latest.groupby([*keys, "metric"], dropna=False, sort=False)]
    rows = [row for key, stream in streams for row in alarms(key, stream, parts, window)]
    rows += [] if turned is None else looked_back(turned, parts.iloc[:0] if turn_parts is None else turn_parts, window)
    return findings_table([*rows, *calm(streams), *early(streams, window), *blind(streams, window), *versions(monitored, window),
                           *begun_anew(monitored, window), *of_clocks(ratings, monitored, window)])


def week(moment: object, window: str) -> str:
    """A window's start as a period is written."""
    return f"{pd.Timestamp(moment):{WRITTEN[window]}}"


def short(monitored: pd.DataFrame, window: str) -> dict[str, object]:
    """All there is is the baseline."""
    n = monitored["window"].nunique()
    first, last = (week(w, window) for w in (monitored["window"].min(), monitored["window"].max()))
    period = f"in {window} {first}" if n == 1 else f"from {first} to {last}"
    per_batch = "" if n > 1 else f" All ratings bear times of one {window}."
    return finding(NOTEBOOK, "too few windows", f"Drift cannot be judged: {n} {window}{'s' * (n > 1)} with ratings ({period}), "
                   f"and all of them are the baseline.{per_batch}", severity="unknown",
                   action=f"Wait for {window}s after the baseline, or name an earlier and shorter one.")


def evidence_of(row: pd.Series) -> dict[str, object]:
    """A row of the monitor as a finding's evidence."""
    return {**row[["value", "low", "high", "n_items", "n_raters", "n_ratings", "note"]].to_dict(), "name": row["metric"],
            "confidence": row["confidence"], "method": "e-process"}


def status_of(hit: pd.Series) -> str:
    """An alarm is found once its evidence would do for all streams and looks; until then the set it is in is right at this look only."""
    return "found" if hit["ever_alarmed"] else "watch"


def alarms(key: dict[str, object], stream: pd.DataFrame, parts: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """The finding of one stream that is or was in alarm."""
    if not stream["alarm"].any():
        return
    last, hit = stream.iloc[-1], stream[stream["alarm"]].iloc[-1]
    where = {**key, "metric": hit["metric"]}
    change = f"{hit['value']:.3g} [{hit['low']:.3g}, {hit['high']:.3g}] in {week(hit['window'], window)} against " \
             f"{hit['reference']:.3g} in its baseline (e-value {hit['e_value']:,.0f}, alarm at {hit['alarm_at']:,.0f}; " \
             f"{hit['n_ratings']:,} ratings)"
    of = f"The {hit['metric']} of {stream_name(key)}"
    made = made_by(key, parts) if hit["metric"] == "mean" else ""
    if last["alarm"]:
        yield finding(NOTEBOOK, "changed", f"{of} is in alarm since {week(last['alarmed_since'], window)}: {change}.{made}",
                      severity="alarm", status=status_of(hit), where=where, evidence=evidence_of(hit),
                      action="Read what made it; if the change is accepted, name the date under `accepted`.")
    else:
        first = stream[stream["alarm"]].iloc[0]
        weeks = f"from {week(first['window'], window)} to {week(hit['window'], window)}"
        yield finding(NOTEBOOK, "changed", f"{of} was in alarm {weeks}: {change}; evidence has since fallen below the "
                      f"alarm.{made}", severity="attention", status=status_of(hit), where=where, evidence=evidence_of(hit),
                      action="Decide whether ratings of these weeks may be used as they are.")


def made_by(key: dict[str, object], parts: pd.DataFrame) -> str:
    """The largest part of a stream's change, in words, with its interval."""
    if parts.empty:
        return ""
    same = pd.Series(True, index=parts.index)
    for column, level in key.items():
        same &= parts[column].isna() if level is None or level != level else parts[column] == level
    own = parts[same & parts["value"].notna()]
    if own.empty:
        return ""
    top = own.loc[own["value"].abs().idxmax()]
    interval = f" [{top['low']:+.3g}, {top['high']:+.3g}]" if top["low"] == top["low"] else ""
    return f" Of the change of {own['value'].sum():+.3g} ({own['after'].iloc[0]}), {top['part']}: {top['value']:+.3g}{interval}."


def looked_back(turned: pd.DataFrame, parts: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """One finding a change of a stream's level: when, how much, what made most of it, and what else changed then."""
    for row in turned.to_dict("records"):
        dates = " to ".join(dict.fromkeys(week(row[end], window) for end in ("low", "high")))
        own = parts[(parts["stream"] == row["stream"]) & (parts["at"] == row["at"])] if len(parts) else parts
        made = made_by({}, own if row["metric"] == "mean" else parts.iloc[:0])
        mixed = "mix of" in made
        beside = f" With it began or ended: {row['also']}." if row["also"] else ""
        yield finding(NOTEBOOK, "turned", f"Looking back, the {row['metric']} of {row['stream']} turned in {week(row['at'], window)} "
                      f"({row['confidence']:.0%}: {dates}), by {row['size']:+.3g} [{row['size_low']:+.3g}, {row['size_high']:+.3g}] "
                      f"({row['n_ratings']:,} ratings).{made}{beside}", severity="attention", status="watch",
                      where={"stream": row["stream"], "metric": row["metric"], "at": week(row["at"], window)},
                      evidence={"name": row["metric"], "value": row["size"], "low": row["size_low"], "high": row["size_high"],
                                "confidence": row["confidence"], "n_ratings": row["n_ratings"]},
                      action="Compare like with like: other tasks were rated, not rated otherwise." if mixed else
                      "Look for what changed then, in the rubric, the raters or the systems.")


def calm(streams: list[tuple[dict[str, object], pd.DataFrame]]) -> Iterator[dict[str, object]]:
    """One finding for all streams that were watched and never in alarm."""
    looked = [s for _, s in streams if s["e_value"].notna().any()]
    quiet = [s for s in looked if not s["alarm"].any()]
    if quiet:
        looks = max(int(s["e_value"].notna().sum()) for s in quiet)
        yield finding(NOTEBOOK, "no alarm", f"{len(quiet)} of {len(looked)} streams watched raised no alarm in up to {looks} "
                      "looks (of unchanged tables, at most a share of error_rate ever shows one).", severity="ok",
                      status="watch")


def early(streams: list[tuple[dict[str, object], pd.DataFrame]], window: str) -> Iterator[dict[str, object]]:
    """One finding for the streams whose baseline is too short to show how windows differ by themselves."""
    few = [s for _, s in streams if s["e_value"].notna().any() and s["note"].str.contains(FEW).any()]
    if few:
        yield finding(NOTEBOOK, "short baselines", f"Between-{window} variation cannot be separated from a change that comes early on "
                      f"{len(few)} of {len(streams)} streams: their baselines have fewer than {BASELINE_WINDOWS} {window}s, and "
                      "silence says little as yet.", severity="unknown", action=f"Watch further {window}s, or name a longer baseline.")


def blind(streams: list[tuple[dict[str, object], pd.DataFrame]], window: str) -> Iterator[dict[str, object]]:
    """The streams that no evidence can be had from, by their reason."""
    dark: dict[str, list[str]] = {}
    for key, s in streams:
        if not s["e_value"].notna().any():
            note = str(s["note"].iloc[-1]).split(";")[0].split(" (")[0] or f"too few {window}s with items enough"
            reason = note if s["phase"].eq("watched").any() else f"no {window} after the baseline"
            dark.setdefault(reason, []).append(f"{s['metric'].iloc[0]} of {stream_name(key)}")
    for reason, names in dark.items():
        yield finding(NOTEBOOK, f"not judged, {reason}", f"{len(names)} of {len(streams)} streams cannot be judged, {reason}: "
                      f"{examples(names)}.", severity="unknown",
                      action="Gather more items a window, watch by month, or split by fewer columns.")


def versions(monitored: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """Where a rubric version begins, what changes there cannot be told from the version itself."""
    start = monitored.groupby("rubric_version")["window"].min().sort_values()
    if len(start) > 1:
        begun = ", ".join(f"{version} (from {week(at, window)})" for version, at in start.items())
        yield finding(NOTEBOOK, "rubric versions", f"Rubric versions {begun} are separate streams: what changed with a version "
                      "cannot be told from the version itself here.", severity="unknown",
                      action="See the rubric page: a bridge set rated under both versions tells them apart.")


def begun_anew(monitored: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """How often the monitor has started: each start may err as often as the first."""
    starts = monitored[monitored["start"] > 1].groupby("start")["window"].min()
    if len(starts):
        since = ", ".join(week(at, window) for at in starts)
        yield finding(NOTEBOOK, "new baselines", f"Changes were accepted and baselines begun anew from {since}: the monitor is in its "
                      f"start {len(starts) + 1}, each with an error rate of its own; over all, at most {len(starts) + 1} times that share "
                      "of unchanged programmes ever alarms.", severity="ok", status="watch")


def of_clocks(ratings: Ratings, monitored: pd.DataFrame, window: str) -> Iterator[dict[str, object]]:
    """What the times themselves cannot bear: batches stamped at once, wrong clocks, long gaps, times without a zone."""
    from workbench.reduce import facts

    said = monitored.drop_duplicates("window")
    if said["note"].str.contains("time is per batch").any():
        yield finding(NOTEBOOK, "time is per batch", "Time is per batch: all ratings of a batch bear one time, so a change is dated by "
                      "when batches were stamped.", severity="unknown", action="Deliver when each rating was given.")
    for word, severity, text, action in (
            ("is a clock wrong", "attention", "over a year from most ratings, and not looked at",
             "Correct their times, or leave them out."),
            ("weeks without ratings", "ok", "after more than 8 weeks without ratings: what changed meanwhile shows at once",
             "Read an alarm there as a change over the gap, if the times are right.")):
        at = said.loc[said["note"].str.contains(word), "window"]
        if len(at):
            yield finding(NOTEBOOK, word, f"{len(at)} {window}{'s' * (len(at) > 1)} ({examples([week(w, window) for w in at])}) lie "
                          f"{text}.", severity=severity, status="watch", action=action)
    if any("no time zone" in note and "rated_at" in note for note in (*ratings.notes, *facts(ratings).notes)):
        yield finding(NOTEBOOK, "no time zone", "Times bear no zone and are read as UTC: a change of zone or to daylight saving moves "
                      f"ratings by hours, from one {window} to its neighbour at most.", severity="unknown",
                      action="Deliver times with their zone.")
