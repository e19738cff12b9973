"""`read`: a file, several, a folder, a Delta table, a frame or an Ibis table -> Ratings. Lazy and checked by column."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ParameterError, RatingsError, examples, one_of, shorten
from workbench.instrument import Criterion, Rubric, Scale
from workbench.privacy import Terms, terms
from workbench.ratings import Ratings, matches
from workbench.schema import SCALES
from workbench.source import Source
from workbench.store.engine import as_view, in_utc
from workbench.store.history import pinned
from workbench.store.normalise import MARKS, OWN, normalise, renamed, text_columns
from workbench.store.pseudonyms import key_of, veiled, veiled_filters, veiled_rubrics, veiled_sides
from workbench.store.recalled import keeping, recall
from workbench.store.rubrics import read_rubrics
from workbench.store.sets import split_sets
from workbench.store.sides import SIDE_TABLES, check_side_tables, contents, loader
from workbench.store.sources import TEXT, Opened, open_delta, open_files, open_frame

if TYPE_CHECKING:
    import pandas as pd

PATHS = (str, os.PathLike, list, tuple)
SMALL = 300_000  # rows up to which the columns of a file are held in memory, a few hundred bytes a row


@dataclass(frozen=True)
class Location:
    """Where a dataset lies: its folder (None for a single file or table), its ratings files, its settings; or the frame it is."""

    name: str
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    delta: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    frame: Any = None

    @property
    def rubrics(self) -> Path | None:
        """Where its rubric files lie: `rubrics/` in a dataset folder, `NAME.rubrics/` beside a single file or Delta table."""
        if self.folder is not None:
            return self.folder / "rubrics"
        single = self.delta or (self.files[0] if len(self.files) == 1 else None)
        return single.with_name(f"{single.stem}.rubrics") if single else None


def read(source: object, *, columns: Mapping[str, str] | None = None, exclude: Mapping[str, object] | None = None,
         separators: Mapping[str, str] | None = None, engine: str | None = None, use: str | None = None, wide: bool = False,
         pseudonyms: str | None = None, as_of: int | str | dt.date | None = None) -> Ratings:
    """Ratings from where they lie, without loading them.

    source: a path to CSV, TSV, JSON Lines or Parquet, a folder of Parquet files, a Delta table, a dataset folder
        (`ratings` with side tables, `rubrics/`, `dataset.toml`), a list of such files, a pandas frame or an Ibis table.
    columns: the source's name -> the contract's name, for columns that are called otherwise, {"ts": "rated_at"}.
    exclude: column -> value or list of values; rows that have one of them are left out, and counted.
    separators: criterion -> the separator of its set-valued labels, {"relations": "|"}; each option becomes a yes/no criterion,
        and counts as a rating of its own.
    engine: None or "duckdb" for this process, or a Spark master ("spark://host:7077").
    use: "label" or "score" where a table has both and no rubric says which; default "score".
    wide: the file is a matrix, first column item ids, one further column a rater.
    pseudonyms: name of an environment variable with a key; rater ids, sessions and what else names raters become keyed hashes at once.
    as_of: a version of a Delta table, or a point in time: read it as it then stood. A path written DATA@7 says the same.

    A report's own terms (`privacy.Terms`: pseudonyms, one party) hold beside what is asked for here.
    Column names and types are checked here, values at the first question (`Ratings.check`).
    Errors: `RatingsError` naming file, column and cure; `RubricError`; `ParameterError`.
    """
    if use is not None:
        one_of("use", use, ("score", "label"))
    held = terms() if pseudonyms is None else replace(terms(), pseudonyms=pseudonyms)
    if pseudonyms is not None:
        key_of(pseudonyms)
    source, written = pinned(source)
    how = {"columns": columns, "exclude": exclude, "separators": separators, "engine": engine, "use": use, "wide": wide,
           "as_of": written if as_of is None else as_of}
    place = locate(source) if isinstance(source, PATHS) else None
    kept = keeping(place, held, how) if place else ""
    anew = partial(read_source, source, held, kept=kept, **how)
    return Ratings((recall(kept, place, held, anew) if kept else None) or anew())


def read_source(source: object, held: Terms, *, columns: Mapping[str, str] | None, exclude: Mapping[str, object] | None,
                separators: Mapping[str, str] | None, engine: str | None, use: str | None, wide: bool,
                as_of: int | str | dt.date | None, kept: str) -> Source:
    """What `read` reads, under these terms; its rows are to be kept under this name."""
    place, opened, mapping = opened_source(source, columns=columns, engine=engine, wide=wide, as_of=as_of)
    if place.folder:
        check_side_tables(place.folder)
    on_disk = bool(place.files or place.delta) and not wide
    table = renamed(opened.table, mapping, name=place.name)
    normal = normalise(table, name=place.name)
    table = veiled(normal.table, held, name=place.name, extras=normal.extras)
    table = as_view(table) if on_disk else table
    filters = veiled_filters(row_filters({**place.settings.get("exclude", {}), **(exclude or {})}, mapping, table, name=place.name), held)
    rows = table
    for column, values in filters.items():
        rows = rows.filter(~matches(rows[column], values).fill_null(False))
    sets = {**place.settings.get("separators", {}), **(separators or {})}
    rows = split_sets(rows, sets, name=place.name)
    rubrics = veiled_rubrics(read_rubrics(place.rubrics) if place.rubrics else {}, held)
    as_it_is = place.frame is not None and not (filters or sets or held.pseudonyms or held.party)
    mark = (sorted(mapping.items()), key_of(held.pseudonyms) if held.pseudonyms else None, wide, sorted(sets.items()),
            *([held.party] if held.party else []))
    return Source(
        name=place.name, tables=lambda: (rows, table), missing=normal.missing, extras=normal.extras, notes=normal.notes,
        rubrics=rubrics, exclude=filters, folder=place.folder if place.delta else None,
        identity=lambda: identity(opened, (*mark, *contents(place.folder))),
        side_table=veiled_sides(loader(place.folder), held, lambda: rows),
        use=use or place.settings.get("use"), on_disk=on_disk, filtered=rows is not table, kept=kept,
        small=on_disk and opened.n_rows <= SMALL and table.get_backend().name == "duckdb",
        frame=place.frame.rename(columns=str).rename(columns=mapping) if as_it_is else None)


def opened_source(source: object, *, columns: Mapping[str, str] | None, engine: str | None,
                  wide: bool, as_of: int | str | dt.date | None = None) -> tuple[Location, Opened, dict[str, str]]:
    """The source opened, where it lies, and the mapping that holds for it."""
    given = dict(columns or {})
    if isinstance(source, PATHS):
        place = locate(source)
        mapping = {**place.settings.get("columns", {}), **given}
        if as_of is not None and place.delta is None:
            raise ParameterError(f"as_of={as_of!r}: {place.name} is not a Delta table, and has no versions. Leave as_of out, or import it.")
        if wide:
            return place, open_frame(melted(place)), mapping
        if place.delta is not None:
            return place, open_delta(place.delta, engine=engine, as_of=as_of), mapping
        return place, open_files(place.files, engine=engine, as_text=text_columns(mapping)), mapping
    if type(source).__module__.startswith("pandas"):
        return Location("frame", frame=source), open_frame(source), given
    if hasattr(source, "schema") and hasattr(source, "execute"):
        timed = "rated_at" in (given.get(column, column) for column in source.columns)
        return Location("table"), Opened(in_utc(source) if timed else source, lambda: ""), given
    raise ParameterError(f"source is a {type(source).__name__}. Give a path, a list of paths, a pandas frame or an Ibis table.")


def locate(source: object) -> Location:
    """Which files a path or list of paths stands for."""
    if isinstance(source, (list, tuple)):
        files = tuple(Path(p) for p in source)
        if not files:
            raise ParameterError("source is an empty list. Give at least one file.")
        return Location(files[0].name, files=files)
    path = Path(source)
    if not path.exists():
        raise RatingsError(f"{path}: there is no such file or folder. Check the path.")
    if path.is_file():
        known_kind(path)
        return Location(path.name, files=(path,))
    settings = dataset_settings(path)
    name = settings.get("name", path.name)
    if (path / "_delta_log").is_dir():
        return Location(name, delta=path)
    if (path / "ratings" / "_delta_log").is_dir():
        return Location(name, folder=path, delta=path / "ratings", settings=settings)
    for candidate in (path / f"ratings{suffix}" for suffix in (".parquet", *TEXT)):
        if candidate.exists():
            return Location(name, folder=path, files=(candidate,), settings=settings)
    files = parquet_files(path / "ratings" if (path / "ratings").is_dir() else path)
    if not files:
        raise RatingsError(f"{path}: neither `ratings` (a Delta table, .parquet, .csv or .jsonl) nor Parquet files are in this folder.")
    return Location(name, folder=path, files=files, settings=settings)


def parquet_files(folder: Path) -> tuple[Path, ...]:
    """The Parquet files of a folder and its partitions, without side tables and what other programs hide."""
    found = (p for p in folder.rglob("*.parquet") if not any(part[0] in "._" for part in p.relative_to(folder).parts))
    return tuple(sorted(p for p in found if p.parent != folder or p.stem not in SIDE_TABLES))


def known_kind(path: Path) -> None:
    """Raise for a file of a kind that is not read."""
    kinds = (".parquet", *TEXT)
    if path.suffix.lower() not in kinds:
        raise RatingsError(f"{path.name}: files of kind {path.suffix or '(none)'} are not read. Save it as one of: {', '.join(kinds)}.")


def dataset_settings(folder: Path) -> dict[str, Any]:
    """`dataset.toml`: name, use, [columns], [exclude], [separators]. Errors: `RatingsError`."""
    path = folder / "dataset.toml"
    if not path.exists():
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise RatingsError(f"{path.name}: not a TOML file: {fault}.") from None
    unknown = sorted(set(settings) - {"name", "use", "columns", "exclude", "separators"})
    if unknown:
        raise RatingsError(f"{path.name}: unknown key {examples([repr(k) for k in unknown])}. "
                           f"Known: name, use, [columns], [exclude], [separators].")
    forms = {"name": "text", "use": '"score" or "label"', "columns": "a table of YOURS = \"OURS\"",
             "exclude": "a table of COLUMN = VALUE", "separators": "a table of CRITERION = \"SEPARATOR\""}
    for key, value in settings.items():
        if not well_formed(key, value):
            raise RatingsError(f"{path.name}: {key} is {shorten(repr(value))}, expected {forms[key]}. Correct that line.")
    return settings


def well_formed(key: str, value: object) -> bool:
    """Whether a setting of `dataset.toml` is of the kind its key takes."""
    if key in ("name", "use"):
        return isinstance(value, str) and (key == "name" or value in ("score", "label"))
    if not isinstance(value, dict):
        return False
    if key in ("columns", "separators"):
        return all(isinstance(one, str) for one in value.values())
    listed = (one for held in value.values() for one in (held if isinstance(held, list) else [held]))
    return not any(isinstance(one, (dict, list)) for one in listed)


def row_filters(exclude: Mapping[str, object], mapping: Mapping[str, str], table: Any, *, name: str) -> dict[str, tuple[object, ...]]:
    """Row filters by the contract's column names, each with a tuple of values. Errors: `RatingsError`."""
    filters = {}
    for column, value in exclude.items():
        column = mapping.get(column, column)
        if column not in table.columns or column in OWN or column.startswith(MARKS):
            raise RatingsError(f"{name}: a row filter names column {column!r}, which is not there. "
                               f"Its columns are: {', '.join(c for c in table.columns if c not in OWN and not c.startswith(MARKS))}.")
        filters[column] = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return filters


