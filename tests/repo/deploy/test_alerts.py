"""Alert thresholds, read out of the Terraform files, replayed minute by minute: what fires, and when."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pytest

from tests.repo.deploy.terraform_files import MAIN, ROOT, computed, local, named, resources, texts

DAY = 1440  # minutes
Series = Sequence[tuple[int, int]]
"""(all, bad) of each minute."""


@dataclass(frozen=True)
class Burn:
    """One burn-rate alert."""

    name: str
    goal: float
    pages: bool
    rate: float
    long_min: int
    short_min: int
    min_bad: int

    def fires_at(self, series: Series) -> int | None:
        """The first minute at whose end all three conditions hold."""
        total = [0, *accumulate(all_ for all_, _ in series)]
        bad = [0, *accumulate(bad for _, bad in series)]

        def window(sums: Sequence[int], end: int, minutes: int) -> int:
            return sums[end] - sums[max(0, end - minutes)]

        def burns(end: int, minutes: int) -> bool:
            seen = window(total, end, minutes)
            return seen > 0 and window(bad, end, minutes) / seen / (1 - self.goal) > self.rate

        for end in range(1, len(series) + 1):
            enough = window(bad, end, self.long_min) >= self.min_bad
            if enough and burns(end, self.long_min) and burns(end, self.short_min):
                return end
        return None


def burn_alerts(slo: str) -> list[Burn]:
    goal = local("slo")[slo]["goal"]
    return [
        Burn(
            name,
            goal,
            alert["severity"] == "CRITICAL",
            alert["rate"],
            alert["long_s"] // 60,
            alert["short_s"] // 60,
            alert["min_bad"],
        )
        for name, alert in local("burn").items()
        if alert["slo"] == slo
    ]


def first_page(slo: str, series: Series) -> int | None:
    return min((at for a in burn_alerts(slo) if a.pages and (at := a.fires_at(series)) is not None), default=None)


def first_ticket(slo: str, series: Series) -> int | None:
    return min((at for a in burn_alerts(slo) if not a.pages and (at := a.fires_at(series)) is not None), default=None)


def steady(minutes: int, per_minute: int, bad_share: float, seed: int = 1) -> list[tuple[int, int]]:
    """Traffic with a share of bad events, spread at random."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    return [(per_minute, sum(chance.random() < bad_share for _ in range(per_minute))) for _ in range(minutes)]


def quiet(minutes: int, per_minute: int) -> list[tuple[int, int]]:
    return [(per_minute, 0)] * minutes


TRAFFIC = {"availability": 600, "latency": 600, "freshness": 1}  # events a minute; the canary is one


@pytest.mark.parametrize(("slo", "within"), [("availability", 2), ("latency", 60), ("freshness", 6)])
def test_total_outage_after_a_quiet_day_pages_within_minutes(slo: str, within: int) -> None:
    rate = TRAFFIC[slo]
    at = first_page(slo, quiet(DAY, rate) + [(rate, rate)] * 180)
    assert at is not None
    assert at - DAY <= within


@pytest.mark.parametrize(("every_min", "within"), [(1, 5), (2, 7), (3, 10), (4, 13), (5, 16)])
def test_fewer_canaries_page_later_and_never_seem_to_be_silent(every_min: int, within: int) -> None:
    """Whatever `canary_every_min` takes; its description and docs/slo.md say what the last one means."""
    assert "contains([1, 2, 3, 4, 5], var.canary_every_min)" in str(named(MAIN, "variable")["canary_every_min"])
    sent = [int(minute % every_min == 0) for minute in range(DAY + 180)]
    at = first_page("freshness", [(one, one * (minute >= DAY)) for minute, one in enumerate(sent)])
    assert at is not None
    assert at - DAY == within
    assert none_at("canary-silent", sent) is None


@pytest.mark.parametrize("slo", ["availability", "freshness"])
def test_outage_pages_before_a_tenth_of_the_budget_is_spent(slo: str) -> None:
    rate = TRAFFIC[slo]
    at = first_page(slo, quiet(DAY, rate) + [(rate, rate)] * 180)
    assert at is not None
    assert (at - DAY) / (28 * DAY) / (1 - local("slo")[slo]["goal"]) < 0.1


@pytest.mark.parametrize("slo", TRAFFIC)
def test_burn_that_would_spend_the_budget_in_four_days_pages_within_a_shift(slo: str) -> None:
    budget = 1 - local("slo")[slo]["goal"]
    # The canary is one event a minute: its share cannot be drawn finer than this, so it is spread evenly.
    burning = steady(8 * 60, TRAFFIC[slo], 7 * budget) if slo != "freshness" else evenly(8 * 60, 9 * budget)
    at = first_page(slo, quiet(DAY, TRAFFIC[slo]) + burning)
    assert at is not None
    assert at - DAY <= 8 * 60


