"""Where derived files are kept: `.workbench/` in the workspace, else the user's cache folder. Safe to delete. And how a file is
written so that it is whole at every moment."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

Made = TypeVar("Made")


def workspace(start: Path | None = None) -> Path | None:
    """The nearest folder upward from `start` (default: the current one) that holds `notebooks/` and `reports/`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "notebooks").is_dir() and (folder / "reports").is_dir():
            return folder
    return None


def cache_folder() -> Path:
    """The folder for derived files; made when first asked for."""
    home = workspace()
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"
    folder = home / ".workbench" if home else user
    with written(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def written(folder: Path) -> Iterator[None]:
    """Errors: `WorkbenchError` where nothing can be written to the cache, its disk being full or read-only."""
    try:
        yield
    except OSError as error:
        ours = error.errno == errno.EACCES and str(error.filename or "").startswith(str(folder))    # and not what was to be read
        if not ours and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        raise WorkbenchError(f"{folder.name}/: the cache could not be written ({os.strerror(error.errno)}). Make room on its disk, and the "
                             "folder writable; what it holds may be removed.") from None


def digest(*parts: object) -> str:
    """A 32-digit hexadecimal key for the text of `parts`."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def stamp(decisive: Mapping[str, object]) -> str:
    """The id of a passport: 16 hexadecimal digits for what decides a number."""
    return digest(json.dumps(decisive, sort_keys=True))[:16]


def parquet_frame(path: Path) -> pd.DataFrame:
    """A Parquet file of ours as a frame; `pandas.read_parquet` would first load Arrow's data sets, which takes longer than the file."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        return file.read(use_pandas_metadata=True).to_pandas()


def undamaged(path: Path, read: Callable[[Path], Made]) -> Made | None:
    """What `read` makes of a cached Parquet file; None where there is none, or it is damaged and now gone."""
    import pyarrow as pa

    try:
        return read(path)
    except FileNotFoundError:
        return None
    except (pa.ArrowInvalid, OSError):
        with suppress(OSError):
            path.unlink()
        return None


def kept(name: str, write: Callable[[Path], None]) -> Path:
    """The cached file `name` ("staged/abc.parquet"); `write` makes it under another name first, so it is whole or absent."""
    target = cache_folder() / name
    if not target.exists():
        with written(cache_folder()), replacing(target) as partial:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(partial)
    return target


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to: it takes the target's place when the block ends well, and goes when it does not."""
    partial = target.with_name(f".{os.getpid()}-{target.name}")
    try:
        yield partial
        os.replace(partial, target)
    finally:
        with suppress(OSError):     # the folder is not there, or is read-only: nor is the file
            partial.unlink(missing_ok=True)


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, remembered by path, size and time of change."""
    status = path.stat()
    key = digest(path.resolve(), status.st_size, status.st_mtime_ns)
    note = cache_folder() / "digests" / key
    if not note.exists():
        with path.open("rb") as stream:
            value = hashlib.file_digest(stream, "sha256").hexdigest()
        kept(f"digests/{key}", lambda partial: partial.write_text(value))
        return value
    return note.read_text()


def source_hash() -> str:
    """A hash of the sources of `workbench`: names and contents, whatever folder they lie in."""
    root = str(Path(__file__).parent)
    return _hash_of(root, tuple(sorted(_files(root))))


def _files(folder: str) -> Iterator[tuple[str, int, int, int]]:
    """The path of each file below a folder, its size, when it changed, and its number."""
    for entry in os.scandir(folder):
        if not entry.is_dir():
            told = entry.stat()
            yield entry.path, told.st_size, told.st_mtime_ns, told.st_ino
        elif entry.name != "__pycache__":
            yield from _files(entry.path)


@lru_cache(maxsize=1)
def _hash_of(root: str, files: tuple[tuple[str, int, int, int], ...]) -> str:
    """The hash of files; anew only where size or time says that one changed, for it is asked often."""
    content = [(Path(path).relative_to(root).as_posix(), hashlib.sha256(Path(path).read_bytes()).hexdigest()) for path, *_ in files]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
