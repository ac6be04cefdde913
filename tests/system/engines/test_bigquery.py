"""The SQL for BigQuery names every column of a month file, in BigQuery's types. (Not run: that takes a project.)"""

from __future__ import annotations

import re

import pyarrow as pa

from lakehouse.schema.event import EVENT_SCHEMA, PROBE_CARRIER
from lakehouse.table.latest_sql import VISIBLE, without_probes
from tests.verification.campaign.ledger import ROOT

_SQL = (ROOT / "bigquery" / "flights.sql").read_text()


def _type(field: pa.Field) -> str:
    if pa.types.is_integer(field.type):
        return "INT64"
    return {"date32[day]": "DATE", "string": "STRING", "timestamp[us, tz=UTC]": "TIMESTAMP"}[str(field.type)]


def test_the_external_table_has_the_columns_of_a_month_file() -> None:
    columns = re.findall(r"^  (\w+) ([A-Z0-9]+),?$", _SQL, re.MULTILINE)
    assert columns == [(field.name, _type(field)) for field in EVENT_SCHEMA]


def test_the_view_leaves_out_what_every_answer_leaves_out() -> None:
    assert f"WHERE {VISIBLE} AND {without_probes()};" in _SQL
    assert f"WHERE {VISIBLE} AND {without_probes()}" in (ROOT / "terraform" / "main" / "bigquery.tf").read_text()
    assert PROBE_CARRIER in without_probes()
