"""Alpha of every public data set that lies beside the project, against the figures computed by another implementation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import workbench as wb

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
PRINTED = 6e-6  # the figures are printed with five decimals

MAPPING = {"ts": "rated_at", "ts_start": "started_at", "duration_s": "seconds", "rubric_id": "rubric", "system_id": "system",
           "session_id": "session", "item_text": "text"}
FLAGS = {"is_qc": True, "is_duplicate_filler": True, "is_aggregate": True}

# file, figure, row filters, selection, scale, what else the source needs to be told
CASES = [
    *[("crowd_truth_infer5", task, {}, {"task_type": task}, "nominal", {}) for task in ("s4_dog", "s4_face", "d_product", "d_duck")],
    ("crowd_truth_infer5", "f201_emotion_valence", {}, {"task_type": "f201_emotion_valence"}, "interval", {}),
    ("dices_350", "crowd", {}, {}, "nominal", {"use": "label"}),
    *[("esa_wmt23_ende", rubric, FLAGS, {"rubric": rubric}, "interval", {}) for rubric in ("MQM", "ESA", "ESA-AI")],
    ("leoka_labelstudio", "presence all", {}, {}, "nominal", {"use": "label"}),
    *[("leoka_labelstudio", c, {}, {"criterion": c}, "nominal", {"use": "label"}) for c in ("Person", "Firearm", "Drugs", "SWAT")],
    ("lewidi_convabuse", "abuse", {}, {"criterion": "abuse"}, "ordinal", {}),
    ("lewidi_md_agreement", "offensiveness", {}, {}, "nominal", {}),
    ("llmbar", "all models", {}, {"rater_kind": "model"}, "nominal", {}),
    ("llmbar", "GPT-4 Vanilla orig+swap", {}, {"rater_kind": "model", "rater_id": ["GPT-4/Vanilla", "GPT-4/Vanilla@swap"]}, "nominal", {}),
    ("medical_safety", "query crowd", {}, {"criterion": "query_risk", "rater_role": "crowd"}, "nominal", {"use": "label"}),
    ("medical_safety", "response crowd", {}, {"criterion": "response_type", "rater_role": "crowd"}, "nominal", {"use": "label"}),
    ("medical_safety", "query crowd+expert ordinal", {}, {"criterion": "query_risk"}, "ordinal", {}),
    ("medrelex_crowdflower", "exact set", {}, {}, "nominal", {"untimed": True}),
    ("medrelex_crowdflower", "has_treats", {}, {}, "nominal", {"score": "has_treats", "untimed": True}),
    ("medrelex_crowdflower", "has_causes", {}, {}, "nominal", {"score": "has_causes", "untimed": True}),
    ("pandalm", "humans", {}, {}, "nominal", {}),
    ("pandalm", "all", {}, {"rater_kind": ["human", "model"]}, "nominal", {}),
    ("pluriharms", "all", {}, {}, "interval", {}),
    *[("popquorn_offensiveness", scale, {}, {}, scale, {}) for scale in ("ordinal", "interval", "nominal")],
    *[("psynamic_prodigy_iaa", v, {}, {"rubric_version": v}, "nominal", {}) for v in ("round1_50", "round2_40")],
    ("snow_rte", "crowd", {}, {}, "nominal", {}),
    ("snow_temporal", "crowd", {}, {}, "nominal", {}),
    *[("squality_human_eval", c, {}, {"criterion": c}, "interval", {}) for c in ("overall_rating", "correctness_rating", "selection_rating")],
    ("squality_human_eval", "overall_rank", {}, {"criterion": "overall_rank"}, "ordinal", {}),
    ("wmt22_calibration_hits", "all seg", {}, {"criterion": "segment_score"}, "interval", {}),
    *[("wmt22_calibration_hits", lang, {}, {"criterion": "segment_score", "slice_lang": lang}, "interval", {})
      for lang in ("eng-ces", "eng-deu", "eng-hrv", "eng-jpn", "eng-zho", "zho-eng")],
    *[("wmt22_da_mturk", f"{lang} score", {}, {"item_type": "SYSTEM", "slice_lang": lang}, "interval", {}) for lang in ("de-en", "zh-en")],
    *[("wmt22_da_mturk", f"{lang} score_z", {}, {"item_type": "SYSTEM", "slice_lang": lang}, "interval", {"score": "score_z"})
      for lang in ("de-en", "zh-en")],
    ("zencrowd_all", "crowd", {}, {}, "nominal", {}),
    ("zooniverse_steller", "all", {}, {}, "nominal", {}),
]


def published(name: str, figure: str) -> dict[str, float]:
    return json.loads((SHARED / "STATS.json").read_text())[name]["alpha"][figure]


def source(name: str, exclude: dict[str, object], told: dict[str, object]) -> wb.Ratings:
    import pyarrow.parquet as pq

    path = SHARED / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"{name} is not beside the project")
    present = pq.read_schema(path).names
    mapping = {k: v for k, v in MAPPING.items() if k in present}
    if told.get("untimed"):  # these figures took a rater's last rating by the order of the file, not of time
        mapping.pop("ts")
    if "score" in told:
        mapping = {**mapping, told["score"]: "score", **{c: f"{c}_as_exported" for c in ("score",) if c in present}}
    filters = {c: v for c, v in exclude.items() if c in present}
    return wb.read(path, columns=mapping, exclude=filters, use=told.get("use") or ("score" if "score" in told else None))


@pytest.mark.parametrize(("name", "figure", "exclude", "chosen", "scale", "told"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_alpha_equals_the_published_figure(name, figure, exclude, chosen, scale, told) -> None:
    ratings = source(name, exclude, told).where(**chosen)
    row = wb.agreement.krippendorff_alpha(ratings, scale=scale, interval="none").iloc[0]
    assert row["value"] == pytest.approx(published(name, figure)["a"], abs=PRINTED)


def test_alpha_of_dices_equals_the_published_digits() -> None:
    ratings = source("dices_350", {}, {"use": "label"})
    row = wb.agreement.krippendorff_alpha(ratings, interval="none").iloc[0]
    assert row["value"] == pytest.approx(0.16086021565770392, abs=1e-12)


def test_alpha_is_undefined_where_every_item_has_one_rater() -> None:
    row = wb.agreement.krippendorff_alpha(source("wmt21_ted_mqm", {}, {}).where(slice_lang="ende"), scale="interval").iloc[0]
    assert row["value"] != row["value"]
    assert "two ratings" in row["note"]


@pytest.mark.parametrize(("option", "figure"), [("TREATS", "has_treats"), ("CAUSES", "has_causes")])
def test_alpha_of_an_option_of_a_set_equals_that_of_its_indicator(option: str, figure: str) -> None:
    path = SHARED / "medrelex_crowdflower.parquet"
    if not path.exists():
        pytest.skip("medrelex_crowdflower is not beside the project")
    ratings = wb.read(path, columns={"rubric_id": "rubric"}, separators={"relation_set": "|"})
    row = wb.agreement.krippendorff_alpha(ratings.where(criterion=f"relation_set: {option}"), interval="none").iloc[0]
    assert row["value"] == pytest.approx(published("medrelex_crowdflower", figure)["a"], abs=PRINTED)
