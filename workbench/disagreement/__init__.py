"""Where raters differ beyond what these raters always differ: items, slices, topics of text, and what to conclude."""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "kinds": "split", "steps": "trajectory",
    "items": "ranked", "levels": "ranked", "slices": "hot", "clusters": "groups", "cluster_terms": "groups",
    "findings": "conclude", "factions": "camps", "faction_items": "camps_parting", "faction_traits": "camps_parting",
    "route": "routing",
})
