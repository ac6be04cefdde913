"""docs/cost.md: written whole from the prices, the counted requests and the sizes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from ingest_writer.settings import CompactorSettings
from tools.cost.bill import bill_of, soft_deleted_gib, storage_requests
from tools.cost.figures import AIRPORT, BUILD_MIN, MILLION, MONTH_BYTES, RUNS_PER_DAY, figures
from tools.cost.prices import Price
from tools.cost.sizes import (
    CANARY_WAIT_S,
    DAYS,
    POINT_BYTES,
    QUESTION_S,
    REQUESTS,
    RETENTION_DAYS,
    REWRITTEN,
    SIZES,
)
from tools.pages import ROOT

DOCUMENT: Final = ROOT / "docs" / "cost.md"
_HOBBY: Final = SIZES[0]


def written(prices: Mapping[str, Price]) -> str:
    """The page."""
    amounts = figures(prices)
    parts = (
        _intro(prices),
        _sizes(prices, amounts),
        _always(amounts),
        _canary(amounts),
        _rewriting(amounts),
        _more(amounts),
        _bigquery(amounts),
        _requests(),
        _prices(prices),
    )
    return "\n\n".join(parts) + "\n"


def _intro(prices: Mapping[str, Price]) -> str:
    return _section(
        "# What it costs",
        _text(f"""
