"""A report of a closed week stands while later ratings come in: what runs by itself makes it again when the week itself has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.report.artefact import MANIFEST, is_complete
from workbench.report.collect import fingerprint
from workbench.report.pack import Pack
from workbench.report.version import version

if TYPE_CHECKING:
    from workbench.ratings import Ratings


def standing(folder: Path, ratings: Ratings, *, pack: Pack, period: str, given: Mapping[str, object],
             past: Sequence[Mapping[str, object]] = ()) -> str:
    """The version of a whole report of this period from which one made now would differ by ratings outside the period alone; "" for none.

    folder: that of the period. Code, parameters, rubrics, what was done about findings and the ratings of the period must be the same;
    ratings that came later for an earlier week count from the next period on.
    """
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            then = replace(ratings.snapshot, id=told["snapshot"]["id"], n_rows=told["snapshot"]["n_rows"])
            alike = is_complete(path.parent) and path.parent.name == version(pack, period=period, snapshot=then, given=given, past=past)
            if alike and told["fingerprint"] == fingerprint(ratings.period(period)):
                return path.parent.name
    return ""
