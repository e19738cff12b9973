"""Two versions of a rubric: what changed, which one raters agree under, and where their ratings went."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "versions": "pairing", "diff": "wording", "compare": "beside", "shift": "moved", "flow": "moved",
    "findings": "conclude",
})
