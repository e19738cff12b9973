"""A report of a closed week stands while later ratings come in: what runs by itself makes it again when the week itself has changed. So
does a failure that came thrice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import examples
from workbench.report.artefact import MANIFEST, OF_FAILED, Run, is_complete
from workbench.report.collect import fingerprint
from workbench.report.pack import Pack
from workbench.report.period import UNDATED
from workbench.report.version import version

if TYPE_CHECKING:
    from workbench.ratings import Ratings

Told = tuple[Path, Mapping[str, Any]]      # where a report lies, and its manifest
TRIES = 3       # after so many a run by itself passes a week over


def standing(found: Sequence[Told]) -> str:
    """The version of a whole report among those that are `alike`; "" for none."""
    return next((place.name for place, _ in found if is_complete(place)), "")


def given_up(found: Sequence[Told]) -> Run | None:
    """Of those that are `alike` the last that failed, where they did `TRIES` times or more; None where it is worth another try."""
    lost = [(told, place) for place, told in found if not is_complete(place)]
    if sum(told.get("tries", 1) for told, _ in lost) < TRIES:
        return None
    told, place = max(lost, key=lambda one: one[0]["started"])
    failed = {name: one["error"] for name, one in told["notebooks"].items() if one["error"]}
    return Run(told["pack"], told["period"], told["version"], place, failed, reused=True)


def passed_over(run: Run) -> str:
    """What is told of a report that `given_up` gave, with the cure."""
    return (f"passed over, for it failed {TRIES} times on the same inputs ({examples(sorted(run.failed))}); mend the cause, and run it "
            f"with --period {run.period} or --force")


def tries(place: Path) -> int:
    """How often the failed report that lies here was tried; 0 where none does."""
    try:
        return int(json.loads((place / MANIFEST).read_text(encoding="utf-8")).get("tries", 1))
    except (OSError, ValueError):
        return 0


def alike(folder: Path, ratings: Ratings, *, pack: Pack, period: str, given: Mapping[str, object],
          past: Sequence[Mapping[str, object]] = ()) -> list[Told]:
    """The reports of this period, whole or failed, from which one made now would differ by ratings outside the period alone, with their
    manifests.

    folder: that of the period. Code, parameters, rubrics, what was done about findings and the ratings of the period must be the same;
    ratings that came later for an earlier week count from the next period on.
    """
    found = []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            then = replace(ratings.snapshot, id=told["snapshot"]["id"], n_rows=told["snapshot"]["n_rows"])
            same = path.parent.name.removesuffix(OF_FAILED) == version(pack, period=period, snapshot=then, given=given, past=past)
            known = then.id == ratings.snapshot.id
            if same and (known or period != UNDATED and told["fingerprint"] == fingerprint(ratings.period(period))):
                found.append((path.parent, told))
    return found
