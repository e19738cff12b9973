"""Notebooks and parameters become versioned report artefacts: `run`, `save`, `load_pack`, `list_runs`, `show_progress`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.report.artefact import Run, list_runs
    from workbench.report.collect import save
    from workbench.report.live import show_progress
    from workbench.report.make import run
    from workbench.report.pack import Pack, load_pack

_HOMES = {"run": "make", "save": "collect", "Pack": "pack", "load_pack": "pack", "Run": "artefact",
          "list_runs": "artefact", "show_progress": "live"}
__all__ = ["Pack", "Run", "list_runs", "load_pack", "run", "save", "show_progress"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
