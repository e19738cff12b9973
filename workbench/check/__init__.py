"""Quality checks of a rating table: what is there, what is wrong, what it can and cannot answer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.check.battery import check_ratings
    from workbench.check.draft import draft_rubrics
    from workbench.check.outcome import CheckOutcome, outcomes_table
    from workbench.check.record import append_checks

_HOMES = {"CheckOutcome": "outcome", "outcomes_table": "outcome", "check_ratings": "battery", "append_checks": "record",
          "draft_rubrics": "draft"}
__all__ = ["CheckOutcome", "append_checks", "check_ratings", "draft_rubrics", "outcomes_table"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
