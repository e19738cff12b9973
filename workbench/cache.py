"""Where derived files are kept: `.workbench/` in the workspace, else the user's cache folder. Safe to delete. And how a file is
written so that it is whole at every moment."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


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
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def digest(*parts: object) -> str:
    """A 32-digit hexadecimal key for the text of `parts`."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def stamp(decisive: Mapping[str, object]) -> str:
    """The id of a passport: 16 hexadecimal digits for what decides a number."""
    return digest(json.dumps(decisive, sort_keys=True))[:16]


def kept(name: str, write: Callable[[Path], None]) -> Path:
    """The cached file `name` ("staged/abc.parquet"); `write` makes it under another name first, so it is whole or absent."""
    target = cache_folder() / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as partial:
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
