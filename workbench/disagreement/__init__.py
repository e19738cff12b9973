"""Where raters differ beyond what these raters always differ: items, slices, topics of text, and what to conclude."""

from __future__ import annotations

from importlib import import_module

_NAMES = {"items": "ranked", "levels": "ranked", "slices": "hot", "clusters": "topics", "cluster_terms": "topics", "findings": "conclude"}
__all__ = list(_NAMES)


def __getattr__(name: str) -> object:
    if name in _NAMES:
        return getattr(import_module(f"workbench.disagreement.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'workbench.disagreement' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
