"""docs/brief: links lead somewhere, both languages say the same, numbers are their sources'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.repo.deploy.terraform_files import MAIN, ROOT, computed, local, resources

DOCS = ROOT / "docs" / "brief"
ENGLISH, SPANISH = "answers.md", "respuestas.md"
QUESTIONS = [
    f"{part}.{question}"
    for part, questions in ((1, 2), (2, 4), (3, 4), (4, 5), (5, 2))
    for question in range(1, questions + 1)
]
"""The brief's, by their numbers."""
RUNS = (".py", ".tf", ".hcl", ".yaml", ".sh")  # what a link has to end with to lead to something that runs
HEADING = re.compile(r"(#+) ((?:\d(?:\.\d)?)?)")
LINK = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")

both = pytest.mark.parametrize("document", [ENGLISH, SPANISH])


@dataclass(frozen=True)
class Link:
    """`[text](target)` under the heading number `section` of its document."""

    section: int
    text: str
    target: str


def lines(file: Path) -> list[str]:
    """Lines of a Markdown file, those of code blocks left out."""
    return re.sub(r"^```.*?^```$", "", file.read_text(), flags=re.M | re.S).splitlines()


def headings(document: str) -> list[tuple[int, str]]:
    """(level, number of the part or question) of every heading, in order."""
    matches = [HEADING.match(line) for line in lines(DOCS / document)]
    return [(len(match[1]), match[2]) for match in matches if match]


def links(document: str) -> list[Link]:
    """Links to files of other pages; test_links.py follows those within the page and to GitHub's pages."""
    found, section = [], 0
    for line in lines(DOCS / document):
        section += bool(HEADING.match(line))
        found += [Link(section, text, target) for text, target in LINK.findall(line)]
    others = [link for link in found if not re.match(r"#|\w+://|(\.\./)+actions/", link.target)]
    return [link for link in others if link.target not in (ENGLISH, SPANISH)]