def evenly(minutes: int, bad_share: float) -> list[tuple[int, int]]:
    every = round(1 / bad_share)
    return [(1, int(minute % every == every - 1)) for minute in range(minutes)]


@pytest.mark.parametrize("slo", TRAFFIC)
def test_slow_burn_is_a_ticket_within_two_days_and_no_page(slo: str) -> None:
    budget = 1 - local("slo")[slo]["goal"]
    if slo == "latency":
        series = steady(2 * DAY, TRAFFIC[slo], 2.5 * budget)
    else:
        series = evenly(2 * DAY, 4 * budget) if slo == "freshness" else steady(2 * DAY, TRAFFIC[slo], 4 * budget)
    assert first_ticket(slo, series) is not None
    assert first_page(slo, series) is None


@pytest.mark.parametrize(
    ("slo", "spike"),
    [
        ("availability", [(600, 3)] * 10),  # half a percent for ten minutes: 1 % of a day's budget
        ("latency", [(600, 600)] * 10),  # a cold cache
        ("freshness", [(1, 1)] * 3),  # a writer that is replaced
    ],
)
def test_brief_spike_wakes_nobody(slo: str, spike: Series) -> None:
    assert first_page(slo, [*quiet(DAY, TRAFFIC[slo]), *spike, *quiet(DAY, TRAFFIC[slo])]) is None


@pytest.mark.parametrize("slo", ["availability", "latency"])
def test_one_failure_under_little_traffic_wakes_nobody_and_files_nothing(slo: str) -> None:
    day = [(1, int(minute in (100, 700))) if minute % 20 == 0 else (0, 0) for minute in range(DAY)]
    assert first_page(slo, day * 3) is None
    assert first_ticket(slo, day * 3) is None


@pytest.mark.parametrize("slo", TRAFFIC)
def test_month_within_the_objective_pages_nobody(slo: str) -> None:
    share = 0.8 * (1 - local("slo")[slo]["goal"])
    rate = min(60, TRAFFIC[slo])
    assert first_page(slo, steady(28 * DAY, rate, share, seed=7)) is None


@pytest.mark.parametrize("slo", TRAFFIC)
def test_page_ends_with_the_outage(slo: str) -> None:
    """The short window is why: ten minutes after the end nothing fires any more but by new trouble."""
    rate = TRAFFIC[slo]
    series = [*quiet(DAY, rate), *[(rate, rate)] * 120, *quiet(60, rate)]
    fast = next(a for a in burn_alerts(slo) if a.name.endswith("-fast"))
    assert fast.fires_at(series) is not None
    after = series[: len(series) - 50]  # ten minutes of quiet
    long_bad = sum(bad for _, bad in after[-fast.long_min :])
    short_bad = sum(bad for _, bad in after[-fast.short_min :])
    assert long_bad > 0
    assert short_bad == 0


# -- causes: what happened, minute by minute --------------------------------------------------------------------

EVERY_MIN = 5  # of var.compactor_schedule
SCHEDULES = range(1, 11)  # minutes between two runs that it takes


def cause(name: str, every_min: int = EVERY_MIN, canary_every_min: int = 1) -> dict[str, Any]:
    """An alert on a cause, as it is with these schedules and one writer."""
    given = {"compactor_every_s": 60 * every_min, "canary_every_min": canary_every_min, "writer_instances": 1}
    alert = local("above")[name]
    return {**alert, **{key: computed(alert[key], **given) for key in ("period_s", "threshold")}}


def above_at(name: str, counts: Sequence[int], every_min: int = EVERY_MIN) -> int | None:
    """The first minute at whose end an alert on counted events has been above its threshold for its duration."""
    alert = cause(name, every_min)
    assert alert["aligner"] == "ALIGN_DELTA"
    return held(counts, alert["period_s"], alert["duration_s"], lambda count: count > alert["threshold"])


def none_at(name: str, counts: Sequence[int]) -> int | None:
    """The same, of an alert on what did not happen."""
    condition = resources(MAIN)["google_monitoring_alert_policy.none"]["conditions"][0]["condition_threshold"][0]
    assert (condition["comparison"], condition["threshold_value"]) == ("COMPARISON_LT", 1)
    assert condition["evaluation_missing_data"] == "EVALUATION_MISSING_DATA_ACTIVE"
    duration_s = int(condition["duration"].rstrip("s"))
    assert duration_s > 0, "the API: conditions setting evaluation_missing_data must have a non-zero duration"
    return held(counts, local("none")[name]["period_s"], duration_s, lambda count: count < 1)


