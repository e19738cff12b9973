"""Reports told to people: over a real HTTP server and a small mail server of this machine."""

from __future__ import annotations

import base64
import datetime as dt
import email
import email.policy
import json
import logging
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from workbench.errors import ParameterError, ReportError
from workbench.estimates import finding, findings_table
from workbench.report import Run, altered, deliver, load_pack
from workbench.report.artefact import seal
from workbench.report.delivery import message, wanted
from workbench.report.recipients import Delivery, read_deliveries

PACK = '[[notebook]]\nname = "agreement"\n[[deliver]]\nto = "OUR_CHAT"\nlink = "https://reports.example/"\n'
SECRET = "s3cr3t-t0ken"


class Answering(BaseHTTPRequestHandler):
    """A webhook: keeps what it is sent, answers as it is told to."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """A server on this machine, whose address stands in OUR_CHAT."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.got, server.answer = [], 200
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OUR_CHAT", f"json://someone:{SECRET}@127.0.0.1:{server.server_port}/{SECRET}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def pack(workspace: Path, write: Callable) -> Path:
    """A pack of one notebook, told to OUR_CHAT."""
    write("agreement")
    (workspace / "reports/mine.toml").write_text(PACK)
    return workspace


LOW = finding("agreement", "share is low", "Raters agree on half of the items.", severity="attention")


def made(workspace: Path, *found: dict, period: str = "2026-W46", version: str = "abc", started: str = "2026-11-16T06:00:00+00:00",
         error: str = "", gates: tuple = ()) -> Run:
    """A report of the pack as a run leaves it."""
    folder = workspace / f"reports/mine/{period}/{version}{'.failed' if error else ''}"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f"<p>{period}</p>")
    findings_table([*found] or [LOW]).to_parquet(folder / "findings.parquet")
    seal(folder, {"pack": "mine", "period": period, "version": version, "title": "Mine", "started": started, "gates": gates,
                  "status": "failed" if error else "complete", "notebooks": {"agreement": {"error": error}}})
    return Run("mine", period, version, folder, {"agreement": error} if error else {})


def test_a_report_is_told_once_with_what_needs_attention_and_its_page(pack: Path, webhook: ThreadingHTTPServer) -> None:
    one = made(pack)
    assert deliver("mine") == ["mine 2026-W46: told OUR_CHAT"]
    [got] = webhook.got
    assert got["title"] == "Mine, 2026-W46: 1 for attention"
    assert got["message"].splitlines() == ["Attention: Raters agree on half of the items.", "",
                                           "The report: https://reports.example/mine/2026-W46/abc/index.html (its first page is attached)"]
    [page] = got["attachments"]
    assert page["filename"] == "mine-2026-W46.html" and base64.b64decode(page["base64"]) == one.index.read_bytes()
    assert deliver("mine") == [] and len(webhook.got) == 1
    made(pack, version="abd", started="2026-11-16T07:00:00+00:00")
    assert len(deliver("mine")) == 1 and len(webhook.got) == 2


