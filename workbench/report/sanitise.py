"""What a notebook shows may hold anyone's words: only plain markup of them reaches a page."""

from __future__ import annotations

import re
from functools import cache

TAGS = frozenset("a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p "
                 "pre q s samp section small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split())
ATTRIBUTES = {"*": ["class", "style", "title"], "a": ["href", "title"], "td": ["colspan", "rowspan", "style"],
              "th": ["colspan", "rowspan", "scope", "style"], "details": ["open"]}
UNSHOWN = re.compile(r"<(script|style|template|noscript)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)


NUMBER = re.compile(r"[-+−]?[\d,]*\.?\d*(e[-+]?\d+)?( ?%)?|[-+]?inf|nan|nat|none|<na>|&lt;na&gt;|–|", re.IGNORECASE)
TABLE, ROW, CELL = (re.compile(rf"<{tag}\b.*?</{tag}>", re.DOTALL) for tag in ("table", "tr", "t[dh]"))


@cache
def _cleaner():
    from bleach.css_sanitizer import CSSSanitizer
    from bleach.sanitizer import Cleaner

    return Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols={"http", "https", "mailto"}, strip=True, css_sanitizer=CSSSanitizer())


@cache
def _markdown():
    import mistune

    return mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


def clean_html(text: str) -> str:
    """HTML with nothing in it that runs, loads or names: scripts, styles, pictures, handlers and ids are gone."""
    return _cleaner().clean(UNSHOWN.sub("", text))


def prose(markdown: str) -> str:
    """Markdown as HTML; markup written in it is shown as text."""
    return clean_html(_markdown()(markdown))


def align_columns(html: str) -> str:
    """Tables with every cell of a column of words marked by the class "words"; columns of numbers are left as they are."""
    return TABLE.sub(lambda table: _aligned(table.group()), html)


def _aligned(table: str) -> str:
    rows = [CELL.findall(row) for row in ROW.findall(table)]
    body = [row for row in rows if any(cell.startswith("<td") for cell in row)]
    words = {i for row in body for i, cell in enumerate(row) if cell.startswith("<td") and not NUMBER.fullmatch(_text(cell))}

    def mark(row: re.Match) -> str:
        n = iter(range(10_000))
        return CELL.sub(lambda cell: f'{cell.group()[:3]} class="words"{cell.group()[3:]}' if next(n) in words else cell.group(),
                        row.group())

    return ROW.sub(mark, table)


def _text(cell: str) -> str:
    return re.sub("<[^>]*>", "", cell).strip()
