"""From a platform's export to the store: parsed, each row checked, appended in parts; what cannot be taken is set aside, and counted."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, RatingsError, one_of
from workbench.schema import BY_NAME
from workbench.store.columns import arrow_type, schema_of
from workbench.store.item_table import ItemStage
from workbench.store.managed import append_ratings, latest, locked, set_aside, unmanaged
from workbench.store.platforms import PLATFORMS
from workbench.store.platforms.rows import Fault, Item, Options, Silent, as_raw
from workbench.store.platforms.text import PLACE, WATCH
from workbench.store.rubrics import read_rubrics
from workbench.store.screening import Rules, Unfit, conflicts, fixed, misfit, screened

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

READY = ("appen", "zooniverse", "toloka")   # tables whose mapping is at hand
OWN = ("label-studio", "prodigy", "argilla", "inspect", "appraise", "mqm")     # formats that need no mapping
SHOWN = 3                           # of what was quarantined, told in words
ROWS, WEIGHT = 50_000, 48_000_000   # ratings, and characters in them, of one part: one commit


@dataclass(frozen=True)
class Tally:
    """What an import did. read = stored + unchanged + quarantined, in ratings; what cannot be read as one counts as one.

    superseding: of those stored, how many take the place of an earlier one. known: of those quarantined, how many were there
    already. without_rating: records that hold no rating, by kind. examples: the first few of those quarantined, in words.
    """

    read: int
    stored: int
    superseding: int
    unchanged: int
    quarantined: int
    known: int
    without_rating: dict[str, int] = field(default_factory=dict)
    examples: tuple[str, ...] = ()


def import_ratings(platform: str, paths: Sequence[str | Path], *, into: str | Path, options: Options = Options(),
                   progress: Callable[[Path, int], None] | None = None) -> Tally:
    """Import files of a platform into a dataset folder; a file imported again changes nothing, an edited one adds what was edited.

    platform: one of `store.platforms.PLATFORMS`. into: a dataset folder, made if it is not there. options: see `Options`.
    progress: called with a file and how many of its bytes were read.

    Rows that break the contract or the folder's rubrics go to `quarantine/` with reason, file and place. An import that was
    cut short is completed by another: what is there counts as unchanged. It holds no more than a part of a file in memory.
    Errors: `ParameterError`, `RatingsError` for a file of another kind, before anything of it is stored; for a folder or disk
    that takes no more, with what was stored before whole.
    """
    one_of("platform", platform, PLATFORMS)
    files, folder = [Path(p) for p in paths], Path(into)
    check_given(platform, files, options)
    with locked(folder):
        unmanaged(folder)
    parser = import_module(f"workbench.store.platforms.{PLATFORMS[platform]}")
    if platform in READY:
        options = replace(options, mapping=options.mapping or Path(__file__).parent / "platforms" / "mappings" / f"{platform}.toml")
    options = replace(options, rubrics=read_rubrics(folder / "rubrics"), values={c: fixed(c, v) for c, v in options.values.items()})
    token = WATCH.set(progress)
    try:
        takings = [import_file(parser.parse, path, folder, options, platform) for path in files]
    finally:
        WATCH.reset(token)
    return summed(takings)


def check_given(platform: str, files: Sequence[Path], options: Options) -> None:
    """Raise for files that are not there, columns that do not exist, values that do not fit them, and options that would do nothing.

    Errors: `RatingsError`, `ParameterError`.
    """
    idle = [name for name, value, of in (("--mapping", options.mapping, OWN), ("--item", options.item, ("appraise", "mqm")))
            if value is not None and platform in of]
    if idle:
        raise ParameterError(f"{idle[0]} says nothing to the importer {platform}. Leave it out, or use `workbench import table`.")
    for path in files:
        if not path.is_file():
            what = "it is a folder: name its files" if path.is_dir() else "there is no such file: check the path"
            raise RatingsError(f"{path}: a file was expected, and {what}.")
    unknown = [c for c in options.values if c not in BY_NAME or c in ("item_id", "rating_id")]
    if not files or unknown:
        raise ParameterError(f"{unknown[0]!r} cannot be given for all ratings. Columns that can: "
                             f"{', '.join(c for c in BY_NAME if c not in ('item_id', 'rating_id'))}." if unknown else "no file was named.")
    if wrong := [fault for c, v in options.values.items() if (fault := misfit(c, v))]:
        raise ParameterError(f"--set {wrong[0]}.")


def import_file(parse: Callable[..., Iterable[Any]], path: Path, folder: Path, options: Options, platform: str) -> Tally:
    """One file, part by part."""
    counts, without, items = Counter(), Counter(), ItemStage(folder)
    part = Part(folder, path, platform, rules_of(folder), counts)
    try:
        for record in parse(path, options):
            if isinstance(record, dict):
                part.add(batched(record, path, options.values))
            elif isinstance(record, Fault):
                part.set_aside(record)
            elif isinstance(record, Item):
                items.add(record.values)
            else:
                without[record.what] += isinstance(record, Silent)
            if part.full:
                part.store()
        part.store()
        items.merge()
    finally:
        items.close()
    if counts["read"] != counts["stored"] + counts["unchanged"] + counts["quarantined"]:
        raise RuntimeError(f"{path.name}: {dict(counts)} do not add up; this is a fault of the workbench, please report it")
    return Tally(**{c: counts[c] for c in ("read", "stored", "superseding", "unchanged", "quarantined", "known")},
                 without_rating=dict(without), examples=tuple(part.examples))


def batched(row: dict[str, Any], path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """A rating with what was given for all, and the file's name as its batch where it has none."""
    return {"batch": path.stem, **row, **values}


