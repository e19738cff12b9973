"""`workbench export`: the consensus with its soft labels, as a file that says how it came about."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import AsOf, Columns, Engine, Exclude, filters, mapping
from workbench.errors import RatingsError, one_of

if TYPE_CHECKING:
    import pandas as pd

    from workbench.ratings import Ratings

METHODS = ("majority", "weighted", "dawid-skene", "one-coin", "numeric")
CONFIDENCE = 0.95
ADJUDICATED = "an adjudicator's rating is its unit's label, whatever the gate; the panel's soft label stands beside it"

export = typer.Typer(no_args_is_help=True, help="What leaves the workbench: the consensus with its soft labels.")


@export.callback()
def exports() -> None:
    """What leaves the workbench: the consensus with its soft labels."""


@export.command("consensus")
def consensus(data: Annotated[Path, typer.Argument(metavar="DATA", help="A ratings file or dataset folder.")],
              out: Annotated[Path, typer.Option(metavar="FILE", help="A .parquet or .jsonl file to write.")],
              method: Annotated[str, typer.Option(help=", ".join(METHODS) + ".")] = "dawid-skene",
              min_ratings: Annotated[int, typer.Option(min=1, help="Fewest ratings of a unit.")] = 2,
              gate: Annotated[float, typer.Option(min=0, max=1, help="Least probability of a label.")] = 0.0,
              max_width: Annotated[float | None, typer.Option(help="Widest interval of a mean, in score units.")] = None,
              criterion: Annotated[list[str] | None, typer.Option(help="Only this criterion. Repeatable.")] = None,
              column: Columns = None, exclude: Exclude = None, engine: Engine = None, as_of: AsOf = None) -> None:
    """Write a row an item (or step), criterion and rubric version: consensus, soft label, intervals, n, snapshot and passport.

    Units below the gate are left out and counted; adjudicated ones are above it. FILE.passport.json states what decided the rows.
    """
    one_of("--method", method, METHODS)
    columns, excluded = mapping(column), filters(exclude)
    from workbench.agreement import soft_labels
    from workbench.store.exported import check_target, passport_path, write_export
    from workbench.store.read import read

    check_target(out)
    source, version = newest(data, as_of)
    ratings = read(source, columns=columns, exclude=excluded, engine=engine, as_of=version)
    ratings = ratings.where(criterion=criterion) if criterion else ratings
    gates = dict(min_ratings=min_ratings, gate=gate, max_width=math.inf if max_width is None else max_width)
    units = soft_labels(ratings, method=method.replace("-", "_"), confidence=CONFIDENCE, **gates)
    if units.empty:
        raise RatingsError(f"{ratings.source.name}: there is no consensus without ratings, and of {ratings.count():,} rows none is a "
                           "rating with a value by a human or expert (layer 0, planned or audit) or an adjudicator. Check rater_kind, "
                           "layer, status and selection.")
    passport = passport_of(ratings, version, method, {**gates, "max_width": max_width})
    kept = units["left_out"] == ""
    rows = units[kept].drop(columns="left_out").assign(snapshot=ratings.source.id, passport=passport["passport"])
    write_export(rows, out, passport={**passport, "counts": counts(units)})
    print("\n".join(told(out, passport_path(out), {**passport, "counts": counts(units)})))


def newest(data: Path, as_of: str | None) -> tuple[Path, str | None]:
    """A dataset's path and, of a Delta table, the version to read, which the passport names; else `as_of` as it is."""
    from workbench.store.history import pin, pinned
    from workbench.store.read import locate

    source, written = pinned(data)
    wanted = written if as_of is None else as_of
    if locate(source).delta is None:
        return Path(source), wanted
    return Path(source), str(pin(source, wanted)).rpartition("@")[2]


def passport_of(ratings: Ratings, version: str | None, method: str, gate: Mapping[str, float | None]) -> dict[str, object]:
    """What decides the rows, and `passport`, the digest of it."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    from workbench.cache import stamp
    from workbench.cache import source_hash

    try:
        package = installed("workbench")
    except PackageNotFoundError:
        package = "from its sources"
    snapshot = ratings.snapshot
    chosen = {column: sorted(map(str, values)) for column, values in ratings.conditions}
    decisive = {"snapshot": snapshot.id, "chosen": chosen, "method": method, "confidence": CONFIDENCE, "gate": dict(gate),
                "adjudications": ADJUDICATED, "workbench": {"version": package, "sources": source_hash()[:12]}}
    described = {"id": snapshot.id, "name": snapshot.name, "as_of": version, "n_rows": snapshot.n_rows,
                 "rubrics": dict(snapshot.rubrics), "left_out_by_filters": ratings.excluded()}
    return {"passport": stamp(decisive), **decisive, "snapshot": described}


def counts(units: pd.DataFrame) -> dict[str, object]:
    """How many units were written and left out, in all and by criterion, and why those that are undefined are."""
    gone = units[units["left_out"] != ""]
    why = gone.loc[gone["left_out"] == "undefined", "note"].value_counts()
    by_line = units["left_out"].eq("").groupby([units[c] for c in ("criterion", "rubric", "rubric_version")]).agg(["sum", "size"])
    return {"units": len(units), "written": len(units) - len(gone),
            "adjudicated": int((units["decided_by"] == "adjudicator").sum()),
            "tied": int((units["left_out"].eq("") & units["note"].str.contains("tie: ")).sum()),
            "left_out": {reason: int(n) for reason, n in sorted(gone["left_out"].value_counts().items())},
            "undefined": {note: int(n) for note, n in sorted(why.items(), key=lambda pair: (-pair[1], pair[0]))[:5]},
            "criteria": [dict(zip(("criterion", "rubric", "rubric_version"), key), written=int(n), left_out=int(size - n))
                         for key, (n, size) in zip(by_line.index, by_line.to_numpy())]}


def told(out: Path, beside: Path, passport: Mapping[str, object]) -> list[str]:
    """What an export did, in lines."""
    n = passport["counts"]
    lines = [f"{out}: {n['written']:,} of {n['units']:,} units, {n['adjudicated']:,} decided by an adjudicator. Passport "
             f"{passport['passport']} in {beside.name}."]
    if n["left_out"]:
        lines.append(f"Left out: {', '.join(f'{k:,} {reason}' for reason, k in n['left_out'].items())}.")
    lines += [f"  undefined, {k:,}: {note}" for note, k in n["undefined"].items()]
    return lines + ([f"Ties, whose label is the level that is commoner in all: {n['tied']:,}; their note says so."] if n["tied"] else [])