def anchors(file: Path) -> set[str]:
    """Anchors of a Markdown file's headings, as GitHub makes them."""
    titles = [line.lstrip("#").strip() for line in lines(file) if HEADING.match(line)]
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def numbers(text: str, document: str = ENGLISH) -> set[float]:
    """Numbers as the language of the document writes them: 37,385.5 or 37 385,5 (with a no-break space)."""
    if document == SPANISH:
        return {float(n.replace("\xa0", "").replace(",", ".")) for n in re.findall(r"\d[\d\xa0]*(?:,\d+)?", text)}
    return {float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*(?:\.\d+)?", text)}


def alerts() -> dict[str, Any]:
    """Every alert policy of alerts.tf by its name: policies are made for each entry of a local."""
    policies = resources(MAIN, "google_monitoring_alert_policy")
    kinds = [re.findall(r"local\.(\w+)", policy["for_each"])[0] for policy in policies.values()]
    return {name: alert for kind in kinds for name, alert in local(kind).items()}


def alert_rows(document: str) -> dict[str, list[str]]:
    """Cells of the table rows that begin with an alert's name."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines(DOCS / document) if line[:1] == "|"
    ]
    named = [row for row in cells if re.fullmatch(r"`[a-z]+(-[a-z]+)+`", row[0])]
    return {row[0].strip("`"): row[1:] for row in named}


def duration(seconds: int) -> str:
    """As both documents write it."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


@both
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(document: str) -> None:
    for link in links(document):
        path, _, anchor = link.target.partition("#")
        file = DOCS / path
        assert file.is_file(), link
        assert not anchor or anchor in anchors(file), link


def test_both_documents_have_the_same_headings() -> None:
    assert headings(ENGLISH) == headings(SPANISH)


def test_both_documents_lead_to_the_same_places_in_each_section() -> None:
    def places(document: str) -> list[tuple[int, str]]:
        return sorted((link.section, link.target) for link in links(document))

    assert places(ENGLISH) == places(SPANISH)


@both
def test_every_question_has_its_heading_with_a_link_to_something_that_runs(document: str) -> None:
    numbered = [number for level, number in headings(document) if level == 3]
    assert numbered == QUESTIONS
    sections = {number: place for place, (_, number) in enumerate(headings(document), start=1)}
    for question in QUESTIONS:
        targets = [link.target for link in links(document) if link.section == sections[question]]
        assert any(target.endswith(RUNS) for target in targets), question


@both
def test_the_table_at_the_top_leads_to_every_question_and_has_a_command_for_it(document: str) -> None:
    top = "\n".join(lines(DOCS / document)).partition("\n## ")[0]
    rows = re.findall(r"^\| \[(\d\.\d) [^\]]+\]\(#([^)]+)\) \|[^|]+\| `[^|]+\|$", top, re.M)
    assert [number for number, _ in rows] == QUESTIONS
    for number, anchor in rows:
        assert anchor in anchors(DOCS / document), number
        assert anchor.startswith(number.replace(".", "") + "-"), number


@both
def test_files_of_a_command_are_there(document: str) -> None:
    files = re.findall(r"`pytest ([^` ]+)`", (DOCS / document).read_text())
    assert files
    assert all((ROOT / file).exists() for file in files)


@both
def test_text_has_lines_of_a_hundred_characters_at_most(document: str) -> None:
    texts = [re.sub(r"\]\([^)]+\)", "]", line) for line in lines(DOCS / document) if line[:1] != "|"]
    assert [line for line in texts if len(line) > 100] == []


@both
def test_a_figure_that_is_a_link_stands_in_the_file_that_it_leads_to(document: str) -> None:
    figures = [link for link in links(document) if link.text[0].isdigit()]
    assert figures
    for link in figures:
        source = (DOCS / link.target.partition("#")[0]).read_text()
        assert numbers(link.text, document) <= numbers(source), link


@both
def test_every_alert_has_its_row_and_every_row_its_alert(document: str) -> None:
    assert set(alert_rows(document)) == set(alerts())


@both
def test_rows_of_burn_rates_say_what_terraform_says(document: str) -> None:
    tells = {"CRITICAL": {ENGLISH: "page", SPANISH: "guardia"}, "WARNING": {ENGLISH: "ticket", SPANISH: "ticket"}}
    for name, alert in local("burn").items():
        rate, share, windows, least, spent, told, _ = alert_rows(document)[name]
        budget_percent = 100 * (1 - local("slo")[alert["slo"]]["goal"])
        assert numbers(rate, document) == {alert["rate"]}, name
        assert numbers(share, document) == {round(alert["rate"] * budget_percent, 2)}, name
        both_windows = [duration(seconds) for seconds in (alert["long_s"], alert["short_s"])]
        assert windows == ", ".join(dict.fromkeys(both_windows)), name  # a ticket has one
        assert numbers(least, document) == {alert["min_bad"]}, name
        gone = 100 * alert["rate"] * alert["long_s"] / (local("slo_days") * 86_400)
        assert numbers(spent, document) == {round(gone, 1)}, name
        assert told == tells[alert["severity"]][document], name


@both
def test_rows_of_causes_say_what_terraform_says(document: str) -> None:
    defaults = {"compactor_every_s": 300, "canary_every_min": 1, "writer_instances": 1}
    for name in alerts().keys() - local("burn").keys():
        alert, when = alerts()[name], alert_rows(document)[name][0]
        period_s, threshold = (computed(alert.get(key), **defaults) for key in ("period_s", "threshold"))
        assert duration(max(alert.get("duration_s", 0), period_s)) in when, name
        assert threshold is None or threshold in numbers(when, document), name


@both
def test_objectives_are_those_of_terraform(document: str) -> None:
    rows = "\n".join(line for line in lines(DOCS / document) if line.count("|") == 6)
    for name, slo in local("slo").items():
        assert round(100 * slo["goal"], 2) in numbers(rows, document), name
