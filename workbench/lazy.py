"""Public names that are loaded when first asked for, so that importing a folder costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from workbench.privacy import guarded


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], list[str]]:
    """`__getattr__` and `__all__` for a package: `homes` says in which of its modules each public name lives.

    What a caller gets so, and no call from within the package, keeps the terms of privacy in force."""

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return guarded(getattr(import_module(f"{package}.{homes[name]}"), name), charts=package.endswith(".chart"))

    return load, sorted(homes)
