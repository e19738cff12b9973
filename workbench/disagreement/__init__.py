"""Where raters differ beyond what these raters always differ: items, slices, topics of text, and what to conclude."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "items": "ranked", "levels": "ranked", "slices": "hot", "clusters": "topics", "cluster_terms": "topics",
    "findings": "conclude",
})
