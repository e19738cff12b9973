"""A plain dataset copied into a managed one, so that decisions can be appended to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from workbench.cache import replacing
from workbench.errors import ParameterError, RatingsError
from workbench.schema import BY_NAME
from workbench.store.item_table import ItemStage
from workbench.store.managed import append_ratings, locked, not_written
from workbench.store.normalise import MARKS
from workbench.store.read import Location, locate, read

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 100_000     # ratings of one commit
COPIED = ("steps", "raters", "systems", "criteria", "checks")
# what tells a rating from others, where the source has no keys of its own
IDENTITY = ("item_id", "step", "criterion", "rubric", "rubric_version", "rater_id", "rater_kind", "layer", "rated_at")


@dataclass(frozen=True)
class Adopted:
    """What adopting did: ratings stored anew, of these superseding, there already; and files that were there with other content, and
    were left as they are."""

    folder: Path
    stored: int
    superseding: int
    unchanged: int
    left: tuple[str, ...]


def adopt(source: str | Path, *, into: str | Path) -> Adopted:
    """Copy a dataset (a folder, or a single file) into a managed folder, to which imports and reviews can append.

    Ratings keep their rating_id; those without get one made of who rated what and when, so that adopting again stores nothing twice and
    an edited score supersedes. Columns get the contract's names; row filters and separators of `dataset.toml` stay in force there,
    items are brought up to date, other side tables and rubric files are copied where they are not there yet.
    Errors: `ParameterError` for a folder adopted into itself; `RatingsError` for ratings that break the contract, for a folder that
    holds plain ratings, or cannot be written.
    """
    place, folder = locate(source), Path(into)
    own = [p.resolve() for p in (place.folder, place.delta, *(f.parent for f in place.files)) if p]
    if folder.resolve() in own:
        raise ParameterError(f"into={str(into)!r} is where the source lies. Name a new folder.")
    ratings = read(source)
    ratings.check()
    stored = superseding = unchanged = 0
    with TemporaryDirectory() as spool:
        for rows in chunks(ratings.source, Path(spool) / "rows.parquet"):
            done = append_ratings(folder, rows, action={"action": "adopt", "dataset": place.name})
            stored, superseding, unchanged = stored + done.stored, superseding + done.superseding, unchanged + done.unchanged
    try:
        left = beside_it(place, folder, settings_of(place, ratings))
    except OSError as fault:
        raise not_written(folder, fault) from None
    return Adopted(folder, stored, superseding, unchanged, tuple(left))


def chunks(source: Any, spool: Path) -> Iterator[pa.Table]:
    """The source's rows as they were before row filters, in their order, each with a key; through a file, for memory may not hold them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = keyed(source.unfiltered)
    kept = [c for c in table.columns if (c in BY_NAME and c not in source.missing) or c in source.extras or c in ("rating_id", "batch")]
    (table.order_by("_row") if "_row" in table.columns else table).select(*kept).to_parquet(spool)
    for batch in pq.ParquetFile(spool).iter_batches(CHUNK):
        yield whole_ids(pa.Table.from_batches([batch]))


def whole_ids(rows: pa.Table) -> pa.Table:
    """Rows with every column of the contract's text as text: ids that were numbers are stored as they are written."""
    import pyarrow as pa

    for column, kind in ((c, BY_NAME[c].type) for c in rows.column_names if c in BY_NAME):
        if kind == "string":
            rows = rows.set_column(rows.column_names.index(column), column, rows[column].cast(pa.string()))
    return rows


def keyed(table: Any) -> Any:
    """The table with a `rating_id` in every row, each different, as long as the source's own are."""
    import ibis

    names = [c for c in table.columns if not c.startswith(MARKS)]
    table = table.select(*names)
    written = [table[c].cast("string").fill_null("") for c in IDENTITY]
    table = table.mutate(_made=ibis.literal("\x1f").join(written).hexdigest("md5"))
    order = [table[c] for c in ("_row",) if c in table.columns]
    table = table.mutate(_again=ibis.row_number().over(group_by=["_made"], order_by=order))
    made = ibis.literal("row-") + table._made + (table._again > 0).ifelse(ibis.literal("-") + (table._again + 1).cast("string"), "")
    return table.mutate(rating_id=ibis.coalesce(table.rating_id.cast("string"), made)).drop("_made", "_again")


def settings_of(place: Location, ratings: Any) -> str:
    """The text of the adopted dataset's `dataset.toml`; names are the contract's by then."""
    from workbench.store.rubrics import plain, quoted

    def value(one: Any) -> str:
        return str(one).lower() if isinstance(one, bool) else plain(one) if isinstance(one, (int, float)) else quoted(str(one))

    lines = [f"name = {quoted(place.name)}"] + ([f"use = {quoted(ratings.source.use)}"] if ratings.source.use else [])
    if ratings.source.exclude:
        lines += ["", "[exclude]", *(f"{quoted(c)} = [{', '.join(map(value, held))}]" for c, held in ratings.source.exclude.items())]
    if separators := place.settings.get("separators"):
        lines += ["", "[separators]", *(f"{quoted(c)} = {quoted(s)}" for c, s in separators.items())]
    return "\n".join(lines) + "\n"


def beside_it(place: Location, folder: Path, settings: str) -> list[str]:
    """Copy what lies beside the ratings; the names of files that were there with other content."""
    left = []
    with locked(folder):
        files = [(p, folder / p.name) for n in COPIED if place.folder and (p := place.folder / f"{n}.parquet").exists()]
        files += [(p, folder / "rubrics" / p.name) for p in (sorted(place.rubrics.glob("*.toml")) if place.rubrics else ())]
        for source, target in files:
            if not target.exists():
                target.parent.mkdir(exist_ok=True)
                with replacing(target) as partial:
                    shutil.copyfile(source, partial)
            elif target.read_bytes() != source.read_bytes():
                left.append(target.relative_to(folder).as_posix())
        target = folder / "dataset.toml"
        if not target.exists():
            target.write_text(settings, encoding="utf-8")
        elif target.read_text(encoding="utf-8") != settings:
            left.append(target.name)
    if place.folder and (place.folder / "items.parquet").exists():
        merge_items(place.folder / "items.parquet", folder)
    return left


def merge_items(source: Path, folder: Path) -> None:
    """Bring the adopted dataset's items up to date."""
    import pyarrow.parquet as pq

    stage = ItemStage(folder)
    try:
        for batch in pq.ParquetFile(source).iter_batches():
            for item in batch.to_pylist():
                if item.get("item_id") is None:
                    raise RatingsError(f"{source.name}: an item has no item_id. Fill it in, or drop the row.")
                stage.add(item)
        stage.merge()
    finally:
        stage.close()