class Part:
    """Ratings and faults of a file on their way to the store, up to one commit's worth."""

    def __init__(self, folder: Path, path: Path, platform: str, rules: Rules, counts: Counter[str]) -> None:
        self.folder, self.path, self.platform, self.rules, self.counts = folder, path, platform, rules, counts
        self.rows, self.faults, self.examples, self.number, self.seen = [], [], [], 0, Seen()

    @property
    def full(self) -> bool:
        """Whether it is time to store."""
        return len(self.rows) + len(self.faults) >= ROWS or self.rules.weight >= WEIGHT

    def add(self, row: dict[str, Any]) -> None:
        """Take a rating, or set it aside where it breaks the contract."""
        try:
            made = screened(row, self.rules)
        except Unfit as fault:
            return self.set_aside(Fault(PLACE.get() or f"rating {self.counts['read'] + 1}", str(fault), as_raw(row)))
        except RatingsError as fault:       # a name that no column can have
            raise RatingsError(f"{self.path.name}: {fault}") from None
        self.counts["read"] += 1
        self.rows.append(made)

    def set_aside(self, fault: Fault) -> None:
        """Take a fault."""
        self.counts["read"] += 1
        self.rules.weight += len(fault.raw)
        self.faults.append(fault)
        if len(self.examples) < SHOWN:
            self.examples.append(f"{self.path.name}, {fault.place}: {fault.reason}")

    def store(self) -> None:
        """Append what was taken; before the first part, raise for a stored column that nothing fits."""
        if not self.number and (wrong := conflicts(self.rules)):
            raise RatingsError(f"{self.path.name}: {' '.join(wrong)} Nothing was stored.")
        self.number += 1
        said = {"action": "import", "platform": self.platform, "file": self.path.name, "part": str(self.number)}
        if self.rows:
            own = self.seen.told_apart(self.rows)
            self.counts["unchanged"] += len(self.rows) - len(own)
            self.append(own, said)
        if self.faults:
            new = set_aside(self.folder, fault_table(self.faults, self.path, self.platform), action=said)
            self.counts.update(quarantined=len(self.faults), known=len(self.faults) - new)
        self.rows, self.faults, self.rules.weight = [], [], 0

    def append(self, rows: list[dict[str, Any]], said: dict[str, str]) -> None:
        """Append ratings, and count what became of them."""
        if rows:
            done = append_ratings(self.folder, table_of(rows, self.rules.kinds), action=said)
            self.counts.update(stored=done.stored, superseding=done.superseding, unchanged=done.unchanged)


