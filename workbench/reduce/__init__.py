"""The one door to the engine: ratings of any size in, small tables of counts out.

Every reduction is an Ibis expression, so that it runs on DuckDB and on Spark alike, and its result is kept on
disk by the snapshot's identity and the expression's text.
"""

from __future__ import annotations

from workbench.reduce.used import cells, pair_tables
from workbench.reduce.counts import count_by, instrument, profiles, require_levels, windows
from workbench.reduce.extent import n_levels, tallies
from workbench.reduce.every import Votes, votes
from workbench.reduce.orders import Verdicts, verdicts
from workbench.reduce.repeats import Repeats, repeated_ratings
from workbench.reduce.scan import Facts, facts
from workbench.reduce.packing import patterns
from workbench.reduce.sums import moments
from workbench.reduce.tables import Moments, Patterns

__all__ = ["Facts", "Moments", "Patterns", "Repeats", "Verdicts", "Votes", "cells", "count_by", "facts", "instrument", "moments",
           "n_levels", "pair_tables", "patterns", "profiles", "repeated_ratings", "require_levels", "tallies", "verdicts", "votes",
           "windows"]
