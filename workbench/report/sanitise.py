"""What a notebook shows may hold anyone's words: only plain markup of them reaches a page."""

from __future__ import annotations

import re
from functools import cache
from itertools import count

TAGS = frozenset("a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li "
                 "mark ol p pre q s samp section small span strong sub summary"
                 " sup table tbody td tfoot th thead tr u ul var".split())
ATTRIBUTES = {"*": {"class", "style", "title"}, "a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"},
              "details": {"open"}}
# None can name a place to load from, or lift what it styles out of its place.
STYLES = set("background-color border border-bottom border-collapse border-color border-left border-right border-top color display "
             "font font-family font-size font-style font-variant font-weight height letter-spacing line-height margin max-width min-width "
             "overflow padding padding-left padding-right text-align text-decoration text-indent vertical-align white-space width".split())
UNSHOWN = {"script", "style", "template", "noscript"}


NUMBER = re.compile(r"(&lt;)?[-+−]?[\d,]*\.?\d*(e[-+]?\d+)?( ?%)?|[-+]?inf|nan|nat|none|<na>|&lt;na&gt;|–|", re.IGNORECASE)
SENTENCE = 40  # characters; a column of longer texts gets room to be read
TABLE, ROW, CELL = (re.compile(rf"<{tag}\b.*?</{tag}>", re.DOTALL) for tag in ("table", "tr", "t[dh]"))


@cache
def _cleaner():
    from nh3 import Cleaner

    return Cleaner(tags=set(TAGS), attributes=ATTRIBUTES, url_schemes={"http", "https", "mailto"}, link_rel=None,
                   filter_style_properties=STYLES, clean_content_tags=UNSHOWN)


@cache
def _markdown():
    import mistune

    return mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


def clean_html(text: str) -> str:
    """HTML with nothing in it that runs, loads or names: scripts, styles, pictures, handlers and ids are gone."""
    return _cleaner().clean(text)


def prose(markdown: str) -> str:
    """Markdown as HTML; markup written in it is shown as text."""
    return clean_html(_markdown()(markdown))


def align_columns(html: str) -> str:
    """Tables with the cells of a column of words marked "words", or "words long" where they are sentences."""
    return TABLE.sub(lambda table: _aligned(table.group()), html)


def _aligned(table: str) -> str:
    rows = [CELL.findall(row) for row in ROW.findall(table)]
    body = [row for row in rows if any(cell.startswith("<td") for cell in row)]
    kinds: dict[int, str] = {}
    for row in body:
        for i, cell in enumerate(row):
            if cell.startswith("<td") and not NUMBER.fullmatch(_text(cell)):
                kinds[i] = "words long" if len(_text(cell)) > SENTENCE or kinds.get(i) == "words long" else "words"

    def mark(row: re.Match) -> str:
        at = count()
        return CELL.sub(lambda cell: _marked(cell.group(), kinds.get(next(at))), row.group())

    return ROW.sub(mark, table)


def _marked(cell: str, kind: str | None) -> str:
    return f'{cell[:3]} class="{kind}"{cell[3:]}' if kind else cell


def _text(cell: str) -> str:
    return re.sub("<[^>]*>", "", cell).strip()
