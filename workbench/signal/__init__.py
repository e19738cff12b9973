"""Whether improvement can be detected at all: on which tasks and criteria, how small, and what it would take."""

from __future__ import annotations

from importlib import import_module

_NAMES = {"detectable": "smallest", "verifiability": "verify", "findings": "conclude"}
__all__ = list(_NAMES)


def __getattr__(name: str) -> object:
    if name in _NAMES:
        return getattr(import_module(f"workbench.signal.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'workbench.signal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
