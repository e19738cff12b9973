"""Where a report comes from, as OpenLineage run events: a line each in a file of the workspace; nothing is sent anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import ReportError
from workbench.periods import period_bounds
from workbench.report.artefact import Run
from workbench.report.collect import ESTIMATES, FINDINGS

if TYPE_CHECKING:
    from workbench.ratings import Ratings

PLACE = "workbench"                             # the namespace of jobs and of datasets
PRODUCER = "https://pypi.org/project/workbench"
ENDS = b"\n"


def write_lineage(runs: Sequence[Run], *, to: str, ratings: Ratings, workspace: Path) -> None:
    """Append the events of these reports to the file `to`, a path below the workspace; those it holds already are left out.

    A report is one run of one job, its pack: START and COMPLETE or FAIL, with the times its manifest records. One that was killed has none,
    as it has no report. Errors: `ReportError` when the file cannot be written; the reports are as they were.
    """
    file = workspace / to
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        known = file.read_bytes() if file.exists() else b""
        missing = [run for run in runs if run_id(run).encode() not in known]
        if missing:
            from openlineage.client.transport.file import FileConfig, FileTransport

            kinds = {name: str(kind) for name, kind in ratings.table.schema().items()}
            if known and not known.endswith(ENDS):      # a line that a killed run did not end stays alone
                file.write_bytes(known + ENDS)
            sink = FileTransport(FileConfig(log_file_path=str(file), append=True))
            for event in [event for run in missing for event in events_of(run, kinds=kinds)]:
                sink.emit(event)
    except (OSError, RuntimeError) as error:            # the library's own for a file that cannot be written
        why = next((e.strerror for e in (error, error.__cause__) if isinstance(e, OSError) and e.strerror), "its library refused")
        raise ReportError(f"{to}: lineage could not be written there ({why}). Make it writable, or take lineage out of the pack; the "
                          "reports are as they were made, and the next run writes what is missing.") from None


def run_id(run: Run) -> str:
    """What names a run among all, the same whenever it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PLACE}:{run.pack}/{run.period}/{run.path.name}/{run.manifest['started']}"))


def events_of(run: Run, *, kinds: Mapping[str, str]) -> list[Any]:
    """START, and COMPLETE or FAIL, of one report. `kinds`: the columns of the ratings it was made from, and their types."""
    from openlineage.client import event_v2 as v2
    from openlineage.client.facet_v2 import (documentation_job, error_message_run, job_type_job, nominal_time_run, processing_engine_run,
                                             set_producer)

    set_producer(PRODUCER)
    told = run.manifest
    job = v2.Job(namespace=PLACE, name=run.pack, facets={
        "jobType": job_type_job.JobTypeJobFacet(processingType="BATCH", integration="WORKBENCH", jobType="REPORT"),
        "documentation": documentation_job.DocumentationJobFacet(description=told["title"])})
    facets: dict[str, Any] = {"processing_engine": processing_engine_run.ProcessingEngineRunFacet(
        name="workbench", version=told["code"]["workbench"][:12])}
    if run.period != "undated":
        facets["nominalTime"] = nominal_time_run.NominalTimeRunFacet(*(moment.isoformat() for moment in period_bounds(run.period)))
    failed = {name: one["error"] for name, one in told["notebooks"].items() if one["error"]}
    over = facets | ({"errorMessage": error_message_run.ErrorMessageRunFacet(
        "; ".join(f"{name}: {why}" for name, why in failed.items()), "Python")} if failed else {})
    states = ((v2.RunState.START, told["started"], facets, []),
              (v2.RunState.FAIL if failed else v2.RunState.COMPLETE, told["ended"], over, [] if failed else outputs_of(run)))
    return [v2.RunEvent(eventType=state, eventTime=when, run=v2.Run(run_id(run), facets=own), job=job, inputs=[input_of(told, kinds)],
                        outputs=outputs, producer=PRODUCER) for state, when, own, outputs in states]


def input_of(told: Mapping[str, Any], kinds: Mapping[str, str]) -> Any:
    """The ratings a report was made from: their version, columns and number, and what the checks said of them."""
    from openlineage.client import event_v2 as v2
    from openlineage.client.facet_v2 import (data_quality_assertions_dataset, data_quality_metrics_input_dataset, dataset_version_dataset,
                                             schema_dataset)

    name, _, number = told["data"].partition("@")
    checks = [data_quality_assertions_dataset.Assertion(assertion=check["check"], success=check["outcome"] == "ok",
                                                        severity="error" if check["required"] else "warn", description=check["text"])
              for check in told["checks"]]
    fields = [schema_dataset.SchemaDatasetFacetFields(name=column, type=kind) for column, kind in kinds.items()]
    return v2.InputDataset(namespace=PLACE, name=name, facets={
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(number or told["snapshot"]["id"] or "unknown"),
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields)}, inputFacets={
        "dataQualityMetrics": data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            rowCount=told["snapshot"]["n_rows"], columnMetrics={}),
        "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=checks)})


def outputs_of(run: Run) -> list[Any]:
    """The tables of a report, one dataset each through all periods: columns, rows and bytes of this version."""
    import pyarrow.parquet as pq
    from openlineage.client import event_v2 as v2
    from openlineage.client.facet_v2 import dataset_version_dataset, output_statistics_output_dataset, schema_dataset

    found = []
    for file in (FINDINGS, ESTIMATES):
        table = pq.read_metadata(run.path / file)
        columns = table.schema.to_arrow_schema()
        fields = [schema_dataset.SchemaDatasetFacetFields(name=column.name, type=str(column.type)) for column in columns]
        found.append(v2.OutputDataset(namespace=PLACE, name=f"{run.pack}/{Path(file).stem}", facets={
            "version": dataset_version_dataset.DatasetVersionDatasetFacet(f"{run.period}/{run.version}"),
            "schema": schema_dataset.SchemaDatasetFacet(fields=fields)}, outputFacets={
            "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                rowCount=table.num_rows, size=(run.path / file).stat().st_size, fileCount=1)}))
    return found
