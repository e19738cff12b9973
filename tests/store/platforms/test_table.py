"""Tables: each part of a mapping by hand, the ready mappings on real exports, and broken files."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutated import as_lines, cuts, damaged, edited, edits, holds, taken

from workbench.errors import ParameterError, RatingsError
from workbench.store.platforms import asked, table
from workbench.store.platforms.rows import Item, Options, Silent
from workbench.store.platforms.table import parse

quickly = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
READY = Path(table.__file__).parent / "mappings"
LONG = '[columns]\nitem_id = "unit"\nrater_id = "who"\n'
WHO = LONG + '[criteria.tone]\ncolumn = "q"\n'


@pytest.fixture
def given_file(tmp_path: Path):
    """Writes a file and, where there is one, its mapping; gives path and options."""
    def write(content: str | bytes, mapping: str | None = None, name: str = "data.csv", **values: str) -> tuple[Path, Options]:
        path, toml = tmp_path / name, tmp_path / "mapping.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
        toml.write_text(mapping or "", encoding="utf-8")
        return path, Options(values=values, mapping=toml if mapping else None)

    return write


def ratings_of(path: Path, options: Options = Options()) -> list[dict[str, Any]]:
    ratings, faults, _, refused = taken(parse, path, options)
    assert not faults and not refused, faults
    return ratings


def shown(given: tuple[Path, Options], *columns: str) -> list[tuple]:
    return [tuple(r.get(c) for c in columns) for r in ratings_of(*given)]


def silent(given: tuple[Path, Options]) -> Counter[str]:
    return Counter(one.what for one in parse(*given) if isinstance(one, Silent))


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_a_table_with_the_contracts_names_needs_no_mapping(given_file, tmp_path: Path, kind: str) -> None:
    frame = pd.DataFrame({"item_id": ["a", "b"], "rater_id": ["x", "x"], "score": [1.5, 2.0], "criterion": "tone", "rated_at": "2026-01-02T03:04:05Z",
                          "shift": ["early", "late"]})
    text = {"csv": frame.to_csv(index=False), "tsv": frame.to_csv(index=False, sep="\t"), "json": frame.to_json(orient="records"),
            "jsonl": frame.to_json(orient="records", lines=True)}
    if kind == "parquet":
        held = io.BytesIO()
        frame.assign(rated_at=pd.to_datetime(frame.rated_at)).to_parquet(held)
        text["parquet"] = held.getvalue()
    found = ratings_of(*given_file(text[kind], name=f"data.{kind}"))
    assert [(r["item_id"], r["rater_id"], r["score"], r["criterion"], r["shift"]) for r in found] == [
        ("a", "x", 1.5, "tone", "early"), ("b", "x", 2.0, "tone", "late")]
    assert found[0]["rated_at"].isoformat() == "2026-01-02T03:04:05+00:00"
    assert found[0]["rating_id"] == "table:a::tone:::x::2026-01-02T03%3A04%3A05+00%3A00"


def test_a_table_with_its_own_keys_keeps_them_and_what_they_replace(given_file) -> None:
    given = given_file("item_id,rater_id,label,rating_id,replaces\na,x,yes,k1,\na,x,no,k2,k1\n")
    assert shown(given, "rating_id", "replaces", "label") == [("k1", None, "yes"), ("k2", "k1", "no")]


def test_columns_constants_words_and_times_are_mapped(given_file) -> None:
    mapping = 'times = ["%d.%m.%Y %H:%M"]\nzone = "Europe/Berlin"\nlacking = ["-"]\n' + LONG + (
        'label = "verdict"\nrated_at = "when"\nstatus = "state"\n[constants]\nrubric = "safety"\nlayer = 1\n'
        '[values.label]\n1 = "safe"\n2 = "unsafe"\n[values.status]\nOK = "rated"\n')
    given = given_file("unit;who;verdict;when;state\nu1;w1;1;01.07.2026 12:00;OK\nu1;w2;-;01.12.2026 12:00;-\n", mapping)
    assert shown(given, "label", "rubric", "layer", "status") == [("safe", "safety", 1.0, "rated"), (None, "safety", 1.0, None)]
    # summer time is two hours ahead of UTC, winter time one
    assert [r["rated_at"].isoformat() for r in ratings_of(*given)] == ["2026-07-01T10:00:00+00:00", "2026-12-01T11:00:00+00:00"]


@pytest.mark.parametrize(("times", "text"), [("s", "1767323045"), ("ms", "1767323045000"), ("", "2026-01-02 03:04:05 UTC"), ("", "2026-01-02T04:04:05+01:00"),
                                             ("%m/%d/%Y %H:%M:%S", "1/2/2026 03:04:05")])
def test_times_are_read_in_the_form_that_is_named_and_in_iso(given_file, times: str, text: str) -> None:
    given = given_file(f"unit,who,score,when\nu,w,1,{text}\n", f"times = [{json.dumps(times)}]\n" + LONG + 'score = "score"\nrated_at = "when"\n')
    assert ratings_of(*given)[0]["rated_at"].isoformat() == "2026-01-02T03:04:05+00:00"


def test_a_time_that_cannot_be_read_is_handed_on_to_be_set_aside(given_file) -> None:
    given = given_file("unit,who,score,when\nu,w,1,yesterday\n", LONG + 'score = "score"\nrated_at = "when"\n')
    assert shown(given, "rated_at") == [("yesterday",)]


def test_question_columns_become_criteria_scored_named_or_ticked(given_file) -> None:
    mapping = 'source = "forms"\nkey = ["n"]\n' + LONG + '[criteria.tone]\ncolumn = "q1"\n[criteria.length]\ncolumn = "q2"\n' \
        '[criteria.flaws]\ncolumn = "q3"\nseparator = ";"\nstrip = "[]"\n'
    given = given_file("n,unit,who,q1,q2,q3\n1,u,w,kind,4,[rude]; [long]\n2,u,v,rude,,[long]\n3,u,t,,5,\n", mapping)
    assert shown(given, "rater_id", "criterion", "label", "score") == [
        ("w", "tone", "kind", None), ("w", "length", None, 4.0), ("w", "flaws: rude", "yes", None), ("w", "flaws: long", "yes", None),
        ("v", "tone", "rude", None), ("v", "length", None, None), ("v", "flaws: rude", "no", None), ("v", "flaws: long", "yes", None),
        ("t", "tone", None, None), ("t", "length", None, 5.0), ("t", "flaws: rude", None, None), ("t", "flaws: long", None, None)]
    assert ratings_of(*given)[2]["rating_id"] == "forms:1:flaws:rude"


def test_lists_in_cells_are_sets_where_any_holds_several_or_none(given_file) -> None:
    rows = 'u,w,"[""a"", ""b""]"\nu,v,[]\nu,t,"[""a""]"\n'
    assert shown(given_file("unit,who,q\n" + rows, WHO), "criterion", "label") == [
        ("tone: a", "yes"), ("tone: b", "yes"), ("tone: a", "no"), ("tone: b", "no"), ("tone: a", "yes"), ("tone: b", "no")]
    assert shown(given_file('unit,who,q\nu,w,"[""a""]"\nu,v,"[""b""]"\n', WHO), "criterion", "label") == [("tone", "a"), ("tone", "b")]


def test_numbers_may_be_asked_for_as_labels_and_words_of_one_question_mapped(given_file) -> None:
    mapping = WHO + 'as = "label"\n[values.tone]\n1 = "bad"\n'
    assert shown(given_file("unit,who,q\nu,w,1\nu,v,2\n", mapping), "label", "score") == [("bad", None), ("2", None)]


def test_texts_hold_no_rating_and_are_counted_by_question(given_file) -> None:
    rows = "".join(f"u{n},w,because of reason {n}\n" for n in range(40)) + "u50,w,\n"
    given = given_file("unit,who,q\n" + rows, WHO)
    assert ratings_of(*given) == [] and silent(given) == {"text answer (tone)": 40, "empty cell": 1}


def test_more_options_than_could_be_ticked_are_texts(given_file, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "OPTIONS", 20)

    def rows(n: int) -> str:
        return "unit,who,q\n" + "".join(f"u{k},w,o{k % n};o{(k + 1) % n}\n" for k in range(5 * n))

    assert len(ratings_of(*given_file(rows(20), WHO + 'separator = ";"\n'))) == 100 * 20
    assert silent(given_file(rows(21), WHO + 'separator = ";"\n')) == {"text answer (tone)": 105}


def test_a_wide_table_is_read_cell_by_cell_with_what_goes_with_each(given_file) -> None:
    mapping = '[columns]\nrater_id = "who"\n[constants]\ncriterion = "x"\n[wide]\ncolumns = "R_*"\nof = "item_id"\ncriterion = "harm"\nbeside = {trial = "T_*"}\n'
    given = given_file("who,R_1,R_2,T_1,T_2\nw,10,,7,8\nv,30,40,5,6\n", mapping)
    assert shown(given, "item_id", "rater_id", "criterion", "score", "trial") == [
        ("1", "w", "harm", 10.0, "7"), ("1", "v", "harm", 30.0, "5"), ("2", "v", "harm", 40.0, "6")]
    assert silent(given) == {"empty cell": 1} and len({r["rating_id"] for r in ratings_of(*given)}) == 3


def test_names_with_half_a_character_become_names_that_can_be_stored(given_file) -> None:
    plain = given_file('[{"item_id": "a", "rater_id": "x", "score": 1, "k\\ud800": "v"}]', name="data.json")
    assert shown(plain, "k?") == [("v",)]
    mapping = '[columns]\nitem_id = "idx"\n[wide]\ncolumns = "r*"\nof = "rater_id"\n'
    assert shown(given_file('[{"idx": 1, "r\\udc00": 4}]', mapping, name="data.json"), "rater_id", "score") == [("?", 4.0)]


def test_columns_may_be_raters_by_their_whole_names(given_file) -> None:
    mapping = '[columns]\nitem_id = "idx"\n[wide]\ncolumns = ["ann", "bob"]\nof = "rater_id"\nas = "label"\n[values.label]\n1 = "A"\n2 = "B"\n'
    given = given_file('[{"idx": 1, "ann": 1, "bob": 2}, {"idx": 2, "ann": 2}]', mapping, name="data.json")
    assert shown(given, "item_id", "rater_id", "label") == [("1", "ann", "A"), ("1", "bob", "B"), ("2", "ann", "B")]


def test_paths_go_into_json_cells_and_items_take_the_fields_that_describe_them(given_file) -> None:
    mapping = 'items = ["data.*"]\n[columns]\nitem_id = "unit"\nrater_id = ["name", "id"]\nrated_at = "meta.at"\nlabel = "q"\n'
    rows = 'u,,7,"{""at"": ""2026-01-02T03:04:05Z""}","{""9"": {""text"": ""hello"", ""topic"": ""sea""}}",yes\n'
    given = given_file("unit,name,id,meta,data,q\n" + rows, mapping)
    assert [(r["rater_id"], r["rated_at"].year) for r in ratings_of(*given)] == [("7", 2026)]
    assert [one.values for one in parse(*given) if isinstance(one, Item)] == [{"item_id": "u", "text": "hello", "topic": "sea"}]


def test_every_answer_of_a_row_names_the_system_that_was_judged(given_file) -> None:
    mapping = 'items = ["response", "model"]\n' + LONG + '[criteria.tone]\ncolumn = "q1"\n[criteria.style]\ncolumn = "q2"\n'
    given = given_file("unit,who,response,model,q1,q2\nu,w,hello,m1,kind,plain\n", mapping)
    assert shown(given, "criterion", "system") == [("tone", "m1"), ("style", "m1")]
    assert [one.values for one in parse(*given) if isinstance(one, Item)] == [{"item_id": "u", "text": "hello", "system": "m1"}]


def test_a_missing_rater_can_be_named_for_all(given_file) -> None:
    mapping = '[columns]\nitem_id = "unit"\nrater_id = "nobody"\nscore = "q"\n'
    given = given_file('[{"unit": "u", "q": 1}]', mapping, name="data.json", rater_id="ana")
    assert shown(given, "rater_id", "rating_id") == [("ana", "table:u:::::ana::")]


def test_an_item_without_an_id_is_known_by_its_fields(given_file) -> None:
    long = "x" * 300
    mapping = '[columns]\nitem_id = ["task", "INPUT:*"]\nrater_id = "who"\nlabel = "q"\n'
    given = given_file(f"task,INPUT:a,INPUT:b,who,q\n,cat,dog,w,yes\nt7,cat,dog,w,yes\n,{long},dog,w,yes\n", mapping)
    ids = [r["item_id"] for r in ratings_of(*given)]
    assert ids[:2] == ["cat | dog", "t7"] and len(ids[2]) == 16


@pytest.mark.parametrize(("mapping", "said"), [
    ("[columns", "not a TOML file"), ("colums = 1\n", "unknown key 'colums'. Known: answers, columns"),
    ("[columns]\nrater_id = 'who'\nlabel = 'q'\n", "no column for item_id; name it under"),
    (LONG, "no answers: name a column for score or label"), (LONG + "[wide]\ncolumns = 'R_*'\n", "[wide]: no 'of'. Give it"),
    (LONG + "[wide]\ncolumns = 'R_*'\nof = 'score'\n", "of is 'score', expected item_id or rater_id"),
    ("zone = 'Mars'\n" + WHO, "zone 'Mars' is not known"), (WHO + "as = 'stars'\n", "'stars' is no kind of answer; use one of score, label, set"),
    (LONG + "[criteria.tone]\ncolumn = 5\n", "column is 5, expected text in quotes."), (LONG + "[criteria]\ntone = 5\n", "a table of keys was expected, 5"),
    ("key = [5]\n" + WHO, "key holds 5, expected text in quotes"), (WHO + "[values]\ntone = 5\n", "[values.tone] is no table"),
    (WHO + "[constants]\nrubric = [1]\n", "constant rubric is [1], expected text"), ('delimiter = ";;"\n' + WHO, "delimiter is ';;', expected one character"),
    ("decimal = ';'\n" + WHO, "decimal is ';', expected '.' or ','"),
    ("lacking = [['-'], 1]\n" + WHO, "lacking holds ['-'], 1, expected text in quotes"), (WHO + "separator = [1]\n", "separator holds 1, expected text"),
    (WHO + "[constants]\nrater_kind = 'robot'\n", "constant rater_kind is 'robot', expected one of human, expert"),
    (WHO + "[constants]\nrated_at = 'May'\n", "constant rated_at is 'May', expected a time with its zone")])
def test_a_mapping_that_cannot_be_followed_is_refused_by_key_and_cure(given_file, mapping: str, said: str) -> None:
    with pytest.raises(ParameterError, match="mapping.toml") as raised:
        list(parse(*given_file("unit,who,q\nu,w,x\n", mapping)))
    assert said in str(raised.value)


@pytest.mark.parametrize(("content", "mapping", "said"), [
    ("a,b\n1,2\n", None, "Propose a mapping: workbench import table data.csv --guess"), ("", WHO, "holds no header"), ("unit,who,q\n", WHO, "no row can be read"),
    ("unit,unit\n1,2\n", WHO, "names 'unit' twice"), ("unit|who\n1|2\n", WHO, "the mapping names column 'q', which is not there. Its columns are: unit, who"),
    ("_unit_id,_worker_id,q\n1,2,3\n", None, "It looks like an export of appen"), ('[{"data": {}, "annotations": []}]', None, "It looks like an export of label-studio"),
    (b"PK\x03\x04\x00", WHO, "this is a workbook or an archive"), (b"PAR1broken", WHO, "the Parquet file cannot be read"),
    ("[1, 2]", WHO, "no row can be read"), (b"\x1f\x8b\x08", WHO, "this is a workbook or an archive"),
    ("unit,who,q\nu,w,1\n", LONG + "score = 'nope'\n", "the mapping names column 'nope', which is not there"),
    ("unit,who,q\nu,w,1\n", "key = ['nope']\n" + WHO, "the mapping names column 'nope', which is not there"),
    ("unit,who,q\nu,w,1\n", LONG + "[questions]\ncolumns = 'zz*'\n", "no column fits the mapping's [questions] or [wide]. Its columns are: unit, who, q"),
    ("unit,q\nu,1\n", "[columns]\nitem_id = 'unit'\n[wide]\ncolumns = 'zz*'\nof = 'rater_id'\n", "no column fits the mapping's"),
    ("item_id,rater_id,score\nu,w,1\n".encode("utf-16-le"), None, "the header holds zero bytes, as UTF-16 text without a byte-order mark"), ("unit;who;q\nu;w;1\n", 'delimiter = ","\n' + WHO, "Its columns are: unit;who;q")])
def test_a_file_that_does_not_fit_is_refused_as_a_whole(given_file, content: str | bytes, mapping: str | None, said: str) -> None:
    with pytest.raises(RatingsError, match="data.csv: ") as raised:
        list(parse(*given_file(content, mapping)))
    assert said in str(raised.value)


@pytest.mark.parametrize(("row", "said"), [
    ("u,w", "it has 2 fields and the header has 3"), ("unit,who,q", "the header stands here again"), (",w,kind", "it has no item_id (unit is empty)"),
    ("u,,kind", "it has no rater_id (who is empty)"), ("u,w,caf\udce9", "bytes that are not UTF-8"), ('u,w,"kind', "a quote may be left open"),
    ('u,w,"[{}]"', "its answer to 'tone' is not what others are"), ('u,w,"[[[]]]"', "its answer to 'tone' is not what others are"),
    ("u,w," + "[" * 3_000, None)])
def test_a_row_that_is_not_understood_is_one_fault_and_costs_no_other(given_file, row: str, said: str | None) -> None:
    ratings, faults, _, _ = taken(parse, *given_file(f"unit,who,q\na,w,kind\n{row}\nb,w,rude\n", WHO))
    assert {("a", "kind"), ("b", "rude")} <= {(r["item_id"], r.get("label")) for r in ratings} or said is None
    assert (len(faults), [f.place for f in faults]) == (1, ["line 3"]) and said in faults[0].reason if said else not faults


def test_a_column_of_json_that_holds_none_is_a_fault(given_file) -> None:
    mapping = LONG + 'session = "meta.s"\nscore = "q"\n'
    ratings, faults, _, _ = taken(parse, *given_file('unit,who,meta,q\nu,w,"{""s"": ""1""}",2\nu,v,{broken,2\nu,t,,x\n', mapping))
    assert [r["session"] for r in ratings] == ["1"]
    assert [f.reason.split(",")[0] for f in faults] == ["column meta was expected to hold JSON", "column score is x"]


def test_a_cell_of_fifty_megabytes_is_text_or_a_fault(given_file) -> None:
    given = given_file(f"unit,who,q\na,w,kind\nb,w,{'x' * 50_000_000}\nc,w,rude\n", WHO)
    assert [one.what for one in parse(*given) if not isinstance(one, Item)] == ["text answer (tone)"] * 3


def real(shared: Path, name: str) -> Path:
    return shared / "data" / "raw" / name


def ready(name: str) -> Options:
    return Options(mapping=READY / f"{name}.toml")


def test_the_relations_of_a_real_figure_eight_report_are_those_read_elsewhere(shared: Path) -> None:
    path = real(shared, "figure_eight_export/RelEx_batch_13.ip_blanked.csv")
    made = pd.DataFrame(ratings_of(path, ready("appen")))
    asked = made[made.criterion.str.startswith("step_1_select_the_valid_relations: ") & (made.label == "yes")]
    picked = asked.assign(option=asked.criterion.str.split(": ").str[1]).groupby(["item_id", "rater_id"]).option.agg(lambda o: "|".join(sorted(o)))
    expected = pd.read_parquet(shared / "data" / "medrelex_crowdflower.parquet")
    expected = expected[expected.batch == "RelEx_batch_13"]
    expected = expected.assign(rater_id=expected.rater_id.str.removeprefix("w")).set_index(["unit_id", "rater_id"])
    assert len(picked) == len(expected) == 1_590
    assert (picked == expected.label.reindex(picked.index)).all()
    times = made.drop_duplicates(["item_id", "rater_id"]).set_index(["item_id", "rater_id"])
    assert (times.rated_at == expected.ts.reindex(times.index)).all() and (times.started_at == expected.ts_start.reindex(times.index)).all()


def test_ticked_boxes_of_a_real_figure_eight_report_add_up(shared: Path) -> None:
    path = real(shared, "figure_eight_export/person-video-multiple-choice.ip_blanked.csv")
    made = pd.DataFrame(ratings_of(path, ready("appen")))
    raw = Counter(option for cell in pd.read_csv(path).selected_answer for option in json.loads(cell))
    assert made[made.label == "yes"].criterion.str.removeprefix("selected_answer: ").value_counts().to_dict() == dict(raw)
    assert len(made) == 1_000 * len(raw) and set(made.criterion.str.split(": ").str[0]) == {"selected_answer"}


def test_species_and_answers_of_a_real_zooniverse_export_add_up(shared: Path) -> None:
    path = real(shared, "zooniverse_export/kenya_wildlife.csv")
    given = path, ready("zooniverse")
    made = pd.DataFrame(ratings_of(*given))
    tasks = [one for cell in pd.read_csv(path).annotations for one in json.loads(cell)]
    species = Counter(name for one in tasks if one["task"] == "T3" for name in {part["choice"] for part in one["value"]})
    assert made[made.criterion.str.startswith("T3: ") & (made.label == "yes")].criterion.str.removeprefix("T3: ").value_counts().to_dict() == dict(species)
    day = Counter(one["value"] for one in tasks if str(one.get("task_label")).startswith("What time of day"))
    assert made[made.criterion == "What time of day was this photo taken?"].label.value_counts().to_dict() == {k: n for k, n in day.items() if k}
    circles = sum(part["tool_label"] == "Circle" for one in tasks if one["task"] == "T2" for part in one["value"])
    assert made[made.criterion.str.endswith(": Circle")].score.sum() == circles > 0
    assert made.rubric_version.nunique() == 22 and made.rater_id.nunique() == 63 and made.rated_at.notna().all()


TOLOKA = ("INPUT:image\tINPUT:title\tOUTPUT:result\tOUTPUT:sure\tGOLDEN:result\tHINT:text\tASSIGNMENT:link\tASSIGNMENT:assignment_id\tASSIGNMENT:worker_id\t"
          "ASSIGNMENT:status\tASSIGNMENT:started\n"
          "img/1.jpg\tcat\tok\ttrue\t\t\thttps://x\ta1\tw1\tAPPROVED\t2021-05-04T10:20:30.123\n"
          "img/2.jpg\tdog\tbad\tfalse\tbad\t\thttps://x\ta1\tw1\tAPPROVED\t2021-05-04T10:20:30.123\n"
          "img/1.jpg\tcat\tbad\ttrue\t\t\thttps://x\ta2\tw2\tREJECTED\t2021-05-04T11:20:30\n")


def test_toloka_responses_are_read_as_documented(given_file) -> None:
    path, _ = given_file(TOLOKA, name="data.tsv")
    found = ratings_of(path, ready("toloka"))
    assert [(r["item_id"], r["rater_id"], r["criterion"], r["label"], r["status"], r.get("golden")) for r in found if r["criterion"] == "result"] == [
        ("img/1.jpg | cat", "w1", "result", "ok", "rated", None), ("img/2.jpg | dog", "w1", "result", "bad", "rated", "bad"),
        ("img/1.jpg | cat", "w2", "result", "bad", "cancelled", None)]
    assert len({r["rating_id"] for r in found}) == len(found) == 6
    assert found[0]["started_at"].isoformat() == "2021-05-04T10:20:30.123000+00:00"


@quickly
@given(cuts, st.sampled_from(["figure_eight_export/RelEx_batch_13.ip_blanked.csv:appen", "zooniverse_export/kenya_wildlife.csv:zooniverse"]))
def test_whatever_happens_to_the_bytes_of_a_real_export_nothing_is_raised(shared: Path, tmp_path: Path, changes, which: str) -> None:
    name, mapping = which.split(":")
    path = tmp_path / "mutated.csv"
    path.write_bytes(damaged(real(shared, name).read_bytes()[:20_000], changes))
    holds(lambda path, options: parse(path, ready(mapping)), path)


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """A table of every kind of answer."""
    base = {"unit": "u1", "who": "w1", "q1": 3, "q2": ["a", "b"], "q3": "kind", "meta": {"at": "2026-01-02T03:04:05Z"}, "data": {"1": {"text": "t"}},
            "all": [{"task": "T0", "value": "yes"}, {"task": "T1", "value": [{"choice": "LION", "answers": {"n": 1}}]},
                    {"task": "T2", "value": [{"tool_label": "Circle", "x": 1}]}]}
    return [base, base | {"unit": "u2", "q2": [], "q3": "rude"}, base | {"who": "w2", "q1": None}]


@quickly
@given(edits)
def test_whatever_a_value_turns_into_nothing_is_lost_and_nothing_raised(records, tmp_path: Path, changes) -> None:
    (tmp_path / "mapping.toml").write_text('items = ["data.*"]\n' + LONG + 'rated_at = "meta.at"\nextra = "data"\n[questions]\ncolumns = ["q*"]\n[answers]\n'
                                           'column = "all"\npicked = ["choice"]\ncounted = ["tool_label"]\n')
    tree, _ = edited(records, changes)
    path = tmp_path / "mutated.jsonl"
    path.write_text(as_lines(tree) if isinstance(tree, list) else json.dumps(tree))
    holds(lambda path, options: parse(path, Options(mapping=tmp_path / "mapping.toml")), path, n_records=len(tree) if isinstance(tree, list) else None)


def test_an_item_column_named_by_the_caller_is_taken_without_a_mapping_too(given_file) -> None:
    path, options = given_file("doc,item_id,rater_id,score\nd7,i1,w,1\n")
    assert [(r["item_id"], r["source_item_id"]) for r in ratings_of(path, replace(options, item="doc"))] == [("d7", "i1")]
    with pytest.raises(RatingsError, match="the mapping names column 'absent', which is not there"):
        list(parse(path, replace(options, item="absent")))


def test_a_column_without_a_name_is_no_column_and_its_cells_are_counted(given_file) -> None:
    path, options = given_file(",item_id,rater_id,score,\n0,u,w,1,\n1,v,w,2,\n")
    assert [sorted(filter(None, r)) for r in ratings_of(path, options)] == 2 * [["item_id", "rater_id", "rating_id", "score"]]
    path, options = given_file(",item_id,rater_id,score\n0,u,w,1\n1,v,w,2\n")      # as a data frame writes its row numbers
    assert [one.what for one in parse(path, options) if isinstance(one, Silent)] == 2 * ["cell of a column without a name"]


def test_a_decimal_comma_is_a_number_where_the_mapping_says_so(given_file) -> None:
    content = "unit;who;q\n" + "".join(f"u{k};w;{v}\n" for k, v in enumerate(["4,5", "5", "-3,25", "1,000,000"]))
    path, options = given_file(content, 'decimal = ","\n' + LONG + 'score = "q"\n')
    ratings, faults, _, _ = taken(parse, path, options)
    assert [r["score"] for r in ratings] == [4.5, 5.0, -3.25] and "1,000,000" in faults[0].raw
    path, options = given_file(content.replace("1,000,000", "2"), 'decimal = ","\n' + WHO)
    assert [r["score"] for r in ratings_of(path, options)] == [4.5, 5.0, -3.25, 2.0]
    faults = taken(parse, *given_file(content, LONG + 'score = "q"\n'))[1]
    assert faults[0].reason == "column score is 4,5, expected a number; where that is one, say decimal = \",\" in a mapping; correct it, or map it"
