"""The modelled incident agrees with the objectives and alerts, and with itself."""

from __future__ import annotations

from tests.repo.deploy.terraform_files import local
from tools.monitoring_picture.incident import BAD_REVISION, GOALS, MINUTES, STOPPED_WRITER, metrics

FIRST = -MINUTES - 1  # of the picture's minutes, which are the last ones


def shown(name: str) -> list[float]:
    return [value or 0.0 for value in metrics()[name].values[FIRST:]]


def test_goals_are_terraforms() -> None:
    assert {name: slo["goal"] for name, slo in local("slo").items()} == GOALS


def test_the_same_incident_is_told_each_time() -> None:
    assert metrics() == metrics()


def test_bad_revision_burns_faster_than_the_fast_alert_allows_and_nothing_else_does() -> None:
    health = shown("slo_health availability")
    rate = local("burn")["availability-fast"]["rate"] * (1 - GOALS["availability"])
    assert {minute for minute, good in enumerate(health) if 1 - good > rate} == set(BAD_REVISION)


def test_stopped_writer_lets_canaries_fail_until_its_backlog_is_gone() -> None:
    health, oldest_s = shown("slo_health freshness"), shown(OLDEST)
    failed = [minute for minute, good in enumerate(health) if good == 0 and minute not in BAD_REVISION]
    assert failed == list(range(STOPPED_WRITER[0], failed[-1] + 1))
    assert failed[-1] > STOPPED_WRITER[-1]
    assert max(oldest_s[failed[-1] + 1 :]) < 30


def test_messages_wait_long_enough_for_the_unacked_alert() -> None:
    alert = local("above")["unacked-messages"]
    assert sum(age_s > alert["threshold"] for age_s in shown(OLDEST)) * 60 > alert["duration_s"]


def test_every_message_is_acked_in_the_end() -> None:
    kinds = ("topic/send_message_operation_count", "subscription/ack_message_count")
    published, acked = (sum(shown(f"pubsub.googleapis.com/{kind}")) for kind in kinds)
    assert abs(published - acked) < 100  # those of a few seconds, at both ends


def test_budgets_are_spent_by_what_is_bad_and_by_nothing_else() -> None:
    left = shown("slo_budget_fraction availability")
    assert left[BAD_REVISION[0]] - left[BAD_REVISION[-1]] > 0.05
    assert abs(left[-1] - left[BAD_REVISION[-1]]) < 0.01


def test_latencies_and_the_share_of_slow_answers_agree() -> None:
    p95, health = shown("run.googleapis.com/request_latencies p95"), shown("slo_health latency")
    assert all((of < 500) == (good > 0.93) for of, good in zip(p95, health, strict=True))


OLDEST = "pubsub.googleapis.com/subscription/oldest_unacked_message_age"