class Seen:
    """Keys of this import, and what stood under them, as 8 bytes each. A row that stands twice in a file is one rating; a key
    that stands twice with other values is two, told apart as KEY and KEY#2, so that importing again finds both unchanged."""

    def __init__(self) -> None:
        self.runs: list[np.ndarray] = []

    def told_apart(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows that are ratings of their own, under keys of their own."""
        import numpy as np

        wholes = [hash(repr(sorted((c, v) for c, v in row.items() if c != "batch"))) for row in rows]   # hash(-1.0) is hash(-2.0)
        keys = [hash(row["rating_id"]) for row in rows]
        known, fresh, made = self.among(np.array([keys, wholes], np.int64)), set(), []
        for row, key, whole, key_known, whole_known in zip(rows, keys, wholes, *known.tolist()):
            if whole_known or whole in fresh:
                continue
            if key_known or key in fresh:
                row = row | {"rating_id": self.numbered(row["rating_id"], fresh)}
            fresh |= {hash(row["rating_id"]), whole}
            made.append(row)
        self.runs.append(np.sort(np.fromiter(fresh, np.int64, len(fresh))))
        if len(self.runs) > 8:
            self.runs = [np.sort(np.concatenate(self.runs))]
        return made

    def among(self, hashes: np.ndarray) -> np.ndarray:
        """Which of these were seen in earlier parts."""
        import numpy as np

        found = np.zeros(hashes.shape, bool)
        for run in self.runs:
            if len(run):
                found |= run[np.minimum(np.searchsorted(run, hashes), len(run) - 1)] == hashes
        return found

    def numbered(self, key: str, fresh: set[int]) -> str:
        """The first of KEY#2, KEY#3, ... that was not seen."""
        import numpy as np

        for place in count(2):
            code = hash(f"{key}#{place}")
            if code not in fresh and not self.among(np.array([code], np.int64))[0]:
                return f"{key}#{place}"
        raise AssertionError("unreachable")


def rules_of(folder: Path) -> Rules:
    """What ratings of this dataset are held against, as things stand."""
    kinds = {c: str(kind) for c, kind in schema_of(latest(folder / "ratings")).items()}
    return Rules(rubrics=read_rubrics(folder / "rubrics"), kinds=kinds, held=frozenset(kinds),
                 latest=dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1))


def table_of(rows: list[dict[str, Any]], kinds: dict[str, str]) -> pa.Table:
    """Ratings as a table in the stored types."""
    import pyarrow as pa

    made = {}
    for column in dict.fromkeys(c for row in rows for c in row):
        type_ = arrow_type(BY_NAME[column].type if column in BY_NAME else kinds[column])
        made[column] = pa.array([row.get(column) for row in rows], type_)
    return pa.table(made)


def fault_table(faults: list[Fault], path: Path, platform: str) -> pa.Table:
    """Faults as rows of the quarantine."""
    import pyarrow as pa

    n, now = len(faults), dt.datetime.now(dt.timezone.utc)
    return pa.table({"platform": [platform] * n, "file": [path.name] * n, "place": [f.place for f in faults],
                     "reason": [as_raw(f.reason) for f in faults], "raw": [f.raw for f in faults],
                     "set_aside_at": pa.array([now] * n, pa.timestamp("us", tz="UTC"))})


def summed(tallies: Sequence[Tally]) -> Tally:
    """One tally for several files."""
    names = ("read", "stored", "superseding", "unchanged", "quarantined", "known")
    without = sum((Counter(t.without_rating) for t in tallies), Counter())
    return Tally(**{name: sum(getattr(t, name) for t in tallies) for name in names}, without_rating=dict(without),
                 examples=tuple(e for t in tallies for e in t.examples)[:SHOWN])
