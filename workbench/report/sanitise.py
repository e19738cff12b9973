"""What a notebook shows may hold anyone's words: only plain markup of them reaches a page."""

from __future__ import annotations

import re
from functools import cache

TAGS = frozenset("a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i kbd li mark ol p "
                 "pre q s samp section small span strong sub summary sup table tbody td tfoot th thead tr u ul var".split())
ATTRIBUTES = {"*": ["class", "style", "title"], "a": ["href", "title"], "td": ["colspan", "rowspan", "style"],
              "th": ["colspan", "rowspan", "scope", "style"], "details": ["open"]}
UNSHOWN = re.compile(r"<(script|style|template|noscript)\b.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)


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