def held(counts: Sequence[int], period_s: int, duration_s: int, is_wrong: Callable[[int], bool]) -> int | None:
    sums, period, wanted = [0, *accumulate(counts)], period_s // 60, max(1, duration_s // 60)
    wrong = 0
    for end in range(period, len(counts) + 1):
        wrong = wrong + 1 if is_wrong(sums[end] - sums[end - period]) else 0
        if wrong >= wanted:
            return end
    return None


def runs(minutes: int, lost: Callable[[int], bool] = lambda _: False, every_min: int = EVERY_MIN) -> list[int]:
    """Runs of the compactor that went through, at each minute; `lost` says which runs did not."""
    return [int(minute % every_min == 0 and not lost(minute // every_min)) for minute in range(minutes)]


def test_schedule_of_the_replays_is_terraforms() -> None:
    assert named(MAIN, "variable")["compactor_schedule"]["default"] == f"*/{EVERY_MIN} * * * *"


def test_schedules_of_the_replays_are_those_that_are_taken() -> None:
    [check] = named(MAIN, "variable")["compactor_schedule"]["validation"]
    [form] = re.findall(r'regex\(\\?"(.+?)\\?", var', check["condition"])
    taken = [n for n in range(1, 60) if re.search(form.replace("\\\\", "\\"), f"*/{n} * * * *")]
    assert taken == list(SCHEDULES)
    assert not re.search(form.replace("\\\\", "\\"), "*/5 0-6 * * *")


@pytest.mark.parametrize("every_min", SCHEDULES)
@pytest.mark.parametrize("alert", ["compactor-failing", "tables-behind"])
def test_half_of_the_runs_is_a_ticket_at_every_schedule_and_a_third_is_not(alert: str, every_min: int) -> None:
    """It never has to be all of them: one that goes through would hide the others for good."""
    half = runs(DAY, lambda run: run % 2 == 0, every_min)
    third = runs(DAY, lambda run: run % 3 != 0, every_min)
    assert above_at(alert, half, every_min) is not None
    assert above_at(alert, third, every_min) is None
    all_ = above_at(alert, [0] * DAY + runs(2 * 60, every_min=every_min), every_min)
    assert all_ is not None
    assert all_ - DAY <= max(15, 2 * every_min + 1)  # the description of compactor_schedule says 20 at ten
    assert none_at("snapshot-old", runs(DAY, lambda run: run % 2 == 0, every_min)) is None


@pytest.mark.parametrize("every_min", SCHEDULES)
def test_a_line_of_each_run_leaves_no_window_empty(every_min: int) -> None:
    """It may come up to a schedule later than the one before: an empty window ends the incident, or the wait for it."""
    assert cause("foreign-snapshot", every_min)["period_s"] >= 2 * 60 * every_min
    for canary_every_min in (1, 2, 3, 4, 5):
        for name in ("long-tail", "unreadable-files"):
            assert "user/flights_" + {"long-tail": "tail_files"}.get(name, "unreadable") in cause(name)["filter"]
            assert cause(name, every_min, canary_every_min)["period_s"] >= 2 * 60 * canary_every_min


def test_every_cause_on_lines_of_a_schedule_has_a_window_that_follows_it() -> None:
    """Those on lines of the writer, and on Pub/Sub's own measure, have no schedule."""
    unscheduled = {"unacked-messages", "rejected-messages", "many-objects", "writer-restarting"}
    for name, alert in local("above").items():
        follows = str(alert["period_s"]).startswith("${local.")
        assert follows != (name in unscheduled), name
        assert follows == ('resource.type=\\"cloud_run_job\\"' in alert["filter"]), name


@pytest.mark.parametrize(("alert", "within"), [("snapshot-old", 31), ("compactor-silent", 61)])
def test_compaction_that_stops_is_a_ticket(alert: str, within: int) -> None:
    at = none_at(alert, runs(DAY) + [0] * 120)
    assert at is not None
    assert 0 < at - DAY <= within


def test_compaction_that_runs_and_commits_nothing_while_the_tail_grows_is_a_ticket() -> None:
    """Runs go through, so neither compactor-silent nor compactor-failing says anything."""
    commits, succeeded = runs(DAY) + [0] * 120, runs(DAY + 120)
    assert none_at("snapshot-old", commits) is not None
    assert none_at("compactor-silent", succeeded) is None
    assert above_at("compactor-failing", [0] * (DAY + 120)) is None


def test_compactor_that_fails_is_a_ticket_within_three_runs() -> None:
    at = above_at("compactor-failing", [0] * DAY + runs(60))
    assert at is not None
    assert at - DAY <= 3 * EVERY_MIN


def test_outside_tables_that_are_not_published_are_a_ticket_within_three_runs() -> None:
    at = above_at("tables-behind", [0] * DAY + runs(60))
    assert at is not None
    assert at - DAY <= 3 * EVERY_MIN
    assert above_at("tables-behind", [0] * (DAY + 60)) is None


def test_a_foreign_snapshot_is_a_ticket_at_the_first_run_that_stops() -> None:
    at = above_at("foreign-snapshot", [0] * DAY + runs(60))
    assert at is not None
    assert at - DAY <= EVERY_MIN
    assert above_at("foreign-snapshot", [0] * (DAY + 60)) is None


def test_runs_that_fail_one_at_a_time_all_month_are_no_news() -> None:
    print("seed 3")
    chance = random.Random(3)
    failed: set[int] = set()
    for run in range(28 * DAY // EVERY_MIN):
        if run - max(failed, default=-9) > 4 and chance.random() < 0.06:
            failed.add(run)
    assert len(failed) > 200
    commits = runs(28 * DAY, lambda run: run in failed)
    assert none_at("snapshot-old", commits) is None
    assert none_at("compactor-silent", commits) is None
    assert above_at("compactor-failing", runs(28 * DAY, lambda run: run not in failed)) is None


def test_canary_that_stops_is_a_ticket_and_one_that_skips_some_minutes_is_not() -> None:
    skipping = [int(minute % 60 > 9) for minute in range(DAY)]
    assert none_at("canary-silent", skipping) is None
    at = none_at("canary-silent", [*skipping, *[0] * 60])
    assert at is not None
    assert at - DAY <= 16


def test_single_batch_with_a_rejected_line_is_a_ticket() -> None:
    assert above_at("rejected-messages", [0] * DAY) is None
    assert above_at("rejected-messages", [*[0] * DAY, 1]) == DAY + 1


def test_every_rate_can_be_reached() -> None:
    for name, alert in local("burn").items():
        highest = 1 / (1 - local("slo")[alert["slo"]]["goal"])
        assert alert["rate"] < highest, f"{name}: a burn rate of {highest:.0f} is the highest there is"


def test_windows_are_what_cloud_monitoring_can_look_back() -> None:
    for alert in local("burn").values():
        pages = alert["severity"] == "CRITICAL"
        assert alert["short_s"] < alert["long_s"] if pages else alert["short_s"] == alert["long_s"]
        assert alert["long_s"] <= 86_400


def test_conditions_are_few_since_each_is_paid_for() -> None:
    burn = sum(2 + (alert["short_s"] != alert["long_s"]) for alert in local("burn").values())
    conditions = burn + len(local("above")) + len(local("none"))
    assert conditions <= 36
    page = " ".join((ROOT / "docs" / "slo.md").read_text(encoding="utf-8").split())
    assert f"(all alerts together have {conditions})" in page
    [policy] = [p for a, p in resources(MAIN, "google_monitoring_alert_policy").items() if a.endswith(".burn")]
    assert policy["dynamic"][0]["conditions"]["for_each"] == (
        "${toset([tostring(each.value.long_s), tostring(each.value.short_s)])}"  # a set: once where both are the same
    )


def test_every_cause_says_what_missing_data_means() -> None:
    """Counters of lines have no points while no such line is written."""
    for name, wanted in (("above", "EVALUATION_MISSING_DATA_INACTIVE"), ("none", "EVALUATION_MISSING_DATA_ACTIVE")):
        policy = resources(MAIN)[f"google_monitoring_alert_policy.{name}"]
        condition = policy["conditions"][0]["condition_threshold"][0]
        assert condition["evaluation_missing_data"] == wanted
    # The API: conditions setting evaluation_missing_data must have a non-zero duration.
    assert all(alert["duration_s"] > 0 for alert in local("above").values())


def test_writer_that_crashes_and_starts_again_is_a_ticket_and_a_deploy_is_not() -> None:
    [limit] = re.findall(
        r"^\$\{(\d+) \* max\(var\.writer_instances, 1\)\}$", local("above")["writer-restarting"]["threshold"]
    )
    alert = local("above")["writer-restarting"]

    def at(starts: Sequence[int], writers: int) -> int | None:
        return held(starts, alert["period_s"], alert["duration_s"], lambda count: count > int(limit) * writers)

    crashing = [int(minute % 5 == 0) for minute in range(60)]
    assert at([0] * DAY + crashing, writers=1) == DAY + 16  # the fourth start
    deploy = [*[0] * DAY, 4, *[0] * 20, 4, *[0] * 60]  # four writers, and all of them moved once more
    assert at(deploy, writers=4) is None


def test_one_unreadable_file_is_one_ticket() -> None:
    """Its runs end well (tests/system/processes/test_writer_commands.py), so no alert about the compactor fires."""
    commits = runs(DAY)
    assert above_at("unreadable-files", [0] * DAY + [1] * 30) is not None
    assert none_at("compactor-silent", commits) is None
    assert none_at("snapshot-old", commits) is None
    assert above_at("compactor-failing", [0] * DAY) is None


def test_objectives_are_the_briefs() -> None:
    assert local("slo")["availability"]["goal"] == 0.9995
    assert local("slo")["latency"]["goal"] == 0.90
    assert local("slo_days") == 28
    assert 'httpRequest.latency<\\"0.5s\\"' in local("counter")["gets_fast"]["filter"]


@pytest.mark.parametrize("slo", TRAFFIC)
def test_every_objective_has_a_fast_and_a_slow_page_and_a_ticket(slo: str) -> None:
    assert [a.pages for a in burn_alerts(slo)] == [True, True, False]


def test_metrics_that_are_used_exist() -> None:
    made = set(local("counter")) | set(local("gauge"))
    used = {v for slo in local("slo").values() for v in (slo["total"], slo["good"], slo["bad"])}
    for name in ("above", "none"):
        used |= set(re.findall(r"user/flights_(\w+)", " ".join(texts(local(name)))))
    assert used <= made
    dashboard = (MAIN / "dashboard.tf").read_text()
    assert set(re.findall(r"log_metric}(\w+)", dashboard)) <= made


def test_probes_are_left_out_of_what_users_saw() -> None:
    from probe.service import USER_AGENT

    [pattern] = re.findall(r'userAgent=~"(.*?)"', local("users_gets"))
    assert re.match(pattern, USER_AGENT)
    [tagged] = re.findall(r'NOT httpRequest.requestUrl=~"(.*?)"', local("users_gets"))
    assert re.match(tagged, "https://b-3f2504e0---flights-api-abc-ew.a.run.app/v1/stats")
    assert not re.match(tagged, "https://flights-api-abc-ew.a.run.app/v1/stats")


def alert_names() -> set[str]:
    return {name for kind in ("burn", "above", "none") for name in local(kind)}


def headings(file: str) -> set[str]:
    """Anchors of the second-level headings, as GitHub makes them."""
    text = (ROOT / "docs" / file).read_text()
    return {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^## (.+)$", text, re.M)}


def test_every_alert_has_its_heading_in_the_runbook_and_every_heading_its_alert() -> None:
    assert headings("runbook.md") == alert_names()


def test_every_alert_links_to_the_runbook() -> None:
    for address, policy in resources(MAIN, "google_monitoring_alert_policy").items():
        assert "${var.runbook_url}#${each.key}" in policy["documentation"][0]["content"], address


def test_causes_do_not_page() -> None:
    for address, policy in resources(MAIN, "google_monitoring_alert_policy").items():
        if not address.endswith(".burn"):
            assert policy["severity"] == "WARNING"
            assert policy["notification_channels"] == '${local.channel["WARNING"]}'


def numbers_of(kind: str) -> dict[str, Any]:
    return {name: cause(name)["threshold"] for name in local(kind)}


def test_thresholds_of_causes_fit_the_settings_they_are_about() -> None:
    from ingest_writer.settings import CompactorSettings

    thresholds = numbers_of("above")
    assert thresholds["unacked-messages"] >= 2 * local("ack_deadline_s")
    assert thresholds["long-tail"] == CompactorSettings.model_fields["merge_max_files"].default
    assert math.isclose(thresholds["unreadable-files"], 0.5)


def test_numbers_in_lines_are_compared_exactly() -> None:
    """They are distributions in buckets half as wide as their values: a median of 3,800 files reads as 4,700."""
    for name, alert in local("above").items():
        found = re.search(r"user/flights_(\w+)", alert["filter"])
        if found and found[1] in local("gauge"):
            assert (alert["aligner"], alert["reducer"]) == ("ALIGN_DELTA", "REDUCE_MEAN"), name
    assert "ALIGN_PERCENTILE" not in (MAIN / "dashboard.tf").read_text()
