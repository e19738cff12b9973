"""A platform for tests: a CSV with columns of the contract, `rated_at` as ISO text, and further ones; a row without score is silent.

Run as a program it imports a file into a folder, so that a test can kill it: plain_platform.py FILE FOLDER [ROWS of a part].
"""

from __future__ import annotations

import datetime as dt
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from workbench.store import platforms
from workbench.store.platforms.rows import Fault, Item, Options, Silent, delimited


def parse(path: Path, options: Options) -> Iterator[dict | Item | Silent | Fault]:
    """Ratings, with the item's text as an item where there is one."""
    for entry in delimited(path):
        if isinstance(entry, Fault):
            yield entry
            continue
        row = {column: value or None for column, value in entry[1].items()}
        text = row.pop("text", None)
        if text:
            yield Item({"item_id": row["item_id"], "text": text})
        if row.get("score") is None and row.get("label") is None:
            yield Silent("row without a value")
            continue
        row["rating_id"] = row.get("rating_id") or f"plain:{row['item_id']}:{row['rater_id']}"
        if row.get("rated_at"):
            row["rated_at"] = dt.datetime.fromisoformat(row["rated_at"])
        yield row


def register() -> None:
    """Make `plain` a platform of this process."""
    module = types.ModuleType("workbench.store.platforms.plain_platform")
    module.parse = parse
    sys.modules[module.__name__] = module
    platforms.PLATFORMS["plain"] = "plain_platform"


if __name__ == "__main__":
    from workbench.store import intake

    register()
    intake.ROWS = int(sys.argv[3]) if len(sys.argv) > 3 else intake.ROWS
    print("ready", flush=True)
    print(intake.import_ratings("plain", [sys.argv[1]], into=sys.argv[2]))
