"""Every safeguard of exactness, how to remove it from the source, and the test that must fail without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Safeguard:
    """`code` (exactly once in `file`) keeps the safeguard, `without` does not. `test` is a pytest node id."""

    name: str
    file: str
    code: str
    without: str
    test: str


def _order_without(part: str) -> Safeguard:
    order = ("event_time", "publish_time", "message_id", "message_line", "decoder_version")
    kept = ", ".join(f'"{column}"' for column in order if column != part)
    return Safeguard(
        f"order: {part}",
        "lakehouse/table/latest_sql.py",
        'f"{column} DESC" for column in ORDER)',
        f'f"{{column}} DESC" for column in ({kept}))',
        "tests/unit/lakehouse/table/test_latest_sql.py::test_each_part_decides_when_all_before_it_are_equal",
    )


SAFEGUARDS: Final = (
    Safeguard(
        "create if absent: Cloud Storage",
        "lakehouse/store/gcs.py",
        'self._upload(name, source, 0, f"{name}: exists already")',
        'self._upload(name, source, self.generation(name), f"{name}: exists already")',
        "tests/unit/lakehouse/store/test_store.py::test_a_second_create_is_refused_and_changes_nothing",
    ),
    Safeguard(
        "create if absent: local folder",
        "lakehouse/store/local.py",
        "os.link(staged, target)\n            except FileExistsError:",
        "os.replace(staged, target)\n            except FileExistsError:",
        "tests/unit/lakehouse/store/test_store.py::test_a_second_create_is_refused_and_changes_nothing",
    ),
    Safeguard(
        "local folder: bytes are synced",
        "lakehouse/store/local.py",
        "                os.fsync(out.fileno())\n",
        "",
        "tests/unit/lakehouse/store/test_local.py::test_an_object_appears_whole_and_is_on_disk_before_its_create_returns",
    ),
    Safeguard(
        "local folder: names are synced",
        "lakehouse/store/local.py",
        'raise ObjectExistsError(f"{name}: exists already") from None\n            _sync_folder(target.parent)',
        'raise ObjectExistsError(f"{name}: exists already") from None',
        "tests/unit/lakehouse/store/test_local.py::test_an_object_appears_whole_and_is_on_disk_before_its_create_returns",
    ),
    Safeguard(
        "ack last",
        "ingest_writer/subscriber/writer.py",
        "if failures := await self._uploads.land_all(prepared.objects):",
        "await self._acknowledge(batch)\n        if failures := await self._uploads.land_all(prepared.objects):",
        "tests/unit/ingest_writer/subscriber/test_writer.py::test_a_message_is_acked_only_after_every_object_of_its_batch_is_durable",
    ),
    Safeguard(
        "unknown create is landed again",
        "ingest_writer/landing.py",
        "    store.create(name, pending.data)\n    return name",
        "    try:\n        store.create(name, pending.data)\n"
        "    except CreateStateUnknownError:\n        pass\n    return name",
        "tests/unit/ingest_writer/subscriber/test_uploads.py::test_a_create_of_unknown_outcome_is_followed_by_one_under_another_name",
    ),
    _order_without("event_time"),
    _order_without("publish_time"),
    _order_without("message_id"),
    _order_without("message_line"),
    _order_without("decoder_version"),
    Safeguard(
        "newest wins over tail and merged",
        "lakehouse/table/latest_sql.py",
        "merged_tail = newest(touched)",
        'merged_tail = f"{newest(tail)} AND {condition}"',
        "tests/unit/query_service/queries/test_stats_sql.py::test_a_tail_event_that_is_older_than_the_merged_one_changes_nothing",
    ),
    Safeguard(
        "only key columns before the decision",
        "query_service/queries/filters_sql.py",
        "after += _any_of(column, getattr(filters, column), values)",
        "before += _any_of(column, getattr(filters, column), values)",
        "tests/unit/query_service/queries/test_stats_sql.py::test_a_filter_sees_only_the_newest_state",
    ),
    Safeguard(
        "landing before snapshot",
        "lakehouse/table/planner.py",
        "landing = list_landing(self._store)\n        snapshot = self.latest_snapshot()",
        "snapshot = self.latest_snapshot()\n        landing = list_landing(self._store)",
        "tests/unit/lakehouse/table/test_planner.py::test_an_event_that_is_absorbed_between_the_two_listings_is_in_the_plan",
    ),
    Safeguard(
        "latest by listing",
        "lakehouse/table/planner.py",
        "            listed = self._list()\n",
        "            listed = self._list()\n"
        "            first = min(listed, default=0)\n"
        "            listed = {n: i for n, i in listed.items() if all(k in listed for k in range(first, n))}\n",
        "tests/unit/lakehouse/table/test_planner.py::"
        "test_the_latest_snapshot_is_the_highest_name_though_expired_numbers_are_missing",
    ),
    Safeguard(
        "reads what was listed",
        "lakehouse/table/listed_snapshots.py",
        "if google_crc32c.value(data) != info.crc32c:",
        "if False:",
        "tests/unit/ingest_writer/compaction/test_compactor_races.py::test_a_snapshot_in_a_hole_is_not_what_a_reader_plans_from",
    ),
    Safeguard(
        "time never runs backwards",
        "lakehouse/table/planner.py",
        "if self._latest.number and max(listed, default=0) < self._latest.number:",
        "if False:",
        "tests/unit/lakehouse/table/test_planner.py::test_a_line_that_ends_below_what_was_seen_is_broken",
    ),
    Safeguard(
        "an old plan is not used",
        "query_service/engine/executor.py",
        "self._check_age(plan, plan.listed_at)  # not frozen",
        "pass  # not frozen",
        "tests/unit/query_service/engine/test_executor.py::test_a_process_frozen_while_its_query_runs_plans_again",
    ),
    Safeguard(
        "a plan that grew old in the queue is not used",
        "query_service/engine/executor.py",
        "lambda: self._check_age(plan, arrived))",
        "lambda: None)",
        "tests/unit/query_service/engine/test_executor.py::test_a_plan_that_grows_old_in_the_queue_is_renewed_once",
    ),
    Safeguard(
        "a commit on top of nothing foreign",
        "ingest_writer/compaction/compactor.py",
        "            self.history.check_latest(plan.snapshot)\n",
        "",
        "tests/system/test_foreign_snapshots.py::test_no_compactor_builds_on_a_planted_snapshot",
    ),
    Safeguard(
        "nothing is collected by a foreign snapshot",
        "ingest_writer/compaction/garbage_collector.py",
        "or not self._history.check_whole(latest):",
        "or False:",
        "tests/system/test_foreign_snapshots.py::test_nothing_is_deleted_by_a_planted_snapshot",
    ),
    Safeguard(
        "a jump in the numbers is foreign",
        "ingest_writer/compaction/history.py",
        "first = max(min(oldest_original(listed, self._known), max(latest.min_retained, 1)), trusted)",
        "first = max(latest.min_retained, trusted, 1)",
        "tests/unit/ingest_writer/compaction/test_history.py::test_a_gap_above_an_old_snapshot_is_refused",
    ),
    Safeguard(
        "an expired number made again is no doubt",
        "lakehouse/table/listed_snapshots.py",
        "if info.created + CLOCKS_DIFFER < least or info == known:",
        "if True:",
        "tests/unit/ingest_writer/compaction/test_history.py::test_an_expired_number_that_was_made_again_is_no_doubt",
    ),
    Safeguard(
        "months never lose rows",
        "lakehouse/table/lineage.py",
        "if after.rows < before.rows:",
        "if False:",
        "tests/unit/lakehouse/table/test_lineage.py::test_what_no_commit_makes_is_said",
    ),
    Safeguard(
        "only changed months absorb",
        "lakehouse/table/lineage.py",
        "if date is None or object_names.month_of(date) not in changed:",
        "if date is None:",
        "tests/unit/lakehouse/table/test_lineage.py::test_what_no_commit_makes_is_said",
    ),
    Safeguard(
        "own retention keeps snapshots too",
        "ingest_writer/compaction/garbage_collector.py",
        "if number >= latest.min_retained or not is_old:",
        "if number >= latest.min_retained:",
        "tests/system/test_foreign_snapshots.py::"
        "test_snapshots_that_retention_still_keeps_stay_whatever_the_latest_says",
    ),
    Safeguard(
        "readers see months that shrank",
        "lakehouse/table/planner.py",
        "return commit_problem(self._latest, found)",
        "return None",
        "tests/system/test_foreign_snapshots.py::test_the_api_names_a_foreign_snapshot_and_answers_nothing_from_it",
    ),
    Safeguard(
        "month files are there before anything goes",
        "ingest_writer/compaction/garbage_collector.py",
        "        self._history.check_files(latest, files)\n",
        "",
        "tests/system/test_foreign_snapshots.py::test_nothing_is_deleted_by_a_planted_snapshot",
    ),
    Safeguard(
        "no month file is younger than its commit",
        "ingest_writer/compaction/history.py",
        "elif commit is not None and commit.created + CLOCKS_DIFFER < info.created:",
        "elif False:",
        "tests/system/test_foreign_snapshots.py::"
        "test_a_snapshot_whose_month_file_was_made_after_it_is_not_collected_by",
    ),
    Safeguard(
        "a reader that starts looks at the snapshot before",
        "lakehouse/table/planner.py",
        "return commit_problem(read_listed(self._store, listed[found.number - 1]), found)",
        "return None",
        "tests/system/test_foreign_snapshots.py::test_a_reader_that_starts_after_a_plant_answers_nothing",
    ),
    Safeguard(
        "a reader that starts sees a jump in the numbers",
        "lakehouse/table/planner.py",
        "why = gap_problem(found, listed, first)",
        "why = None",
        "tests/system/test_foreign_snapshots.py::test_a_reader_that_starts_after_a_plant_answers_nothing",
    ),
    Safeguard(
        "a reader that missed commits compares with what it saw",
        "lakehouse/table/planner.py",
        "if self._latest.number and (why := descent_problem(self._latest, found)) is not None:",
        "if (why := None) is not None:",
        "tests/system/test_foreign_snapshots.py::test_a_reader_that_missed_commits_refuses_what_does_not_follow_them",
    ),
    Safeguard(
        "a folder dates snapshots in their order",
        "lakehouse/store/local.py",
        "if name.startswith(object_names.SNAPSHOTS):",
        "if False:",
        "tests/unit/ingest_writer/compaction/test_compactor_clock.py::"
        "test_compaction_goes_on_while_the_clock_jumps_an_hour_back_and_forth",
    ),
    Safeguard(
        "numbers end",
        "lakehouse/table/planner.py",
        "if number is not None and number > object_names.MAX_SNAPSHOT:",
        "if False:",
        "tests/system/test_foreign_snapshots.py::test_a_number_without_room_above_it_is_refused_by_everybody",
    ),
    Safeguard(
        "re-listing after a create",
        "ingest_writer/compaction/compactor.py",
        "return snapshot.number >= self.planner.latest_snapshot().min_retained",
        "return True",
        "tests/unit/ingest_writer/compaction/test_compactor_races.py::test_a_snapshot_created_in_a_hole_is_no_commit",
    ),
    Safeguard(
        "an unknown commit is looked for",
        "ingest_writer/compaction/compactor.py",
        "if not self._is_there(name, data):\n                return False",
        "pass",
        "tests/unit/ingest_writer/compaction/test_compactor.py::test_a_commit_of_unknown_outcome_that_did_not_happen_is_made_again",
    ),
    Safeguard(
        "rebase keeps only unchanged months",
        "ingest_writer/compaction/compactor.py",
        "if plan.snapshot.months.get(m) == made.base}",
        "}",
        "tests/unit/ingest_writer/compaction/test_compactor_races.py::test_a_month_that_somebody_changed_is_merged_again",
    ),
    Safeguard(
        "rebase keeps unchanged months",
        "ingest_writer/compaction/compactor.py",
        "if plan.snapshot.months.get(m) == made.base}",
        "if False}",
        "tests/unit/ingest_writer/compaction/test_compactor_races.py::test_a_merge_that_takes_long_is_committed_beside_one_that_is_quick",
    ),
    Safeguard(
        "collecting by added_snapshot",
        "ingest_writer/compaction/garbage_collector.py",
        "return parsed is not None and parsed.added_snapshot < latest.added_snapshot(parsed.month)",
        "return parsed is not None",
        "tests/unit/ingest_writer/compaction/test_garbage_collector.py::test_an_orphan_is_deleted_only_when_its_maker_can_no_longer_commit_it",
    ),
    Safeguard(
        "collecting what no retained snapshot names",
        "ingest_writer/compaction/garbage_collector.py",
        "return [name for name in past if name not in self._history.named]",
        "return past",
        "tests/unit/ingest_writer/compaction/test_garbage_collector.py::"
        "test_a_superseded_month_file_stays_as_long_as_a_retained_snapshot_names_it",
    ),
    Safeguard(
        "collecting absorbed files only",
        "ingest_writer/compaction/garbage_collector.py",
        "if info.name in latest.absorbed and created - info.created >= self._grace",
        "if created - info.created >= self._grace",
        "tests/unit/ingest_writer/compaction/test_garbage_collector.py::test_a_landed_file_that_is_not_absorbed_is_never_deleted",
    ),
    Safeguard(
        "grace",
        "ingest_writer/compaction/garbage_collector.py",
        "if info.name in latest.absorbed and created - info.created >= self._grace",
        "if info.name in latest.absorbed",
        "tests/unit/ingest_writer/compaction/test_garbage_collector.py::"
        "test_an_absorbed_file_goes_when_it_is_older_than_the_grace_by_the_stores_clock",
    ),
    Safeguard(
        "snapshots go before their files",
        "ingest_writer/compaction/garbage_collector.py",
        "            self._store.delete(name)\n        self._delete(landed)\n"
        "        months = self._superseded(latest, past)\n        self._delete(months)\n",
        "            pass\n        self._delete(landed)\n"
        "        months = self._superseded(latest, past)\n        self._delete(months)\n"
        "        self._delete(expired)\n",
        "tests/unit/ingest_writer/compaction/test_garbage_collector.py::test_snapshots_go_before_landed_files_and_these_before_month_files",
    ),
    Safeguard(
        "min_retained never decreases",
        "ingest_writer/compaction/compactor.py",
        "return max(base.min_retained, min(retained, default=base.number), base.number + 2 - MAX_RETAINED)",
        "return max(1, min(retained, default=base.number), base.number + 2 - MAX_RETAINED)",
        "tests/unit/ingest_writer/compaction/test_compactor.py::test_oldest_never_decreases_and_follows_the_stores_clock",
    ),
    Safeguard(
        "crc32c: files of an answer",
        "lakehouse/table/stored_file.py",
        "if crc32c != file.crc32c:",
        "if False:",
        "tests/unit/lakehouse/table/test_file_cache.py::test_bytes_with_another_checksum_are_unreadable_and_not_kept",
    ),
    Safeguard(
        "crc32c: bytes that come down from Cloud Storage",
        "lakehouse/store/gcs.py",
        'got = get(blob, timeout=self._timeout_s, retry=None, checksum="crc32c")',
        "got = get(blob, timeout=self._timeout_s, retry=None, checksum=None)",
        "tests/verification/fault_injection/test_store.py::test_bytes_that_are_damaged_on_their_way_down_are_unreadable",
    ),
    Safeguard(
        "crc32c: each try of a download starts over",
        "lakehouse/store/gcs.py",
        'got = get(blob, timeout=self._timeout_s, retry=None, checksum="crc32c")',
        'got = get(blob, timeout=self._timeout_s, retry=self._retry, checksum="crc32c")',
        "tests/verification/fault_injection/test_store.py::test_bytes_that_are_damaged_after_a_cut_are_unreadable",
    ),
    Safeguard(
        "crc32c: bytes that go up to Cloud Storage",
        "lakehouse/store/gcs.py",
        """            "checksum": "crc32c",
            "content_type": _content_type(name),""",
        """            "checksum": None,
            "content_type": _content_type(name),""",
        "tests/verification/fault_injection/test_store.py::test_bytes_that_are_damaged_on_their_way_up_are_not_stored_and_can_be_sent_again",
    ),
    Safeguard(
        "a create is never followed by a delete",
        "lakehouse/store/gcs.py",
        "blob = _Created(name, self._bucket)",
        "blob = self._bucket.blob(name)",
        "tests/verification/fault_injection/test_store.py::test_a_create_with_a_damaged_answer_never_takes_anything_away",
    ),
    Safeguard(
        "fast path: a key that is there twice",
        "ingest_writer/decoding/vectorized.py",
        "pull.with_line(is_bad) | pull.with_key_twice(fields.written()) |",
        "pull.with_line(is_bad) |",
        "tests/unit/ingest_writer/decoding/test_vectorized.py::"
        "test_what_is_unusual_is_left_over_and_its_mates_are_not[a key twice]",
    ),
    Safeguard(
        "fast path: a message with a bad line is left over",
        "ingest_writer/decoding/vectorized.py",
        "bad = pull.with_line(is_bad) | pull.with_key_twice(fields.written())",
        "bad = pull.with_key_twice(fields.written())",
        "tests/unit/ingest_writer/decoding/test_vectorized.py::test_one_bad_line_leaves_its_whole_message_over",
    ),
    Safeguard(
        "flight dates of a message: line by line",
        "ingest_writer/decoding/decoder.py",
        "if len(dates) >= MAX_MESSAGE_DATES and date not in dates:",
        "if False:",
        "tests/unit/ingest_writer/decoding/test_decoder.py::"
        "test_events_of_the_first_400_flight_dates_of_a_message_pass",
    ),
    Safeguard(
        "flight dates of a message: fast path",
        "ingest_writer/decoding/vectorized.py",
        "if count > rules.MAX_MESSAGE_DATES\n",
        "if False\n",
        "tests/unit/ingest_writer/decoding/test_decoder.py::"
        "test_a_message_of_up_to_400_flight_dates_takes_the_fast_path",
    ),
    Safeguard(
        "a batch closes before it has too many flight dates",
        "ingest_writer/subscriber/buffer.py",
        "if not is_alone and len(batch.flight_dates | dates) > self._max_dates:",
        "if False:",
        "tests/unit/ingest_writer/subscriber/test_writer.py::"
        "test_no_batch_lands_more_flight_dates_than_it_may_have_and_all_are_acked",
    ),
    Safeguard(
        "long tail: a month that was merged again changes otherwise",
        "query_service/engine/long_tail.py",
        "return kept is not None and kept.inputs == _inputs(files)",
        "return kept is not None and kept.inputs.tail == _inputs(files).tail",
        "tests/unit/query_service/engine/test_long_tail.py::"
        "test_a_month_that_was_merged_again_is_changed_by_what_is_left",
    ),
    Safeguard(
        "long tail: replaced flights do not count",
        "lakehouse/table/latest_sql.py",
        "ANTI JOIN (SELECT {SORT_KEY} FROM tail_changes WHERE NOT is_new)",
        "ANTI JOIN (SELECT {SORT_KEY} FROM tail_changes WHERE false)",
        "tests/unit/query_service/engine/test_long_tail.py::"
        "test_a_month_that_was_merged_again_is_changed_by_what_is_left",
    ),
    Safeguard(
        "long tail: counts that cancel out are no flights",
        "query_service/queries/stats_sql.py",
        "HAVING sum(n) > 0",
        "",
        "tests/unit/query_service/engine/test_long_tail.py::test_a_group_that_the_tail_takes_away_is_gone",
    ),
    Safeguard(
        "a lost lease is given up",
        "ingest_writer/subscriber/puller.py",
        "if ended := await self._keep(batch):",
        "if (ended := await self._keep(batch)) and False:",
        "tests/unit/ingest_writer/subscriber/test_puller.py::test_a_batch_is_given_up_and_nacked_when_its_lease_ends_unextended",
    ),
    Safeguard(
        "tag: the tail files of the dates",
        "query_service/queries/conditional_get.py",
        "view.files(question.filters.dates).all)",
        "view.files(question.filters.dates).months)",
        "tests/unit/query_service/representation/test_etag.py::"
        "test_a_late_event_changes_at_once_only_the_tags_that_it_touches",
    ),
    Safeguard(
        "tag: the format",
        "query_service/representation/etag.py",
        "repr(question), wanted.format.name, repr(wanted.coding)",
        "repr(question), repr(wanted.coding)",
        "tests/unit/query_service/representation/test_etag.py::test_other_questions_have_other_tags",
    ),
    Safeguard(
        "tag: the content coding",
        "query_service/representation/etag.py",
        "wanted.format.name, repr(wanted.coding))",
        'wanted.format.name, "")',
        "tests/unit/query_service/representation/test_compression.py::test_each_coding_has_its_own_tag_and_the_same_bytes_each_time",
    ),
    Safeguard(
        "tag: the code that answers",
        "query_service/representation/etag.py",
        "parts = (self._build_fingerprint, repr(question),",
        "parts = (repr(question),",
        "tests/unit/query_service/representation/test_etag.py::test_the_version_of_the_code_is_part_of_every_tag",
    ),
    Safeguard(
        "Arrow: nothing under nulls",
        "query_service/representation/encoders.py",
        "writer.write_batch(_rebuilt(batch))",
        "writer.write_table(batch)",
        "tests/unit/query_service/representation/test_encoders.py::test_the_same_data_gives_the_same_bytes_however_it_is_stored",
    ),
    Safeguard(
        "old snapshot: refused below min_retained",
        "lakehouse/table/time_travel.py",
        "if number < latest.min_retained:",
        "if False:",
        "tests/unit/query_service/engine/test_time_travel.py::test_an_object_that_was_put_into_the_hole_is_refused",
    ),
    Safeguard(
        "old snapshot: retained after it was read",
        "lakehouse/table/time_travel.py",
        "    check_retained(number, find_latest())\n    return",
        "    return",
        "tests/unit/lakehouse/table/test_time_travel.py::test_what_was_put_into_the_hole_of_a_collected_snapshot_is_refused",
    ),
    Safeguard(
        "answers on their way: bounded",
        "query_service/middleware/send_timeout.py",
        "if self._bytes >= self._max_bytes:",
        "if False:",
        "tests/unit/query_service/middleware/test_send_timeout.py::test_large_answers_are_refused_while_those_that_are_sent_take_the_room",
    ),
    Safeguard(
        "kept answers: bounded",
        "lakehouse/bounded_lru.py",
        "over = self._size + size - self._max_size",
        "over = 0",
        "tests/unit/query_service/queries/test_conditional_get_results.py::test_the_least_used_goes_first_and_the_room_is_never_exceeded",
    ),
    Safeguard(
        "decided dates: of the same month file",
        "query_service/engine/tail_cache.py",
        "self.month == other.month and self.tail > other.tail",
        "self.tail > other.tail",
        "tests/unit/query_service/engine/test_tail_cache.py::test_a_new_landed_file_with_another_month_file_decides_anew",
    ),
    Safeguard(
        "decided dates: of no landed file that the plan does not know",
        "query_service/engine/tail_cache.py",
        "kept.inputs != inputs",
        "not kept.inputs.tail >= inputs.tail",
        "tests/unit/query_service/engine/test_tail_cache.py::test_an_older_plan_sees_nothing_of_a_newer_one",
    ),
    Safeguard(
        "decided dates: by name and checksum",
        "query_service/engine/tail_cache.py",
        "(file.name, file.crc32c)",
        "(file.name, 0)",
        "tests/unit/query_service/engine/test_tail_cache.py::test_other_bytes_under_the_same_name_decide_anew",
    ),
    Safeguard(
        "decided dates: bounded",
        "lakehouse/bounded_lru.py",
        "over = self._size + size - self._max_size",
        "over = 0",
        "tests/unit/query_service/engine/test_tail_cache.py::test_what_is_kept_takes_no_more_than_its_room_and_the_least_used_goes_first",
    ),
    Safeguard(
        "kept parts: not of months that the tail touches",
        "query_service/queries/stats.py",
        "and month_of(month.min_flight_date) not in touched",
        "",
        "tests/unit/query_service/queries/test_stats.py::test_a_month_that_the_tail_touches_is_decided_anew",
    ),
    Safeguard(
        "kept parts: of whole months only",
        "query_service/queries/stats.py",
        "and (dates.last is None or month.max_flight_date <= dates.last)",
        "",
        "tests/unit/query_service/queries/test_stats.py::test_a_month_that_is_partly_in_the_window_is_counted_flight_by_flight",
    ),
    Safeguard(
        "kept parts: by name and checksum",
        "query_service/queries/rollup_cache.py",
        "{month.name} {month.crc32c}",
        "{month.name}",
        "tests/unit/query_service/queries/test_rollup_cache.py::test_a_part_is_not_that_of_other_bytes_under_the_same_name",
    ),
    Safeguard(
        "kept parts: bounded",
        "lakehouse/bounded_lru.py",
        "over = self._size + size - self._max_size",
        "over = 0",
        "tests/unit/query_service/queries/test_rollup_cache.py::test_kept_parts_take_no_more_than_their_room_and_the_least_used_go_first",
    ),
    Safeguard(
        "DuckDB: nothing but its folders",
        "lakehouse/table/confined_duckdb.py",
        '"enable_external_access": "false",',
        '"enable_external_access": "true",',
        "tests/unit/lakehouse/table/test_confined_duckdb.py::test_what_lies_outside_is_refused",
    ),
    Safeguard(
        "DuckDB: settings stay",
        "lakehouse/table/confined_duckdb.py",
        '"lock_configuration": "true",',
        '"lock_configuration": "false",',
        "tests/unit/lakehouse/table/test_confined_duckdb.py::test_what_lies_outside_is_refused",
    ),
    Safeguard(
        "DuckDB: memory goes back",
        "lakehouse/table/confined_duckdb.py",
        '"allocator_background_threads": True,',
        '"allocator_background_threads": False,',
        "tests/system/test_query_memory.py::test_memory_of_queries_and_answers_that_were_given_up_goes_back",
    ),
    Safeguard(
        "Parquet: rows of a landed file",
        "lakehouse/table/parquet_limits.py",
        "if limits.max_rows is not None and rows > limits.max_rows:",
        "if False:",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap",
    ),
    Safeguard(
        "Parquet: sizes by the pages, whatever the footer says",
        "lakehouse/table/parquet_limits.py",
        "            _check_size(name, column, size, group_rows, limits)\n",
        "",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_month_file_that_no_merge_makes_is_unreadable",
    ),
    Safeguard(
        "Parquet: size of a page",
        "lakehouse/table/parquet_limits.py",
        "if page.size > limits.max_page_bytes:",
        "if False:",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap",
    ),
    Safeguard(
        "Parquet: number of pages",
        "lakehouse/table/parquet_limits.py",
        "if count > _PAGES + max(rows, group_rows) // _PAGE_ROWS:",
        "if False:",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap",
    ),
    Safeguard(
        "Parquet: encodings that amplify",
        "lakehouse/table/parquet_pages.py",
        "if encoding not in _ENCODINGS or",
        "if",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap",
    ),
    Safeguard(
        "Parquet: values of a dictionary",
        "lakehouse/table/parquet_pages.py",
        "and values * _MIN_VALUE_BYTES <= size",
        "",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_landed_file_that_no_writer_makes_is_unreadable_and_cheap",
    ),
    Safeguard(
        "Parquet: length of texts",
        "lakehouse/table/parquet_files.py",
        "if column in batch.schema.names and _longest(batch[column]) > most:",
        "if False:",
        "tests/unit/lakehouse/table/test_parquet_limits.py::test_a_text_of_a_byte_more_is_unreadable",
    ),
    Safeguard(
        "Parquet: size of a landed object",
        "lakehouse/table/parquet_limits.py",
        "if size > LANDED_MAX_BYTES:",
        "if False:",
        "tests/unit/ingest_writer/compaction/test_compactor.py::test_a_landed_file_larger_than_a_writer_lands_stays_and_its_month_is_merged",
    ),
    Safeguard(
        "snapshot: size before it is read",
        "lakehouse/table/listed_snapshots.py",
        "    check_size(info.name, info.size)\n",
        "",
        "tests/unit/lakehouse/table/test_planner.py::test_a_snapshot_larger_than_any_can_be_is_named_and_not_read",
    ),
    Safeguard(
        "lake.duckdb and manifest: compared, not read at any size",
        "ingest_writer/compaction/published.py",
        "    if sizes != [len(wanted)]:\n        return False\n",
        "",
        "tests/unit/ingest_writer/compaction/test_manifest.py::test_a_manifest_of_another_size_is_replaced_and_not_read",
    ),
    Safeguard(
        "parts of one answer",
        "query_service/queries/partial_reads.py",
        "                if kept(before.tag):\n                    return before.tag, before.plan\n",
        "                if kept(before.tag):\n                    return tag, plan\n",
        "tests/unit/query_service/queries/test_partial_reads.py::test_the_next_parts_come_from_the_answer_of_the_first",
    ),
    Safeguard(
        "API keys: with a path prefix too",
        "query_service/middleware/root_path.py",
        'scope["path"] = scope["path"].removeprefix(self._root_path)',
        'scope["root_path"] = self._root_path',
        "tests/unit/query_service/middleware/test_root_path.py::test_with_the_prefix_a_path_needs_a_key_too",
    ),
)
