"""The panel's keyboard and its looks: a widget without a body that listens while the panel has the focus. Nothing is loaded."""

from __future__ import annotations

import time
from collections.abc import Callable

import anywidget
import traitlets

BEAT = 40           # seconds after which an open panel renews its lease, which lasts three times as long
LATE = 1.0          # seconds that a message may come after one that was sent later
PATIENCE = 600      # seconds that a panel out of sight, behind another window, still does

LISTEN = """
function render({ model, el }) {
  el.style.display = "none";
  const timers = [];
  const view = String(Math.random());
  let root = null, frame = 0, sight = Date.now(), turn = 0;
  const typed = () => [...root.querySelectorAll(".wbr-field > [data-number]")].filter((field) => field.typed)
    .map((field) => [Number(field.dataset.number), field.value]);
  const send = (what) => model.send({ ...what, serial: model.get("serial"), typed: typed(), turn: [view, ++turn] });
  const say = (key) => send({ key });
  const typing = (node) => node.closest("input, textarea, select");
  const seen = (selector) => [...root.querySelectorAll(selector)].find((node) => node.offsetParent);
  const home = () => root && root.focus({ preventScroll: true });
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = typing(event.target);
    if (field) {
      const done = event.key === "Enter" && !event.shiftKey && ["note", "number", "queue"].find((c) => field.closest(".wbr-" + c));
      if (!done && event.key !== "Escape") return;
      event.preventDefault();
      home();
      return done && say(done);
    }
    if (event.key === "Enter" && event.target.closest("button, summary, a")) return;
    const number = seen(".wbr-number input");
    if (number && /^[0-9.-]$/.test(event.key)) return number.focus();    // the key goes on into the field
    if (!model.get("wanted").includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    const note = event.key === "n" && seen(".wbr-note textarea");
    if (note) return note.focus();
    say(event.key);
  };
  const onClick = (event) => {
    const button = event.target.closest("button");
    const name = button && !button.disabled && [...button.classList].find((c) => c.startsWith("wbr-press-"));
    if (!name) return;
    event.stopPropagation();    // the button's own message may be handled before another that was sent before it
    if (event.detail) home();
    send({ button: name });
  };
  const onLeave = (event) => setTimeout(() => {
    if (document.activeElement === document.body && !(event.target.isConnected && event.target.offsetParent)) home();
  });
  const renew = () => {
    if (!document.hidden && root.offsetParent) sight = Date.now();
    if (Date.now() - sight < PATIENCE * 1000) say("renew");
  };
  const onSerial = () => root && root.querySelectorAll(".wbr-item").forEach((node) => { node.scrollTop = 0; });
  const attach = () => {
    root = el.closest(".wbr-board");
    if (!root) { frame = requestAnimationFrame(attach); return; }
    root.tabIndex = 0;
    root.setAttribute("role", "region");
    root.setAttribute("aria-label", "Review");
    root.dataset.lmSuppressShortcuts = "true";
    root.addEventListener("keydown", onKey, true);      // before the fields, which keep their keys to themselves
    root.addEventListener("click", onClick, true);
    root.addEventListener("focusout", onLeave);
    if (!typing(document.activeElement) && !document.activeElement.isContentEditable) home();
    timers.push(setInterval(renew, BEAT * 1000));
    document.addEventListener("visibilitychange", renew);
  };
  model.on("change:serial", onSerial);
  attach();
  return () => {
    cancelAnimationFrame(frame);
    timers.forEach(clearInterval);
    document.removeEventListener("visibilitychange", renew);
    model.off("change:serial", onSerial);
    if (!root) return;
    root.removeEventListener("keydown", onKey, true);
    root.removeEventListener("click", onClick, true);
    root.removeEventListener("focusout", onLeave);
  };
}
export default { render };
"""