def test_what_could_not_be_told_is_told_by_the_next_run_and_nothing_shows_the_address(
        pack: Path, webhook: ThreadingHTTPServer, capfd: pytest.CaptureFixture, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    webhook.answer = 500
    first = made(pack)
    with pytest.raises(ReportError, match=r"mine 2026-W46: not delivered to OUR_CHAT \(.*500.*\). The report stands as it was made") as failed:
        deliver("mine")
    webhook.answer = 200
    made(pack, period="2026-W47", started="2026-11-23T06:00:00+00:00")
    assert deliver("mine") == ["mine 2026-W46: told OUR_CHAT", "mine 2026-W47: told OUR_CHAT"] and altered(first).empty
    assert [got["title"].split(":")[0] for got in webhook.got] == ["Mine, 2026-W46", "Mine, 2026-W46", "Mine, 2026-W47"]
    said = "".join(capfd.readouterr()) + caplog.text + str(failed.value)
    kept = b"".join(path.read_bytes() for path in (pack / "reports").rglob("*") if path.is_file()).decode(errors="replace")
    for part in (SECRET, "json://", "someone", str(webhook.server_port)):
        assert part not in said and part not in kept


@pytest.mark.parametrize(("address", "why"), [
    (None, "the environment variable is not set"), (f"nonsense {SECRET}", "one address was expected"),
    (f"json://127.0.0.1:9/{SECRET}, json://127.0.0.1:9/{SECRET}2", "one address was expected"), (f"json://127.0.0.1:9/{SECRET}", ".*[Cc]onnection")])
def test_an_address_that_is_not_there_is_one_line(pack: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, why: str) -> None:
    made(pack)
    if address:
        monkeypatch.setenv("OUR_CHAT", address)
    with pytest.raises(ReportError, match=rf"not delivered to OUR_CHAT \({why}") as lost:
        deliver("mine")
    assert SECRET not in str(lost.value) and "\n" not in str(lost.value)


def test_a_new_place_is_told_of_the_latest_report_alone(pack: Path, webhook: ThreadingHTTPServer) -> None:
    made(pack, period="2026-W45", started="2026-11-09T06:00:00+00:00"), made(pack)
    assert deliver("mine") == ["mine 2026-W46: told OUR_CHAT"]
    (pack / "reports/mine.toml").write_text((pack / "reports/mine.toml").read_text().split("[[deliver]]")[0])
    made(pack, period="2026-W47", started="2026-11-23T06:00:00+00:00")
    assert deliver("mine") == [] and len(webhook.got) == 1


def test_what_is_held_back_is_told_to_nobody_and_what_was_due_before_is_still(pack: Path, webhook: ThreadingHTTPServer) -> None:
    webhook.answer = 500
    made(pack)
    with pytest.raises(ReportError):
        deliver("mine")
    webhook.answer, webhook.got[:] = 200, []
    made(pack, version="abd", started="2026-11-20T06:00:00+00:00")
    assert deliver("mine", hold=dt.datetime(2026, 11, 20, 6, tzinfo=dt.timezone.utc)) == [] and webhook.got == []
    assert deliver("mine") == ["mine 2026-W46: told OUR_CHAT"]
    assert webhook.got[0]["message"].endswith("2026-W46/abc/index.html (its first page is attached)")


def test_two_runs_that_end_together_tell_once(pack: Path, webhook: ThreadingHTTPServer) -> None:
    made(pack)
    told: list[str] = []
    both = [threading.Thread(target=lambda: told.extend(deliver("mine"))) for _ in range(4)]
    [one.start() for one in both], [one.join() for one in both]
    assert told == ["mine 2026-W46: told OUR_CHAT"] and len(webhook.got) == 1


@pytest.mark.parametrize(("when", "error", "told"), [("always", "", 1), ("attention", "", 0), ("failed", "", 0), ("attention", "KeyError: x", 1),
                                                     ("failed", "KeyError: x", 1)])
def test_who_asks_for_attention_or_failures_alone_is_told_of_no_other(pack: Path, webhook: ThreadingHTTPServer, when: str, error: str,
                                                                      told: int) -> None:
    (pack / "reports/mine.toml").write_text(f'{PACK}when = "{when}"\n')
    made(pack, LOW | {"severity": "ok"}, error=error)
    assert len(deliver("mine")) == len(webhook.got) == told
    if error:
        assert webhook.got[0]["title"] == "Mine, 2026-W46: 1 of its notebooks failed"
        assert webhook.got[0]["message"].startswith("This report is not whole: agreement failed (KeyError: x).")


class Mail(socketserver.StreamRequestHandler):
    """As much of a mail server as a letter needs (RFC 5321)."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        letter: list[bytes] | None = None
        for line in self.rfile:
            if letter is not None and line != b".\r\n":
                letter.append(line[1:] if line.startswith(b"..") else line)
                continue
            if letter is not None:
                self.server.got.append(b"".join(letter))
            letter = [] if line.upper().startswith(b"DATA") else None
            self.wfile.write(b"354 go on\r\n" if letter is not None else b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")
            if line.upper().startswith(b"QUIT"):
                return


def test_a_letter_holds_the_text_and_the_page(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as server:
        server.got = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        monkeypatch.setenv("OUR_CHAT", f"mailto://127.0.0.1:{port}?smtp=127.0.0.1&from=reports@example.org&to=team@example.org&format=text")
        one = made(pack)
        assert deliver("mine") == ["mine 2026-W46: told OUR_CHAT"]
        server.shutdown()
    [letter] = [email.message_from_bytes(got, policy=email.policy.default) for got in server.got]
    assert "team@example.org" in letter["To"] and letter["Subject"] == "Mine, 2026-W46: 1 for attention"
    assert "Attention: Raters agree on half of the items." in letter.get_body(("plain",)).get_content()
    [page] = letter.iter_attachments()
    assert page.get_filename() == "mine-2026-W46.html" and page.get_content().replace("\r\n", "\n").strip() == one.index.read_text().strip()


def test_the_text_is_short_says_alarms_first_and_leaves_out_what_is_muted(pack: Path) -> None:
    rows = [finding("agreement", f"n{k}", f"Sentence {k}" + " and more" * 100 + "\nForged: line", severity="attention") for k in range(12)]
    rows += [finding("agreement", "worst", "It broke.", severity="alarm"), finding("agreement", "open", "Who knows.", severity="unknown")]
    one = made(pack, *rows, gates=({"name": "no alarm", "asked": "none", "open": False, "why": "1: It broke."},))
    title, text = message(one)
    lines = text.splitlines()
    assert title == "Mine, 2026-W46: 1 alarm, 1 closed gate, 12 for attention"
    assert lines[0] == "Alarm: It broke." and lines[8] == "And 5 more." and lines[9] == "Gate closed: no alarm: 1: It broke."
    assert lines[10] == "1 of what was asked cannot be told from these data." and not [line for line in lines if line.startswith("Forged")]
    assert len(text) < 4000 and lines[-1].startswith("The report: reports/mine/2026-W46/")
    told = json.loads((one.path / "manifest.json").read_text())
    muted = [{"id": key, "muted": True} for key in one.findings["id"] if "open" not in key]
    (one.path / "manifest.json").write_text(json.dumps(told | {"gates": [], "actions": {"told": muted}}))
    assert message(one)[0] == "Mine, 2026-W46: nothing needs attention" and not wanted(one, when="attention")


@pytest.mark.parametrize(("table", "words"), [
    ('[[deliver]]\nto = "mailto://me:hunter22@example.org"', "name of an environment variable that holds the address"),
    ('[[deliver]]\nto = "A"\nwhen = "never"', "Use one of: 'always', 'attention', 'failed'"), ('[[deliver]]\nat = "A"', "at is not known"),
    ('[[deliver]]\nto = "A"\nlink = "javascript:1"', "link is where reports/ can be read"), ('[[deliver]]', "name of an environment variable"),
    ('[[deliver]]\nto = "A"\n[[deliver]]\nto = "A"', "two .* name A"), ])
def test_a_table_that_is_wrong_is_refused_and_no_address_is_repeated(workspace: Path, write: Callable, table: str, words: str) -> None:
    write("agreement")
    (workspace / "reports/mine.toml").write_text(f'[[notebook]]\nname = "agreement"\n{table}\n')
    with pytest.raises(ParameterError, match=words) as wrong:
        load_pack("mine", workspace=workspace)
    assert "hunter22" not in str(wrong.value)


def test_an_address_in_place_of_tables_is_not_repeated() -> None:
    with pytest.raises(ParameterError, match=r"mine.toml: deliver is given as tables") as wrong:
        read_deliveries("slack://TokenA/TokenB", file="mine.toml")
    assert "TokenA" not in str(wrong.value)
    assert read_deliveries([{"to": "A", "when": "failed"}], file="x") == (Delivery("A", "failed"),)


def test_what_was_told_and_cannot_be_kept_is_an_error_before_anything_is_sent(pack: Path, webhook: ThreadingHTTPServer) -> None:
    made(pack)
    (pack / "reports/mine/.delivered.half").mkdir()
    with pytest.raises(ReportError, match="reports/mine: what was told to whom could not be written there"):
        deliver("mine")
    assert webhook.got == []
