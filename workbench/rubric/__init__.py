"""Two versions of a rubric: what changed, which one raters agree under, and where their ratings went."""

from __future__ import annotations

from importlib import import_module

_NAMES = {"versions": "pairing", "diff": "wording", "compare": "beside", "shift": "moved", "flow": "moved", "findings": "conclude"}
__all__ = list(_NAMES)


def __getattr__(name: str) -> object:
    if name in _NAMES:
        return getattr(import_module(f"workbench.rubric.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'workbench.rubric' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
