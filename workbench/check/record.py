"""The record of checks: `checks.parquet` in a dataset folder, one row for each check that was run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from workbench.cache import replacing
from workbench.check.outcome import CheckOutcome
from workbench.errors import RatingsError
from workbench.ratings import Ratings

VERSION = "1"  # of the checks; raised when what one of them counts changes
RECORD = {"batch": "string", "check": "string", "check_version": "string", "rubric_version": "string", "snapshot": "string",
          "ran_at": "datetime64[us, UTC]", "n_rows": "int64", "n_failed": "int64"}


def append_checks(folder: str | Path, outcomes: Iterable[CheckOutcome], *, ratings: Ratings,
                  ran_at: dt.datetime | None = None) -> Path:
    """Add a row for each outcome to `checks.parquet` of a dataset folder; the file is whole at every moment.

    `batch` is empty: these checks are of all that was read. `ran_at` is now unless given.
    Errors: `RatingsError` when the folder or what is there cannot be read or written.
    """
    path = Path(folder) / "checks.parquet"
    when = ran_at or dt.datetime.now(dt.timezone.utc)
    versions = ", ".join(sorted({version for _, version in ratings.rubrics}))
    rows = [("", o.name, VERSION, versions, ratings.source.id, when, o.n_rows, o.n_failed) for o in outcomes]
    made = pd.DataFrame(rows, columns=list(RECORD)).astype(RECORD)
    try:
        if path.exists():
            made = pd.concat([pd.read_parquet(path).astype(RECORD), made], ignore_index=True)
        with replacing(path) as partial:
            made.to_parquet(partial, index=False)
    except (OSError, ValueError, KeyError) as fault:
        raise RatingsError(f"{path}: the record of checks cannot be read or written ({fault}). Make the folder writable, or move "
                           "the file away.") from None
    return path
