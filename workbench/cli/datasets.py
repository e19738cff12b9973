"""`workbench check` and `workbench simulate`: what is wrong with a dataset, and a dataset with planted truth."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from workbench.cli.options import AsOf, Columns, Engine, Exclude, filters, mapping
from workbench.errors import ParameterError

DRAFT_HEAD = ("# Drafted from the ratings that occur: check the scale, put the levels in order, give them wordings.\n"
              "# scale: nominal (names only), ordinal (an order), interval (equal steps), ratio (and a true zero).\n")


def check(data: Annotated[Path, typer.Argument(metavar="DATA", help="A ratings file or dataset folder.")],
          write_rubrics: Annotated[bool, typer.Option("--write-rubrics", help="Draft rubric files from what occurs.")] = False,
          column: Columns = None, exclude: Exclude = None, engine: Engine = None,
          wide: Annotated[bool, typer.Option("--wide", help="The file is a matrix: items down, raters across.")] = False,
          as_of: AsOf = None) -> None:
    """Check ratings: columns, values, levels, duplicates, raters per item, overlap, times, rubric versions.

    What was run is added to `checks.parquet` of a dataset folder. Leaves with 1 when a required check fails.
    """
    columns, excluded = mapping(column), filters(exclude)
    from workbench.check import append_checks, check_ratings
    from workbench.store.history import pinned
    from workbench.store.read import locate, read

    ratings = read(data, columns=columns, exclude=excluded, engine=engine, wide=wide, as_of=as_of)
    outcomes = check_ratings(ratings)
    show_outcomes(outcomes)
    place = locate(pinned(data)[0])
    folder = place.folder
    if folder is not None:
        append_checks(folder, outcomes, ratings=ratings)
        print(f"Recorded in {folder / 'checks.parquet'}.")
    if write_rubrics:
        draft(ratings, place.rubrics)
    failed = [o for o in outcomes if o.required and not o.passed]
    for outcome in failed:
        print(f"RatingsError: {outcome.text}", file=sys.stderr)
    raise typer.Exit(1 if failed else 0)


def show_outcomes(outcomes: tuple) -> None:
    """Print the outcomes, and the rows behind those that did not pass."""
    from rich.console import Console
    from rich.text import Text

    from workbench.check import outcomes_table
    from workbench.cli.tables import rich_table

    shown = Console()
    table = outcomes_table(outcomes)
    shown.print(rich_table(table[["check", "outcome", "text"]], width=400))
    for outcome in outcomes:
        if not outcome.passed and len(outcome.table):
            shown.print(Text(f"{outcome.name}:", style="bold"))
            shown.print(rich_table(outcome.table.head(10)))


def draft(ratings: object, folder: Path) -> None:
    """Write rubric files that are not there yet."""
    from workbench.check import draft_rubrics
    from workbench.store.rubrics import rubric_text

    drafts = draft_rubrics(ratings)
    if not drafts:
        print("Every rubric version that occurs has its file: nothing was drafted.")
    for name, rubric in drafts.items():
        path = folder / name
        if path.exists():
            print(f"{path} is there already and was left alone.")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(DRAFT_HEAD + rubric_text(rubric), encoding="utf-8")
        print(f"Drafted {path}: check its scales and the order of its levels; the next read uses it.")


def simulate(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is new or empty.")],
             seed: Annotated[int, typer.Option(help="Decides everything: one seed, one dataset.")] = 0,
             ratings: Annotated[int | None, typer.Option(min=1, help="Not a programme but a plain panel of so many ratings, three an "
                                                                     "item: to try what a machine holds.")] = None) -> None:
    """Write a synthetic dataset whose truth is known and told in TRUTH.md."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ParameterError(f"{folder}: a new or an empty folder was expected, and something is there. Name another.")
    import os
    import tempfile

    from workbench.store.simulate import simulate as drawn
    from workbench.store.simulate import write_dataset
    from workbench.store.stream import Panel, write_panel_dataset

    panel = None if ratings is None else Panel(n_items=-(-ratings // 3), n_raters=200, raters_per_item=3, seed=seed)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".simulate-") as work:
        target = Path(work) / "dataset"
        built = write_dataset(drawn(seed=seed), target) if panel is None else write_panel_dataset(panel, target)
        os.replace(built, folder)
    print(f"{folder}: a dataset drawn with seed {seed}. What was planted is in {folder / 'TRUTH.md'}.")