LOOKS = """
.wbr-board { padding: 10px 14px 14px; border: 1px solid var(--jp-border-color1, #bbb); border-radius: 4px; overflow: visible;
  background: var(--jp-layout-color1, #fff); color: var(--jp-ui-font-color1, #111); }
.wbr-board:focus { outline: none; border-color: var(--jp-brand-color1, #1976d2); box-shadow: 0 0 0 1px var(--jp-brand-color1, #1976d2); }
.wbr-board .widget-html, .wbr-board .widget-html-content { height: auto; line-height: 1.5; font-size: var(--jp-ui-font-size1, 13px); }
.wbr-board .widget-html-content { color: inherit; width: 100%; overflow-wrap: anywhere; }
.wbr-board .wbr-top { align-items: flex-start; gap: 10px; overflow: visible; }
.wbr-board .wbr-top > .widget-html { flex: 1 1 auto; min-width: 0; }
.wbr-board .wbr-main { display: flex; flex-flow: row wrap; gap: 14px; align-items: flex-start; margin-top: 8px; overflow: visible; }
.wbr-board .wbr-item { flex: 3 1 380px; min-width: 0; max-height: 62vh; overflow: auto; }
.wbr-board .wbr-desk { flex: 2 1 300px; min-width: 0; overflow: visible; }
.wbr-board .wbr-levels, .wbr-board .wbr-reasons, .wbr-board .wbr-moves { overflow: visible; }
.wbr-board .wbr-level { align-items: flex-start; gap: 8px; overflow: visible; margin: 2px 0; }
.wbr-board .wbr-level .widget-html { flex: 1; min-width: 0; padding-top: 3px; }
.wbr-board button.jupyter-button { color: var(--jp-ui-font-color1, #111); background: var(--jp-layout-color2, #eee); box-shadow: none;
  border: 1px solid var(--jp-border-color1, #bbb); border-radius: 3px; width: auto; min-width: 0;
  padding: 0 10px; height: 30px; line-height: 28px; }
.wbr-board button.jupyter-button:hover:enabled, .wbr-board button.jupyter-button:focus-visible { box-shadow: none;
  border-color: var(--jp-brand-color1, #1976d2); outline: 1px solid var(--jp-brand-color1, #1976d2); }
.wbr-board > button.jupyter-button { align-self: flex-start; }
.wbr-board button.jupyter-button:disabled { opacity: .45; }
.wbr-board .wbr-level button.jupyter-button { flex: 0 0 9em; width: 9em; text-align: left;
  white-space: normal; overflow-wrap: anywhere; height: auto; min-height: 30px; line-height: 1.4; }
.wbr-board .wbr th { overflow-wrap: normal; white-space: nowrap; }
.wbr-board button.wbr-chosen.jupyter-button { border: 2px solid var(--jp-ui-font-color1, #111); line-height: 26px; font-weight: 700;
  background: var(--jp-layout-color1, #fff); }
.wbr-board button.wbr-onward.jupyter-button:enabled { background: var(--jp-brand-color1, #1976d2);
  border-color: var(--jp-brand-color1, #1976d2);
  color: var(--jp-ui-inverse-font-color1, #fff); font-weight: 600; }
.wbr-board .wbr-desk h4, .wbr-board .wbr-item h4 { margin-top: .6em; }
.wbr-board .wbr-reasons, .wbr-board .wbr-moves { display: flex; flex-flow: row wrap; gap: 4px; }
.wbr-board .wbr-moves { margin-top: 8px; }
.wbr-board .wbr-field { display: flex; gap: 8px; width: 100%; margin: 2px 0; align-items: baseline; }
.wbr-board .wbr-field > label { flex: 0 0 7em; overflow-wrap: anywhere; }
.wbr-board .wbr-field > [data-number] { flex: 1; min-width: 0; box-sizing: border-box; padding: 3px 6px; border-radius: 2px;
  border: 1px solid var(--jp-border-color1, #bbb); color: var(--jp-ui-font-color1, #111); background: var(--jp-layout-color0, #fff);
  font: inherit; line-height: 1.5; }
.wbr-board .wbr-form { padding: 8px 10px; margin: 6px 0; border: 1px solid var(--jp-border-color1, #bbb); overflow: visible; }
.wbr-board .wbr-said { border-left: 4px solid var(--jp-border-color1, #888); padding: 2px 8px; margin: 4px 0; }
.wbr-board .wbr-error { border-left-color: var(--jp-error-color1, #d32f2f); background: var(--jp-layout-color2, #eee); font-weight: 600; }
"""


class Keyboard(anywidget.AnyWidget):
    """Hears {"key", "serial", "typed"}: a key of `wanted`, "note", "number" or "queue" for a field that is done, "renew" now and then; and
    what stands in the fields that were typed in, see `fields.take`. A click on a button has "button" for "key".

    `serial` is the number of the screen; each bears the one that was in sight when it was pressed. Each view of the panel numbers what it
    sends, for a kernel at work may handle what it is sent in another order.
    """

    _esm = LISTEN.replace("BEAT", str(BEAT)).replace("PATIENCE", str(PATIENCE))
    _css = LOOKS
    wanted = traitlets.List(traitlets.Unicode()).tag(sync=True)
    serial = traitlets.Int(0).tag(sync=True)

    def __init__(self, *, wanted: list[str], hear: Callable[..., None]) -> None:
        super().__init__(wanted=wanted)
        self._hear, self._due = hear, {}
        self._early: dict[str, dict[int, tuple[float, dict[str, object]]]] = {}
        self.on_msg(lambda _, content, buffers: self.heard(**content))

    def heard(self, *, turn: tuple[str, int], **content: object) -> None:
        """Pass on, in the order in which they were sent, this and what came early; what never came is waited for `LATE` seconds."""
        view, number = turn
        if number < self._due.get(view, 1):
            return self._hear(**content)
        early, now = self._early.setdefault(view, {}), time.monotonic()
        early[number] = now, content
        if now - min(since for since, _ in early.values()) > LATE:
            self._due[view] = min(early)
        while (due := self._due.get(view, 1)) in early:
            self._due[view] = due + 1
            self._hear(**early.pop(due)[1])
        return None