def melted(place: Location) -> "pd.DataFrame":
    """A matrix file (first column items, one column a rater) as long rows."""
    import pandas as pd

    path = place.files[0]
    matrix = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, sep=None, engine="python", dtype=str)
    if matrix.shape[1] < 2:
        raise RatingsError(f"{path.name}: a matrix needs a column of items and at least one of a rater, found {matrix.shape[1]} columns.")
    return long(matrix.set_index(matrix.columns[0]))


def long(matrix: "pd.DataFrame") -> "pd.DataFrame":
    """A matrix (index items, columns raters) as rows of item_id, rater_id and score, or label where there is text."""
    import pandas as pd

    for axis, labels in (("item", matrix.index), ("rater", matrix.columns)):
        if labels.has_duplicates:
            twice = labels[labels.duplicated()].unique().tolist()
            raise RatingsError(f"the matrix names {axis} {examples(twice)} twice. Names must differ.")
    rows = matrix.rename_axis("item_id").reset_index().melt(id_vars="item_id", var_name="rater_id", value_name="score")
    rows["item_id"], rows["rater_id"] = rows["item_id"].astype(str), rows["rater_id"].astype(str)
    given = rows["score"].notna()
    numbers = pd.to_numeric(rows["score"].astype(object).where(given), errors="coerce")
    if numbers[given].notna().all() and given.any():
        return rows.assign(score=numbers.astype("float64"))
    return rows.rename(columns={"score": "label"}).assign(label=lambda t: t["label"].astype(object).where(given).astype("string"))


