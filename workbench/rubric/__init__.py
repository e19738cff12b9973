"""Two versions of a rubric: what changed, which is the better instrument, where ratings went, and which systems win under each."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "versions": "pairing", "diff": "wording", "compare": "instruments", "shift": "moved", "flow": "moved",
    "linking": "linked_scores", "confused": "distinct", "what_if": "foreseen", "what_if_ranking": "foreseen_ranks",
    "rank_systems": "ranks", "underrepresented": "holes", "findings": "conclude",
})
