"""How far raters agree: coefficients by group, pairs of raters, single raters, and what to conclude.

One coefficient a file: a kernel of arrays and a public function that takes ratings.
"""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "percent_agreement": "percent", "krippendorff_alpha": "krippendorff", "fleiss_kappa": "fleiss", "gwet_ac": "gwet",
    "brennan_prediger": "brennan", "summary": "headline", "pairs": "pairwise", "raters": "leave_one_out",
    "findings": "conclude",
})
