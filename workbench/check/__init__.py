"""Quality checks of a rating table: what is there, what is wrong, what it can and cannot answer."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "CheckOutcome": "outcome", "outcomes_table": "outcome", "check_ratings": "battery", "append_checks": "record",
    "draft_rubrics": "draft",
})
