"""How far raters agree: coefficients by group, pairs of raters, single raters, and what to conclude.

One coefficient a file: a kernel of arrays and a public function that takes ratings.
"""

from __future__ import annotations

from workbench.lazy import lazily

__getattr__, __all__ = lazily(__name__, {
    "percent_agreement": "percent", "cohen_kappa": "two_raters", "scott_pi": "two_raters", "fleiss_kappa": "fleiss",
    "conger_kappa": "conger", "brennan_prediger": "brennan", "gwet_ac": "gwet", "krippendorff_alpha": "krippendorff",
    "icc": "intraclass", "specific": "by_level", "summary": "headline", "difference": "contrast", "connectivity": "linked",
    "assignments": "linked", "overlap": "linked", "pairs": "pairwise", "raters": "leave_one_out",
    "intra_rater": "repeated", "settling": "newcomers", "rasch": "facets", "consensus": "truth", "confusion": "truth",
    "calibration": "truth", "autorater": "stand_in", "alt_test": "alternative",
    "position_bias": "swapped", "corrected_mean": "powered", "decision_study": "planning",
    "scorecard": "party", "soft_labels": "soft", "overturned": "reversed", "findings": "conclude",
})