def from_matrix(frame: "pd.DataFrame", scale: str | None = None) -> Ratings:
    """Ratings from a matrix: index -> item_id, columns -> rater_id; numbers or level names, gaps as NaN or None.

    `scale` ("nominal", "ordinal", "interval", "ratio") declares how the values are to be read, their levels being
    the values that occur; None assumes it as `read` does without a rubric.

    Errors: `RatingsError` for a name that stands twice; `ParameterError` for an unknown scale.
    """
    rows = long(frame)
    ratings = read(rows)
    if scale is None:
        return ratings
    one_of("scale", scale, SCALES)
    column = "score" if "score" in rows else "label"
    occurring = sorted(rows[column].dropna().unique())
    names = tuple(f"{v:g}" if column == "score" else str(v) for v in occurring)
    values = tuple(float(v) if column == "score" else float(i) for i, v in enumerate(occurring))
    low, high = (values[0], values[-1]) if values else (None, None)
    line = Criterion(Scale(scale, names, values, low, high))
    rubric = Rubric("default", "1", {"overall": line}, source="from_matrix")
    return Ratings(replace(ratings.source, rubrics={("default", "1"): rubric}, memory={}))


def identity(opened: Opened, mark: tuple[object, ...]) -> str:
    """The content identity of a source read with a mapping, or "" for none."""
    content = opened.identity()
    return hashlib.sha256(f"{content}{mark}".encode()).hexdigest()[:16] if content else ""
