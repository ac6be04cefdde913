"""`docs/proof.md` lists the mutations and the runs."""

from __future__ import annotations

import json

from tests.verification.campaign.document import DOCUMENT, LEDGER, written


def test_the_tables_of_the_proof_are_up_to_date() -> None:
    text = DOCUMENT.read_text()
    assert text == written(text), "run `python -m tests.verification.campaign.document`"


def test_every_run_that_the_proof_reports_has_passed() -> None:
    entries = json.loads(LEDGER.read_text())
    assert entries
    assert {name: entry["exit_code"] for name, entry in entries.items()} == dict.fromkeys(entries, 0)
