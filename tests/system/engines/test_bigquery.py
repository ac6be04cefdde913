"""BigQuery reads the lake's Delta table, by hand and by Terraform. (Not run: that takes a project.)"""

from __future__ import annotations

from lakehouse import object_names
from lakehouse.schema.event import FIELDS, PROBE_CARRIER
from lakehouse.table.latest_sql import VISIBLE, without_probes
from tests.verification.campaign.ledger import ROOT

_SQL = (ROOT / "bigquery" / "flights.sql").read_text()
_TERRAFORM = (ROOT / "terraform" / "main" / "bigquery.tf").read_text()


def test_the_external_table_is_the_delta_table_and_names_no_column() -> None:
    table = object_names.DELTA_LOG.removesuffix("/_delta_log/")
    assert f"OPTIONS (format = 'DELTA_LAKE', uris = ['gs://BUCKET/{table}'])" in _SQL
    assert 'source_format = "DELTA_LAKE"' in _TERRAFORM
    assert f'source_uris   = ["${{google_storage_bucket.lake.url}}/{table}"]' in _TERRAFORM
    for field in FIELDS:
        assert f"  {field.name} " not in _SQL


def test_the_view_leaves_out_what_every_answer_leaves_out() -> None:
    assert f"WHERE {VISIBLE} AND {without_probes()};" in _SQL
    assert f"WHERE {VISIBLE} AND {without_probes()}" in _TERRAFORM
    assert PROBE_CARRIER in without_probes()
