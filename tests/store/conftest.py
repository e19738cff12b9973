"""What tests of the managed store share: a platform of plain CSV files, and an import of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.store import platforms
from workbench.store.intake import Tally, import_ratings
from workbench.store.platforms.rows import Options

PLATFORM = Path(__file__).with_name("plain_platform.py")


@pytest.fixture
def plain(away: Path) -> Iterator[Callable[..., Tally]]:
    """Imports CSV text, as the file `a.csv` unless named, into the folder `live` of the current one."""
    spec = importlib.util.spec_from_file_location("plain_platform", PLATFORM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.register()

    def take(text: str | bytes, name: str = "a.csv", into: str = "live", **values: str) -> Tally:
        (away / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_ratings("plain", [away / name], into=away / into, options=Options(values=values))

    yield take
    platforms.PLATFORMS.pop("plain")
