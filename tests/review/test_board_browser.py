"""The review panel in a real JupyterLab with a real kernel: what was decided by key and by mouse is in the store, exactly."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import pandas as pd
import pytest
from jupyter_lab import await_cells, end_kernels, jupyter_lab, menu, open_page, run_all, write_notebook

import workbench as wb
from workbench.review.decisions import Decision, recorded, standing
from workbench.review.drafts import read_draft

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LEVELS = ("low", "middle", "high")
RATERS = ("rater-vixq", "rater-qobx", "rater-zedw")      # names that stand nowhere but in ratings
READABLE = 4.5                                          # the contrast that WCAG 2 asks of small letters (success criterion 1.4.3)
ATTACK = "<img src=x onerror='window.struck=1'><script>window.struck=2</script>"
HOSTILE = (f"{ATTACK} <a href='javascript:window.struck=3'>here</a> [here](javascript:window.struck=4) <style>* {{display: none}}</style>"
           "<iframe src='https://example.org/'></iframe> </div></div><h1>out</h1> $\\href{javascript:window.struck=5}{x}$ \\(x^2\\) "
           "\u202eesrever\u202c \u05e9\u05dc\u05d5\u05dd " + "unbroken" * 60 + "\n" + "One megabyte of text. " * 45_000)
RUBRIC = f'''name = "default"
version = "1"
[criteria.clarity]
scale = "ordinal"
definition = "How clear the answer is. {ATTACK}"
levels = [{{name = "low", value = 1, wording = "Not clear. {ATTACK}"}}, {{name = "middle", value = 2, wording = "Clear in part."}},
  {{name = "high", value = 3, wording = "Clear throughout."}}]
[criteria.preferred]
scale = "nominal"
definition = "Which of the two answers a reader would rather have."
levels = [{{name = "A"}}, {{name = "B"}}, {{name = "tie"}}]
[criteria.sound]
scale = "nominal"
definition = "Whether the step is one that a careful agent would take."
levels = [{{name = "sound"}}, {{name = "unsound"}}]
[criteria.slider]
scale = "interval"
definition = "How much of the answer is right, in percent."
minimum = 0
maximum = 100
'''
# when a key is pressed, and when the heading of the next unit stands on the page
CLOCK = """() => { window.shown = []; let last = null, start = null;
  window.addEventListener('keydown', (e) => { if (e.key === 'Enter') start = performance.now(); }, true);
  const look = () => { const h = document.querySelector('.wbr-item h3')?.textContent;
    if (last && h !== last && start) { window.shown.push(performance.now() - start); start = null; }
    last = h; requestAnimationFrame(look); }; look(); }"""
# the least contrast of words that are seen with what lies behind them, as WCAG 2 defines it, and those words
CONTRAST = """() => { const rgb = (c) => (c.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = (n) => { for (; n; n = n.parentElement) { const c = rgb(getComputedStyle(n).backgroundColor); if ((c[3] ?? 1) > .9) return c; }
    return [255, 255, 255]; };
  let least = [99, ''];
  for (const n of document.querySelectorAll('.wbr-board *')) {
    const words = [...n.childNodes].filter(c => c.nodeType === 3).map(c => c.textContent.trim()).join('');
    if (!words || !n.offsetParent || n.closest('button:disabled, style')) continue;
    const [a, b] = [light(rgb(getComputedStyle(n).color)), light(behind(n))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < least[0]) least = [(a + .05) / (b + .05), words.slice(0, 60)]; }
  return least; }"""


def write_data(folder: Path, *, ratings: list[dict], items: list[dict], steps: list[dict] | None = None) -> None:
    """A plain dataset folder."""
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "default-1.toml").write_text(RUBRIC)
    frame = pd.DataFrame([{"rated_at": pd.Timestamp("2026-11-02T08:00:00Z"), **row} for row in ratings])
    frame.assign(step=frame["step"].astype("Int64") if "step" in frame else pd.NA).to_parquet(folder / "ratings.parquet")
    pd.DataFrame(items).to_parquet(folder / "items.parquet")
    if steps:
        pd.DataFrame(steps).to_parquet(folder / "steps.parquet")


def write_answers(folder: Path) -> None:
    """Sixty answers, some of them pairs, that four raters do not agree on, with texts that would run scripts where they could."""
    write_data(folder, ratings=[{"item_id": f"item-{i:02d}", "criterion": "clarity", "rater_id": who, "score": 1.0 + (i * (n + 1) + n) % 3,
                                 "system": f"one {ATTACK}"} for i in range(60) for n, who in enumerate(("ada", "bo", f"cy {ATTACK}", "di"))],
               items=[{"item_id": f"item-{i:02d}", "prompt": f"Question {i} {ATTACK}", "text": f"The answer {i} is short. {ATTACK}",
                       "text_b": f"The answer {i} is long. {ATTACK}" if i % 5 == 0 else None} for i in range(60)])


def write_kinds(folder: Path) -> None:
    """One unit of every kind: plain texts, a hostile one, a step of a trajectory, a pair, one on a scale of numbers."""
    rate = lambda item, criterion, values, key="score", **more: [
        {"item_id": item, "criterion": criterion, "rater_id": who, key: v, **more} for who, v in zip(RATERS, values)]
    plain = [f"plain-{i}" for i in range(9)]
    answer = "The harbour was closed on {} because of the storm,\nso the ferry left from the {} pier and came late by {} minutes."
    kinds = [{"kind": "plan", "text": "Find the file, then count its lines."}, {"kind": "call", "text": "ls -l data/", "ok": True},
             {"kind": "call", "text": "wc -l data/rates.csv", "ok": False}, {"kind": "answer", "text": "It has 12 lines."}]
    write_data(folder, ratings=[
        *(row for item in plain for row in rate(item, "clarity", (1.0, 2.0, 3.0))), *rate("hostile", "clarity", (1.0, 3.0, 3.0)),
        *rate("walk", "sound", ("sound", "sound", "unsound"), "label", step=2), *rate("gauge", "slider", (10.0, 55.5, 90.0)),
        *rate("pair", "preferred", ("A", "B", "tie"), "label")],
        items=[*({"item_id": item, "prompt": "When did the ferry leave?", "text": answer.format("Monday", "north", n)} for n, item in enumerate(plain)),
               {"item_id": "hostile", "prompt": HOSTILE[:900], "text": HOSTILE}, {"item_id": "walk", "prompt": "How many lines has the file?"},
               {"item_id": "gauge", "prompt": "How many of these dates are right?", "text": "1066, 1492, 1789"},
               {"item_id": "pair", "prompt": "When did the ferry leave?", "text": answer.format("Monday", "north", 10),
                "text_b": answer.format("Tuesday", "north", 25)}],
        steps=[{"item_id": "walk", "step": n, **step} for n, step in enumerate(kinds)])


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """One JupyterLab for all: its address, and its workspace with the two datasets."""
    work = tmp_path_factory.mktemp("lab") / "work"
    write_answers(work / "data" / "answers")
    write_kinds(work / "data" / "kinds")
    (work / "notebooks").mkdir()
    with jupyter_lab(work.parent) as address:
        yield address, work


@pytest.fixture
def sits_down(lab: tuple[str, Path], chromium) -> Iterator[Callable[..., Reviewer]]:
    """Opens the review notebook for somebody, who reviews a copy of a dataset; afterwards nobody asked anything of the network."""
    people: list[Reviewer] = []

    def sit(name: str, data: str, **parameters: object) -> Reviewer:
        write_notebook(lab[1] / "notebooks" / f"{name}.ipynb", template="review", reviewer=name, data=f"../data/{data}",
                       store=f"../data/{data}-reviewed", **parameters)
        people.append(Reviewer(name, chromium, lab[0], lab[1] / "data" / f"{data}-reviewed"))
        return people[-1]

    yield sit
    asked, struck = [p.asked for p in people], [p.page.evaluate("() => window.struck") for p in people if not p.page.is_closed()]
    for person in people:
        person.page.close()
    end_kernels(lab[0])
    assert not any(asked) and not any(struck)


class Reviewer:
    """Somebody at a browser: what they press, and what they therefore expect in the store."""

    def __init__(self, name: str, chromium, address: str, store: Path) -> None:
        self.name, self.address, self.store, self.chromium = name, address, store, chromium
        self.expected: dict[str, tuple[str, str | None]] = {}
        self.durable: list[float] = []
        self.asked: list[str] = []
        self.open()

    def open(self) -> None:
        """Open the notebook on a page of its own, and run all of it; the panel is there."""
        self.page, asked = open_page(self.chromium, self.address)
        self.heard: list[bytes] = []        # what the server has told the page
        kept = lambda said: self.heard.append(said if isinstance(said, bytes) else said.encode())
        self.page.on("websocket", lambda socket: socket.on("framereceived", kept))
        run_all(self.page, self.address, self.name)
        self.asked = asked
        self.ready()

    def reload(self) -> None:
        """Open the notebook on the same page anew."""
        run_all(self.page, self.address, self.name)
        self.ready()

    def ready(self) -> None:
        """The panel stands, with the keyboard's ear on it."""
        await_cells(self.page)
        self.page.wait_for_selector(".wbr-board[tabindex='0'] .wbr-item h3", timeout=60_000)
        self.page.evaluate(CLOCK)
        self.page.locator(".wbr-board").evaluate("board => { board.scrollIntoView(); board.focus({preventScroll: true}); }")

    @property
    def item(self) -> str:
        """The item on screen."""
        return self.page.inner_text(".wbr-item h3").split(": ", 1)[-1]

    @property
    def words(self) -> str:
        return self.page.inner_text(".wbr-board")

    def knows(self, name: str) -> bool:
        """Whether a name has reached the page: in what is seen, in what is not, in what the server sent."""
        return name in self.page.content() or any(name.encode() in said for said in self.heard)

    def version(self) -> int:
        return len(list((self.store / "ratings" / "_delta_log").glob("*.json")))

    def stored(self, act: str | Callable[[], object]) -> None:
        """Press a key, or do something else, and wait until the store has one commit more."""
        before, start = self.version(), time.perf_counter()
        self.page.keyboard.press(act) if isinstance(act, str) else act()
        while self.version() == before:
            assert time.perf_counter() - start < 20, f"{act} stored nothing: {self.words[:400]}"
            time.sleep(0.001)
        self.durable.append(time.perf_counter() - start)

    def says(self, words: str) -> None:
        """Wait until the panel says something."""
        self.page.wait_for_selector(f".wbr-said:has-text('{words}')")

    def give(self, level: int, reason: str = "", *, blind: bool = True) -> None:
        """Give a level and a reason to the item on screen, whose ratings are hidden until then."""
        item = self.item
        assert ("hidden until you have given yours" in self.words) == blind
        self.stored(str(level))
        self.says("Stored")
        if reason:
            self.stored({"rater_error": "e", "rubric_hole": "h"}[reason])
        self.expected[item] = (LEVELS[level - 1], reason or None)

    def onward(self) -> None:
        """Go on to the next item."""
        before = self.item
        self.page.keyboard.press("Enter")
        self.page.wait_for_function("before => !document.querySelector('.wbr-item h3')?.textContent.endsWith(': ' + before)", arg=before)

    def click(self, name: str) -> None:
        """Click the button that bears a name."""
        self.page.click(f".wbr-board button:visible:has-text('{name}')")

    def field(self, label: str) -> object:
        """The field beside a label."""
        return self.page.locator(f".wbr-board .wbr-field:has(> label:text-is('{label}')):visible").locator("input, textarea, select")

    def look_for(self, words: str, *, criterion: str = "all criteria", rater: str = "") -> None:
        """Open another queue with the form."""
        self.click("Queue")
        self.field("Criterion").select_option(label=criterion)
        self.field("Rater").fill(rater)
        self.field("Words").fill(words)
        self.click("Open this queue")
        self.page.wait_for_selector(".wbr-queue", state="hidden")

    def picture(self, path: Path, *, filter: str = "none") -> None:
        """A screenshot of what is seen, through a filter."""
        self.page.evaluate("filter => { document.documentElement.style.filter = filter; }", filter)
        self.page.locator(".wbr-board").evaluate("board => board.scrollIntoView()")
        self.page.wait_for_timeout(300)
        self.page.screenshot(path=str(path))
        self.page.evaluate("() => { document.documentElement.style.filter = 'none'; }")


def decided(store: Path, reviewer: str) -> dict[str, Decision]:
    """The decisions of a reviewer that stand in the store, by item."""
    own = [d for d in standing(recorded(wb.read(store).source)) if d.reviewer == reviewer and d.valued]
    assert len({d.unit for d in own}) == len(own)
    return {d.unit.item_id: d for d in own}


def held(store: Path, reviewer: str) -> dict[str, tuple[str, str | None]]:
    """Level and reason of each item that a reviewer decided on the scale of three."""
    return {item: (LEVELS[int(d.score) - 1], d.reason) for item, d in decided(store, reviewer).items()}


def test_what_is_decided_by_keyboard_is_in_the_store_whatever_happens_to_page_and_kernel(sits_down: Callable, tmp_path: Path) -> None:
    ann = sits_down("ann", "answers", second_share=0.1)
    store = ann.store
    assert "How it works" in ann.words and "get notified about official Jupyter news" not in ann.page.content()
    ann.picture(tmp_path / "1-first.png")
    for n in range(20):
        ann.give(n % 3 + 1, reason="rater_error" if n % 4 == 0 else "rubric_hole" if n % 4 == 1 else "")
        if n == 4:
            ann.picture(tmp_path / "2-decided.png")
        ann.onward()
    assert held(store, "ann") == ann.expected and len(ann.expected) == 20

    last = list(ann.expected)[-1]
    ann.stored("u")
    ann.says("Taken back")
    assert ann.item == last and ann.expected.pop(last) and held(store, "ann") == ann.expected
    ann.give(1, blind=False)                                # what was seen cannot be hidden again
    ann.onward()
    skipped = ann.item
    ann.stored("s")
    ann.says("Skipped")
    ann.page.keyboard.press("Enter")                        # an undecided unit is not left by mistake
    ann.says("Give a level first")
    ann.page.keyboard.press("n")
    ann.page.keyboard.type("1 2 3, see s and u")            # keys that are letters of a note
    ann.page.keyboard.press("Enter")
    ann.says("will be stored with your level")
    noted = ann.item
    ann.give(2)
    times = {"an item shown after": [t / 1000 for t in ann.page.evaluate("() => window.shown")], "a decision durable after": ann.durable}
    for name, found in times.items():
        assert found
        logging.getLogger(__name__).warning("%s: median %.0f ms of %d", name, 1000 * median(found), len(found))

    ann.reload()
    assert "21 decided · 1 skipped" in ann.words and ann.item not in {*ann.expected, skipped}
    ann.give(3)
    ann.onward()
    menu(ann.page, "Kernel", "Restart Kernel and Run All Cells…")
    ann.page.click(".jp-Dialog button:has-text('Restart')")
    ann.page.wait_for_function("() => [...document.querySelectorAll('.jp-InputPrompt')].some(p => p.innerText.includes('*'))", timeout=60_000)
    ann.ready()
    assert "22 decided · 1 skipped" in ann.words and ann.item not in {*ann.expected, skipped}

    ben = sits_down("ben", "answers", second_share=0.1)
    for n in range(5):
        assert ann.item != ben.item
        ben.give(n % 3 + 1)
        ann.give(3 - n % 3)
        ann.onward()
        ben.onward()
    stand = standing(recorded(wb.read(store).source))
    assert held(store, "ann") == ann.expected and held(store, "ben") == ben.expected
    assert {d.unit.item_id for d in stand if not d.valued} == {skipped}
    assert {d.unit.item_id: d.note for d in stand if d.note} == {noted: "1 2 3, see s and u"}
    twice = ann.expected.keys() & ben.expected.keys()
    assert all(d.second for d in stand if d.reviewer == "ben" and d.unit.item_id in twice)


def test_every_kind_of_unit_is_settled_by_mouse_and_a_second_reviewer_knows_nothing_of_it(lab, sits_down: Callable, tmp_path: Path) -> None:
    cora = sits_down("cora", "kinds", second_share=1.0)
    store, page = cora.store, cora.page
    picture = lambda name, who=cora, **how: who.picture(tmp_path / f"{name}.png", **how)

    cora.look_for("plain-4")
    assert cora.item == "plain-4" and not any(map(cora.knows, RATERS))      # hidden is not there at all
    cora.click("hole in the rubric")
    cora.says("It will be stored with your level")
    cora.stored(partial(cora.click, "middle"))
    cora.says("Stored: middle")
    page.locator(".wbr-note textarea").click()
    page.keyboard.type("North or south pier?")
    cora.stored("Enter")
    cora.says("Note stored")
    assert all(map(cora.knows, RATERS)) and all(who in cora.words for who in RATERS)
    made = decided(store, "cora")["plain-4"]
    assert (made.score, made.reason, made.note, made.blind) == (2.0, "rubric_hole", "North or south pier?", True)
    picture("3-mouse")

    cora.click("Propose a rubric edit")
    page.wait_for_selector(".wbr-form:visible textarea")
    picture("4-rubric-form")
    cora.field("middle").fill("Clear but for one place. " + ATTACK)
    cora.click("Save the draft")
    cora.says("say in one sentence what is changed")        # what was typed is still there
    cora.field("Why").fill("Half clear answers were read in two ways.")
    cora.click("Save the draft")
    cora.says("Draft default 2 is in")
    draft = read_draft(store / "rubrics" / "drafts" / "default-2.toml")
    assert draft.rubric.criteria["clarity"].wordings[1] == "Clear but for one place. " + ATTACK
    assert [(m.item_id, m.reason, m.note, m.decision) for m in draft.motives] == [
        ("plain-4", "rubric_hole", "North or south pier?", made.rating_id)]
    assert set(wb.read(store).rubrics) == {("default", "1")}

    cora.click("Queue")
    page.wait_for_selector(".wbr-queue:visible")
    picture("5-queue-form")
    cora.click("Leave")
    page.wait_for_selector(".wbr-queue", state="hidden")
    cora.look_for("hostile")
    assert page.locator(".wbr-item").locator("img, script, a, iframe, h1, mjx-container, .MathJax").count() == 0
    assert "are shown" in cora.words and "$\\href" in cora.words and page.locator(".wbr-item h3").is_visible()
    box = page.locator(".wbr-main").bounding_box()
    assert page.evaluate("() => { const b = document.querySelector('.wbr-board'); return b.scrollWidth <= b.clientWidth + 1; }") and box["width"] < 1280
    picture("6-hostile")
    cora.look_for("", criterion="clarity", rater="rater-vixq")
    assert "9 left" in cora.words                           # 10 units of the criterion, one decided
    cora.look_for("walk")
    assert cora.item == "walk, step 2" and page.locator(".wbr-item tr.wbr-here").inner_text().split()[:3] == ["2", "call", "failed"]
    assert page.locator(".wbr-item tr:has(.wbr-text)").count() == 4
    picture("7-trajectory")
    cora.stored(partial(cora.click, "unsound"))
    assert decided(store, "cora")["walk"].unit.step == 2

    cora.look_for("gauge")
    page.keyboard.type("420")                               # the first digit finds the field
    page.keyboard.press("Enter")
    cora.says("is rated by a number from 0 to 100")
    picture("8-number")
    page.locator(".wbr-number input").fill("42.5")
    cora.stored(lambda: page.locator(".wbr-number input").press("Enter"))
    assert decided(store, "cora")["gauge"].score == 42.5

    cora.look_for("pair")
    sides = [side.bounding_box() for side in page.locator(".wbr-pair .wbr-text").all()]
    assert len(sides) == 2 and sides[0]["y"] == sides[1]["y"] and sides[0]["x"] + sides[0]["width"] <= sides[1]["x"]
    assert [page.locator(f"mark.wbr-only-{side}").all_inner_texts() for side in "ab"] == [["Monday", "10"], ["Tuesday", "25"]]
    cora.stored(partial(cora.click, "tie"))
    cora.says("Stored: tie")
    assert decided(store, "cora")["pair"].label == "tie"
    picture("9-pair")
    picture("10-pair-grey", filter="grayscale(1)")
    contrasts = [page.evaluate(CONTRAST)]
    cora.look_for("no such words")
    assert "Nothing is left in this queue" in cora.words
    picture("11-empty")

    theme = lab[1].parent / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
    theme.parent.mkdir(exist_ok=True)
    theme.write_text(json.dumps({"theme": "JupyterLab Dark"}))
    dan = sits_down("dan", "kinds", second_share=1.0)
    theme.unlink()
    assert dan.page.locator("body[data-jp-theme-light='false']").count() == 1 and "How it works" in dan.words
    picture("12-dark-hint", who=dan)
    dan.look_for("pair")
    assert dan.item == "pair" and not any(map(dan.knows, RATERS)) and "cora" not in dan.page.inner_html(".wbr-board")
    dan.stored(partial(dan.click, "B"))
    dan.says("Stored: B")
    assert "cora" in dan.words and "Decided by others" in dan.words
    assert [(d.label, d.second, d.blind) for who in ("cora", "dan") for d in [decided(store, who)["pair"]]] == [
        ("tie", False, True), ("B", True, True)]
    picture("13-dark-second", who=dan)
    contrasts.append(dan.page.evaluate(CONTRAST))
    assert all(least >= READABLE for least, _ in contrasts), contrasts


def test_what_is_typed_is_stored_with_the_click_that_follows_however_busy_the_kernel(sits_down: Callable) -> None:
    fay = sits_down("fay", "answers", second_share=0.0)
    expected = {}
    for n in range(6):
        item, before = fay.item, fay.version()
        fay.page.evaluate("""words => { const board = document.querySelector('.wbr-board'), note = board.querySelector('.wbr-note textarea');
          const click = (name) => [...board.querySelectorAll('button')].find((b) => b.innerText.includes(name))
            .dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 1 }));
          const type = (text) => { note.focus(); note.value = text; note.dispatchEvent(new Event('input', { bubbles: true })); note.blur(); };
          type('first ' + words); type(words); click('middle');      // at once: nothing is waited for
          type(words + ', again'); click('ambiguous item'); }""", f"words {n}")
        until = time.monotonic() + 20
        while fay.version() < before + 2:
            assert time.monotonic() < until, fay.words[:400]
            fay.page.wait_for_timeout(20)
        expected[item] = ("middle", "ambiguous_item", f"words {n}")
        fay.says("Stored: ambiguous item")
        if n % 2:
            fay.onward()                                    # takes the note along as it now stands
            expected[item] = (*expected[item][:2], f"words {n}, again")
        else:
            fay.page.evaluate("""words => { const note = document.querySelector('.wbr-note textarea');
              note.value = words; note.dispatchEvent(new Event('input', { bubbles: true })); }""", f"words {n}")
            fay.onward()
        assert fay.page.locator(".wbr-note textarea").input_value() == ""
    found = {item: (LEVELS[int(d.score) - 1], d.reason, d.note) for item, d in decided(fay.store, "fay").items()}
    assert found == expected


def test_a_notebook_that_is_opened_later_without_its_kernel_shows_the_panel_as_it_was(lab, sits_down: Callable, tmp_path: Path) -> None:
    gil = sits_down("gil", "kinds", second_share=0.0, search="hostile")
    page, still = gil.page, ".wbr-still:has-text('A still picture of the review panel')"
    page.wait_for_selector(".wbr-explore .wbr-chart", timeout=60_000)
    item = gil.item
    assert page.locator(still).count() == 1 and not page.locator(".wbr-still:visible").count()      # while the panel is alive
    path = lab[1] / "notebooks" / "gil.ipynb"
    until = time.monotonic() + 60
    while "A still picture of the exploration" not in path.read_text(encoding="utf-8"):
        assert time.monotonic() < until
        menu(page, "File", "Save Notebook")
        page.wait_for_timeout(2_000)
    end_kernels(lab[0])
    page.goto(f"{lab[0]}/lab/tree/gil.ipynb?reset", wait_until="domcontentloaded")
    page.wait_for_selector(still, timeout=60_000)
    page.wait_for_timeout(3_000)
    assert page.locator(f"{still}:visible").count() == 1 and item in page.inner_text(still)
    assert page.locator(".wbr-still:has-text('A still picture of the exploration'):visible").count() == 1
    assert "rror displaying widget" not in page.inner_text(".jp-Notebook") and not page.locator(".wbr-board").count()
    assert item == "hostile" and "$\\href" in page.inner_text(still)
    page.locator(still).scroll_into_view_if_needed()
    page.screenshot(path=str(tmp_path / "15-later.png"))


def test_a_killed_kernel_and_a_closed_browser_lose_at_most_the_item_on_screen(sits_down: Callable, tmp_path: Path) -> None:
    eve = sits_down("eve", "answers", kind="audit", second_share=0.0)

    def kernel() -> int:
        leases = json.loads((eve.store / "review" / "claims.json").read_text())
        return next(lease["pid"] for lease in leases.values() if lease["reviewer"] == "eve" and not lease.get("decided"))

    for n in range(3):
        eve.give(n % 3 + 1)
        eve.onward()
    lost = eve.item
    os.kill(kernel(), signal.SIGKILL)
    assert held(eve.store, "eve") == eve.expected
    eve.page.close()
    eve.open()
    assert "3 decided" in eve.words and eve.item == lost
    eve.give(1)
    eve.onward()

    racing = eve.item
    eve.page.keyboard.press("2")
    os.kill(kernel(), signal.SIGKILL)                       # the decision is whole, or is not
    found = held(eve.store, "eve")
    assert found in (eve.expected, eve.expected | {racing: ("middle", None)})
    eve.expected = found
    eve.page.close()
    eve.open()
    assert f"{len(found)} decided" in eve.words and (eve.item == racing) == (racing not in found)
    eve.give(3)
    eve.onward()

    shown = eve.item
    eve.page.close()                                        # the kernel lives on, and holds the unit that was on screen
    eve.open()
    assert eve.item == shown and held(eve.store, "eve") == eve.expected
    eve.page.keyboard.press("?")
    eve.picture(tmp_path / "14-again.png")
