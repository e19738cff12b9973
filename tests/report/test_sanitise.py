"""Anyone's words on a page: shown, never run and never fetched."""

from __future__ import annotations

import pytest

from workbench.report.sanitise import align_columns, clean_html, prose

PAYLOADS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>", "<style>@import 'https://evil.example'</style>", "<p onclick=alert(1)>x</p>",
    "<scr<script>ipt>alert(1)</script>", "<SCRIPT SRC=//evil.example/x.js>", "<div style='background:url(https://evil.example)'>x</div>",
    "<link rel=stylesheet href=https://evil.example>", "<base href=https://evil.example>", "<form action=//evil.example><input></form>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<p id=provenance name=x>x</p>", "<template><script>alert(1)</script></template>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>", "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
]
UNWANTED = ("<script", "<img", "<svg", "<iframe", "<style", "<link", "<base", "<form", "<meta", "javascript:", " onclick", " onerror",
            "url(", " id=", "<template")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_that_runs_or_loads_comes_through(payload: str) -> None:
    for html in (clean_html(payload), clean_html(f"<table><tr><td>{payload}</td></tr></table>"), prose(payload)):
        assert not [unwanted for unwanted in UNWANTED if unwanted in html.lower() and f"&lt;{unwanted[1:]}" not in html.lower()
                    and unwanted.startswith("<")]
    html = clean_html(payload).lower()
    assert not [unwanted for unwanted in UNWANTED if unwanted in html.replace("&lt;img src=x onerror=alert(1)", "")]


def test_a_picture_in_markdown_is_not_fetched_and_a_link_stays_a_link() -> None:
    assert "src" not in prose("![x](https://evil.example/pixel.png)")
    assert 'href="https://doi.org/1"' in prose("[source](https://doi.org/1)")
    assert "javascript" not in prose("[x](javascript:alert(1))")


def test_plain_markup_of_tables_stays() -> None:
    html = "<table><caption>n</caption><tr><th scope=\"row\">a</th><td style=\"text-align: left;\">1</td></tr></table>"
    assert "<caption>" in clean_html(html) and "text-align: left" in clean_html(html)


def test_columns_of_words_are_told_from_columns_of_numbers() -> None:
    html = "<table><tr><th></th><th>who</th><th>n</th></tr><tr><th>0</th><td>r1</td><td>1,204</td></tr><tr><th>1</th><td>7</td><td>nan</td></tr></table>"
    aligned = align_columns(html)
    assert '<th class="words">who</th><th>n</th>' in aligned
    assert '<td class="words">r1</td><td>1,204</td>' in aligned and '<td class="words">7</td><td>nan</td>' in aligned
