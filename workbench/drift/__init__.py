"""What changed since the baseline, when, and what made the change; without crying wolf."""

from __future__ import annotations

from importlib import import_module

_NAMES = {"monitor": "watch", "decompose": "mix", "changes": "explain", "strongest": "explain", "findings": "conclude"}
__all__ = list(_NAMES)


def __getattr__(name: str) -> object:
    if name in _NAMES:
        return getattr(import_module(f"workbench.drift.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'workbench.drift' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