`make cost` writes this page from [prices.json](prices.json), requests that `tests/repo/deploy/test_cost.py` counts on
the wire, and the assumptions in [sizes.py](../tools/cost/sizes.py). Dollars are list prices of
{prices["storage"].region}; a month has {DAYS} days. What is free for a billing account is subtracted once. **Check the
prices before you decide**: the [last table](#prices) says where and when each was read.
"""),
    )


def _sizes(prices: Mapping[str, Price], amounts: Mapping[str, float]) -> str:
    bills = [bill_of(size, prices) for size in SIZES]
    rows = [
        *(_dollars(what, [bill.always[what] for bill in bills]) for what in bills[0].always),
        _dollars("**runs always**", [bill.fixed for bill in bills]),
        *(_dollars(what, [bill.use[what] for bill in bills]) for what in bills[0].use),
        _dollars("**all of it**", [bill.total for bill in bills]),
        _dollars("alerting, from September 2027, not in the sum", [bill.announced for bill in bills]),
    ]
    return _section(
        "## Three sizes",
        _table("sizes", ("size", "events a day", "questions a day", "settings other than the defaults"), _settings()),
        _table("bills", ("dollars a month", *(size.name for size in SIZES)), rows),
        _text(f"""
Fifty systems are fifty projects. They cost {amounts["fifty a day"]:,.0f} dollars a day, almost none of it for work. One
writer, one lake and one API can serve fifty airports, since files are laid out by date: {amounts["shared"]:,.0f}
dollars a month. Separate them only where the data must be separate. With API keys, add {amounts["keys"]:.2f}: the
canary reads its secret in each run.
"""),
    )


def _settings() -> list[tuple[str, ...]]:
    hobby = (
        f"`api_min_instances = {_HOBBY.api_min_instances}`, `canary_every_min = {_HOBBY.canary_every_min}`,"
        f' `compactor_schedule = "*/{_HOBBY.compactor_every_min} * * * *"`'
    )
    return [
        (size.name, f"{size.systems * size.events_per_day:,}", f"{size.systems * size.questions_per_day:,}", settings)
        for size, settings in zip(SIZES, (hobby, "none", "none"), strict=True)
    ]


def _always(amounts: Mapping[str, float]) -> str:
    return _section(
        "## What runs always",
        _text(f"""
Every size has one writer, and the compactor and the canary on their schedules. A hobby keeps no API instance warm, the
others one: {amounts["hobby fixed"]:.0f} and {amounts["airport fixed"]:.0f} dollars. A job's run is billed for at least
a minute, so the compactor, which takes seconds, has one core ({amounts["compactions"]:.2f} dollars; with two:
{amounts["two cores"]:.2f}). The API is billed by request, and the canary's request waits in it: {CANARY_WAIT_S} of 60
seconds are active even if nobody asks. That is {amounts["wait"]:.2f} dollars more than the idle price of a warm
instance, and {amounts["wait, cold"]:.2f} without one.
"""),
    )


def _canary(amounts: Mapping[str, float]) -> str:
    saved = amounts["canary"] - amounts["canary service"]
    rows = [
        _dollars("a job, every minute (the default)", [amounts["canary"]]),
        _dollars("a job, every five minutes (`canary_every_min = 5`)", [amounts["canary of five minutes"]]),
        _dollars("a worker pool that never ends", [amounts["canary pool"]]),
        _dollars("a service billed by request, every minute", [amounts["canary service"]]),
    ]
    return _section(
        "## The canary",
        _table("canary", ("canary", "dollars a month"), rows),
        _text(f"""
A service would save {saved:.0f} dollars, {saved / amounts["airport fixed"]:.0%} of what runs always for one airport,
but be one more to deploy and protect, with an endpoint that publishes. `canary_every_min = 5` saves as much: an outage
then pages after 16 minutes instead of 5.
"""),
    )


def _rewriting(amounts: Mapping[str, float]) -> str:
    moving = int(CompactorSettings.model_fields["moving_file_max_mb"].default)
    before = MONTH_BYTES * RUNS_PER_DAY * RETENTION_DAYS / 1e9
    return _section(
        "## Soft delete and rewriting",
        _text(f"""
Soft delete bills deleted objects for {RETENTION_DAYS} days: landed files and superseded month files. A run that
rewrote a month of {MONTH_BYTES / 1e6:.0f} MB, {RUNS_PER_DAY} times a day, would keep {before:.0f} GB:
{amounts["rewritten month"]:.2f} dollars a month. Since files are laid out by date
([ADR 24](adr/0024-files-by-date.md)), a run rewrites only the days that its tail touches: about {REWRITTEN:g} bytes
for each byte that lands, as [measured](performance.md#what-was-measured). One airport keeps
{soft_deleted_gib(AIRPORT):.1f} GiB: {amounts["soft-deleted"]:.2f} dollars. `COMPACTOR_MOVING_FILE_MAX_MB` ({moving})
bounds what a small lake rewrites, to {RUNS_PER_DAY * moving} MB a day.
"""),
    )


def _more(amounts: Mapping[str, float]) -> str:
    rows = [
        _dollars("events through Pub/Sub, each in a request of its own", [amounts["events alone"]]),
        _dollars("events through Pub/Sub, hundreds per request", [amounts["events together"]]),
        _dollars("events in Pub/Sub's topic, for a week", [amounts["events retained"]]),
        _dollars("questions, one a second", [amounts["questions alone"]]),
        _dollars("questions, a hundred a second", [amounts["questions together"]]),
        _dollars("questions to BigQuery, 10 MiB each", [amounts["queries"]]),
    ]
    return _section(
        "## A million more",
        _table("a million more", ("a million", "dollars"), rows),
        _text(f"""
Landed objects depend on time, not on events: their writes are {amounts["batches"]:.2f} dollars a month at
{AIRPORT.batch_age_s} seconds per batch, a quarter of it at 20. A lake in two regions (`lake_regions`) adds
{amounts["two regions"]:.2f} for one airport, mostly for writes and listings at twice the price. A question that is
alone is billed for {QUESTION_S * 1000:.0f} ms and refreshes the plan with two listings; a hundred a second share both.
A build of {BUILD_MIN} minutes costs {amounts["build"]:.2f}.
"""),
    )


def _bigquery(amounts: Mapping[str, float]) -> str:
    return _section(
        "## Against BigQuery, for the same work",
        _text(f"""
BigQuery's storage and loads cost almost nothing at this size. Its questions do cost, and take a second instead of
milliseconds. BigQuery on demand is cheaper than one airport's {amounts["airport"]:.0f} dollars up to
{amounts["even"] / MILLION:.1f} million questions a month, or fewer if they scan more than its minimum of 10 MiB. Choose
this system above that, or where answers must be exact seconds after the event.
"""),
    )


def _requests() -> str:
    rows = [(what, f"{requests.a:g}", f"{requests.b:g}") for what, requests in REQUESTS.items()]
    month = storage_requests(AIRPORT)
    return _section(
        "## Requests to Cloud Storage",
        _table("requests", ("what", "class A", "class B"), rows),
        _text(f"""
Counted between our code and the local Cloud Storage, with real flights. Class A are writes and listings, class B reads;
deletes are free. One airport makes {month.a / MILLION:.1f} million and {month.b / MILLION:.1f} million a month.
Publishing a commit in Delta and Iceberg takes five or six of the commit's requests.
"""),
    )


def _prices(prices: Mapping[str, Price]) -> str:
    rows = [
        (
            f"[{price.sku}]({price.source})",
            f"{_plain(price.dollars)} per {f'{price.per:,} ' if price.per > 1 else ''}{price.unit}",
            f"{price.free:,.10g} per {price.free_per}" if price.free else "",
            price.region,
            price.read or "undated",
            f"{'' if price.verified else '**not verified**: '}{price.basis}",
        )
        for price in prices.values()
    ]
    unverified = sum(not price.verified for price in prices.values())
    counter, distribution = POINT_BYTES
    return _section(
        "## Prices",
        _table("prices", ("SKU", "dollars", "free a month", "region", "read", "rests on"), rows),
        _text(f"""
{unverified} of {len(prices)} are not verified: no copy or quotation of Google's own text has them. Nor is it verified
that Cloud Monitoring counts {counter} bytes for a point of a counter and {distribution} for one of a distribution.
"""),
    )


def _section(heading: str, *parts: str) -> str:
    return "\n\n".join((heading, *parts))


def _dollars(what: str, amounts: Iterable[float]) -> tuple[str, ...]:
    marks = "**" if what.startswith("**") else ""
    return (what, *(f"{marks}{amount:,.2f}{marks}" for amount in amounts))


def _table(name: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Between the marks by which `tools.prose` leaves it out."""
    names = tuple(head)
    lines = [f"| {' | '.join(row)} |".replace("|  |", "| |") for row in (names, *map(tuple, rows))]
    table = "\n".join([lines[0], "|---" * len(names) + "|", *lines[1:]])
    return f"<!-- {name}: written by tools.cost -->\n\n{table}\n\n<!-- end of {name} -->"


def _text(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 100, break_long_words=False, break_on_hyphens=False)


def _plain(dollars: float) -> str:
    """Without an exponent, as a price list has it."""
    return f"{dollars:.9f}".rstrip("0").rstrip(".")


def write(prices: Mapping[str, Price], page: Path = DOCUMENT) -> bool:
    """Whether the page was another one."""
    text = written(prices)
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return False
    page.write_text(text, encoding="utf-8")
    return True
