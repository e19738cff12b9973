"""What changed since the baseline, when, and what made the change; without crying wolf."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "monitor": "watch", "decompose": "mix", "changes": "explain", "strongest": "explain", "findings": "conclude",
})
