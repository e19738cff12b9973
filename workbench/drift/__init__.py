"""What changed since the baseline, when, and what made the change; without crying wolf."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "monitor": "watch", "revised": "alarms", "change_points": "turning", "decompose": "mix", "contributors": "people",
    "delivery": "deliveries", "review_layers": "layered", "people_findings": "people_conclude",
    "changes": "explain", "turns": "explain", "strongest": "explain", "findings": "conclude",
})
