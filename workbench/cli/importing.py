"""`workbench import`: exports of labelling platforms into a dataset folder, counted, checked, and what was checked recorded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.options import split
from workbench.errors import ParameterError

if TYPE_CHECKING:
    from workbench.store.intake import Tally


def import_files(platform: Annotated[str, typer.Argument(metavar="PLATFORM", help="label-studio, prodigy, argilla, inspect, appraise, mqm, "
                                                                                  "appen, zooniverse, toloka, or table for any other.")],
                 files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What the platform exported.")],
                 into: Annotated[Path | None, typer.Option(metavar="DATA", help="A dataset folder; made if it is not there.")] = None,
                 item: Annotated[str | None, typer.Option(metavar="FIELD", help="Which field is the item's id.")] = None,
                 given: Annotated[list[str] | None, typer.Option("--set", metavar="COLUMN=VALUE", help="A column that is the same for all "
                                                                                                      "ratings: party=vendor_a.")] = None,
                 mapping: Annotated[Path | None, typer.Option(metavar="TOML", help="table: which columns are what.")] = None,
                 guess: Annotated[bool, typer.Option("--guess", help="table: propose a mapping, and import nothing.")] = False) -> None:
    """Import what a platform exported. Importing a file again changes nothing; an edited one adds what was edited.

    Rows that cannot be taken go to DATA/quarantine with reason, file and place. Leaves with 1 when nothing could be taken or a
    required check fails.
    """
    from workbench.store.intake import import_ratings
    from workbench.store.platforms.rows import Options

    if guess:
        return propose(platform, files)
    if into is None:
        raise ParameterError("--into is missing: a dataset folder to import into was expected. Example: --into data/live.")
    options = Options(item=item, values=named(given), mapping=mapping)
    with bar(files) as progress:
        tally = import_ratings(platform, files, into=into, options=options, progress=progress)
    print("\n".join(told(tally, into)))
    taken = tally.stored + tally.unchanged
    raise typer.Exit(max(check_import(into) if taken else 0, 1 if tally.read and not taken else 0))


def propose(platform: str, files: Sequence[Path]) -> None:
    """Print a mapping proposed for a table, and why."""
    if platform != "table" or len(files) != 1:
        raise ParameterError("--guess proposes a mapping for one table. Use it as: workbench import table FILE --guess.")
    from workbench.store.platforms.guess import guess_mapping

    print(guess_mapping(files[0]))


def named(pairs: Sequence[str] | None) -> dict[str, str]:
    """`--set` options as columns. Errors: `ParameterError`, also for a column given twice."""
    found: dict[str, str] = {}
    for pair in pairs or ():
        name, value = split(pair, option="--set")
        if name in found:
            raise ParameterError(f"--set {name} was given twice. Give it once.")
        found[name] = value
    return found


@contextmanager
def bar(files: Sequence[Path]) -> Iterator[Callable[[Path, int], None] | None]:
    """A progress bar over the bytes of the files, on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with Progress(TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console,
                  transient=True) as shown:
        tasks = {path.resolve(): shown.add_task(path.name, total=path.stat().st_size, visible=False) for path in files if path.is_file()}
        yield lambda path, done: shown.update(tasks[path.resolve()], completed=done, visible=True)


def told(tally: Tally, into: Path) -> list[str]:
    """What an import did, in lines."""
    lines = [f"{tally.read:,} read = {tally.stored:,} stored + {tally.unchanged:,} unchanged + {tally.quarantined:,} quarantined"]
    if tally.superseding:
        lines.append(f"{tally.superseding:,} of those stored supersede an earlier rating, which stays as history.")
    if tally.quarantined:
        known = f", {tally.known:,} of them there already" if tally.known else ""
        lines.append(f"Quarantined{known}: {'; '.join(tally.examples)}. All of them: workbench data quarantine {into}")
    if tally.without_rating:
        kinds = ", ".join(f"{n:,} {what}" for what, n in sorted(tally.without_rating.items(), key=lambda kind: -kind[1]))
        lines.append(f"Records without a rating: {kinds}.")
    return lines


def check_import(folder: Path) -> int:
    """Check the dataset as it now is and record that, unless this very state was checked; the exit code."""
    from workbench.check import append_checks, check_ratings
    from workbench.store.read import read

    ratings = read(folder)
    recorded = ratings.side_table("checks")
    if recorded is not None and ratings.source.id in set(recorded.get("snapshot", ())):
        print(f"Nothing has changed since the checks recorded in {folder / 'checks.parquet'}.")
        return 0
    outcomes = check_ratings(ratings)
    append_checks(folder, outcomes, ratings=ratings)
    wanting = [o for o in outcomes if not o.passed]
    print(f"Checked {ratings.count():,} ratings: {len(outcomes) - len(wanting)} of {len(outcomes)} checks passed; recorded in "
          f"{folder / 'checks.parquet'}.")
    for outcome in wanting:
        print(f"  {outcome.name}: {outcome.text}", file=sys.stderr if outcome.required else sys.stdout)
    return int(any(o.required for o in wanting))
