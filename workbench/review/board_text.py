"""What the panel says, as HTML: progress, how it works, an empty queue, what decisions changed; and the still picture of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.review.decisions import REASONS
from workbench.review.foreign import safe
from workbench.review.item_page import CELL, about_decisions, about_item, about_levels, about_steps, about_unit, cell, framed, row, table

if TYPE_CHECKING:
    from workbench.review.changed import Effects
    from workbench.review.desk import Desk

REASON_KEYS = dict(zip("eahl", REASONS))
KEYS = {"1-9": "give the level of that number", "Enter": "go on to the next, once you have decided", "s": "skip: leave it to others",
        "n": "write a note (Enter keeps it, Esc leaves the field)", "u": "undo the last decision",
        **{key: f"reason: {REASONS[reason]}" for key, reason in REASON_KEYS.items()},
        "p": "propose other words for the rubric", "f": "choose another queue", "?": "show or hide this"}
KINDS = {"contested": "most contested first", "audit": "random audit", "camps": "where camps of raters part, furthest first",
         "alarms": "behind an open alarm, furthest the way it went first", "explored": "chosen in the chart"}
SLOW = {"camps": "camps of raters", "alarms": "open alarms"}
HEADS = {"rater_id": "rater", "rater_kind": "kind", "rated_at": "rated at"}
SOME = ("rater_kind", "party", "layer", "status")      # said of ratings where they differ in it
# In JupyterLab a cell's outputs are siblings, and a panel that has no kernel any more is a box with an error and no element in it.
ONLY_STILL = """<style>.jp-OutputArea-child:has(+ * .wbr-still) > .jp-OutputArea-output:not(:has(*)) { display: none; }
.jp-OutputArea-child:has(.wbr-panel) + * .wbr-still { display: none; }</style>"""
ROWS = 6        # of a table of effects


def inside(content: str) -> str:
    """A part of the panel, whose style stands in it once."""
    return f"<div class='wbr'>{content}</div>"


def progress_line(desk: Desk) -> str:
    """Queue, reviewer, how far they are and how fast, with a bar."""
    now = desk.progress
    done = now.n_decided + now.n_skipped
    share = 100 * done / (done + now.n_left) if done + now.n_left else 100
    pace = f" · {now.seconds:.0f} s a unit, {now.per_hour:,.0f} an hour" if now.seconds >= 1 else ""
    own = f" · {now.n_own:,} you rated yourself {'is' if now.n_own == 1 else 'are'} left to others" if now.n_own else ""
    skipped = f" · {now.n_skipped:,} skipped" if now.n_skipped else ""
    return inside(f"<div><b>Review</b>, {KINDS.get(desk.kind, safe(desk.kind, limit=CELL))} · {safe(desk.reviewer, limit=CELL)}</div>"
                  f"<div>{now.n_decided:,} decided{skipped} · {now.n_left:,} left{own}{pace}</div>"
                  f"<div role='progressbar' aria-valuenow='{share:.0f}' aria-valuemin='0' aria-valuemax='100' style='height: 5px; "
                  f"margin-top: 3px; background: var(--jp-layout-color3, #ccc)'><div style='height: 5px; width: {share:.1f}%; "
                  "background: var(--jp-ui-font-color1, #333)'></div></div>")


def guide(*, blind: bool) -> str:
    """How it works and what the keys do."""
    hidden = " The ratings on it stay hidden until then, so that they do not steer you; you may change your mind." if blind else ""
    keys = "".join(f"<div style='break-inside: avoid'><kbd>{key}</kbd> {words}</div>" for key, words in KEYS.items())
    return inside("<div class='wbr-said'><b>How it works.</b> Read the item and the rubric's words, and press the number of a level: "
                  f"that is in the store at once.{hidden} Say why the raters differed, then go on with <kbd>Enter</kbd>. You can stop at "
                  f"any time and run the cell again.<div style='columns: 3 14em; margin-top: .4em'>{keys}</div></div>")


def item_part(desk: Desk) -> str:
    """The unit on screen, the item in full; ratings below once they may be seen. What to do next where nothing is left."""
    case = desk.case
    if case is None:
        return inside(empty(desk))
    return inside(about_unit(case) + about_item(case) + about_steps(case))


def ratings_part(desk: Desk) -> str:
    """The ratings on the unit, or that they are hidden."""
    if desk.case is None:
        return ""
    if not desk.revealed:
        return inside("<div class='wbr-note'>The ratings of others are hidden until you have given yours.</div>")
    shown = desk.case.ratings[desk.case.ratings["rater_kind"] != "adjudicator"].sort_values(["layer", "rater_id"], kind="stable")
    columns = ["rater_id", "level", *(c for c in SOME if c in shown and shown[c].nunique(dropna=False) > 1), "rated_at"]
    rows = [row([cell(record.get(c)) for c in columns]) for record in shown.to_dict("records")]
    heads = [HEADS.get(c, c) for c in columns]
    return inside(f"<h4>Ratings</h4>{table(heads, rows)}{about_decisions(desk.case, desk.others)}")


def counts(desk: Desk) -> dict[str, str]:
    """How many raters gave each level, to stand beside it; nothing before that may be seen."""
    if desk.case is None or not desk.revealed:
        return {}
    n = desk.case.panel["level"].value_counts()
    return {level: inside(f"<div><b>{int(n.get(level, 0)):,}</b> {'rater' if n.get(level, 0) == 1 else 'raters'} "
                          f"{'■' * min(int(n.get(level, 0)), 20)}</div>") for level in desk.levels}


def empty(desk: Desk) -> str:
    """An empty queue in words."""
    done = desk.progress.n_decided
    so_far = f" You have decided {done:,} {'unit' if done == 1 else 'units'} in all." if done else ""
    if desk.message and "screen of" in desk.message:
        return f"<h3>Nothing is free just now</h3><p>Somebody else has what is left on their screen.{so_far}</p>"
    why = f"<p>{safe(desk.why)}</p>" if desk.why else ""
    return (f"<h3>Nothing is left in this queue</h3><p>No unit that it names waits for you.{so_far}</p>{why}<p>"
            "Choose another queue with <kbd>f</kbd>, or run the cell with a higher <code>limit</code>.</p>")


def effects_part(found: Effects, *, named: bool) -> str:
    """What the decisions so far changed; raters by name only where that steers no decision to come."""
    if found.units.empty:
        return inside("<h4>What your decisions changed</h4><div class='wbr-note'>Nothing yet. How many ratings were overturned and "
                      "where the consensus changed will stand here.</div>")
    who = [row([safe(r.rater_id, limit=CELL), f"{r.n_overturned} of {r.n_decided}", f"{r.value:.0%} [{r.low:.0%}, {r.high:.0%}]"])
           for r in found.raters.head(ROWS).itertuples()]
    changed = found.units[found.units["changed"]].iloc[::-1].head(ROWS)
    what = [row([cell(u.item_id), cell(u.criterion), f"{cell(u.before)} → {cell(u.after)}"]) for u in changed.itertuples()]
    parts = [part("Overturned, of the decided", ["rater", "overturned", "share [95 %]"], who if named else [], len(found.raters)),
             part("Consensus changed, latest first", ["item", "criterion", "before → after"], what, int(found.units["changed"].sum()))]
    return inside(f"<h4>What your decisions changed</h4><div>{found.sentence}</div>"
                  f"<div style='display: flex; flex-wrap: wrap; gap: 0 3em'>{''.join(parts)}</div>")


def part(title: str, heads: list[str], rows: list[str], n: int) -> str:
    """A short table under its title, with how many rows there are in all."""
    more = f" <span class='wbr-note'>{n:,} in all, {len(rows)} shown</span>" if n > len(rows) else ""
    return f"<div><div style='margin-top: .5em'>{title}{more}</div>{table(heads, rows)}</div>" if rows else ""


def said(message: str, *, error: bool = False) -> str:
    """What the reviewer should know of the last move."""
    kind = "wbr-said wbr-error" if error else "wbr-said"
    return f"<div class='{kind}' role='{'alert' if error else 'status'}'>{'▲ ' if error else ''}{safe(message)}</div>" if message else ""


def attempt(act: Callable[[], object], place: Any) -> None:
    """Do something in a panel; what went wrong is said in words in the widget `place`, beside what was there before."""
    try:
        act()
    except WorkbenchError as fault:
        place.value = inside(said(str(fault), error=True))
    except Exception as fault:
        place.value = inside(said(f"An error of the workbench, {type(fault).__name__}: {fault}. Run the cell again.", error=True))
        raise


def still(desk: Desk) -> str:
    """The panel as a picture, for where there is no kernel: an executed notebook, a page."""
    parts = ["<div class='wbr-note'>A still picture of the review panel. To decide, open it in JupyterLab (workbench lab review) and run "
             "the cell.</div>", progress_line(desk), said(desk.read_only or desk.message), item_part(desk),
             about_levels(desk.case, chosen=desk.decision) if desk.case else "", ratings_part(desk),
             effects_part(desk.effects, named=not desk.blind or not desk.left)]
    return framed("".join(parts))


def show(panel: Mapping[str, Any], *, words: str, picture: str) -> None:
    """Show a panel where somebody is at work, and its still picture: beside it, out of sight while the panel is alive, so that a notebook
    that is opened later, without a kernel, shows the picture; alone where nobody is."""
    from IPython.display import display

    if attended():
        display({**panel, "text/plain": words}, raw=True)
        picture = f"<div class='wbr-still'>{ONLY_STILL}{picture}</div>"
    display({"text/plain": words, "text/html": picture}, raw=True)


def attended() -> bool:
    """Whether somebody is at work: a program that runs a notebook asks for no answers from a keyboard, JupyterLab does."""
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    asked = kernel.get_parent("shell") if kernel else {}
    return bool(asked.get("content", {}).get("allow_stdin", True))
