"""A reviewer's desk: contested units first, decisions that are in the store a moment later, and what they changed."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "queue": "ranking", "QUEUES": "ranking", "Desk": "desk", "Progress": "journal", "Effects": "changed", "Unit": "decisions",
    "Decision": "decisions", "REASONS": "decisions", "Motive": "drafts", "Draft": "drafts", "panel": "board",
    "explore": "linked",
})
