"""Whether one snapshot can follow another: what every commit preserves, checked on the two snapshots alone.

A merge keeps the newest row of every flight, void ones too: months never go, and never lose rows. Of a month only the
files change whose dates were merged; a flight may move between those that are shown and those that are hidden.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from lakehouse import object_names
from lakehouse.table.snapshot import Month, MonthFile, Snapshot


def descent_problem(ancestor: Snapshot, latest: Snapshot) -> str | None:
    """Why `latest` cannot be `ancestor` or come after it, by any number of commits; None when it can."""
    if latest.min_retained < ancestor.min_retained:
        return f"its oldest is {latest.min_retained}, that of snapshot {ancestor.number} is {ancestor.min_retained}"
    for month in ancestor.month_names:
        before, after = ancestor.month(month), latest.month(month)
        if not after.files:
            return f"month {month} of snapshot {ancestor.number} is not in it"
        if after != before and (why := _month_problem(before, after, ancestor.number)) is not None:
            return f"month {month} {why}"
    added = {month: _added(ancestor.month(month), latest.month(month)) for month in latest.month_names}
    for month, entries in added.items():
        for entry in entries:
            if not ancestor.number < entry.added_snapshot <= latest.number:
                return f"month {month} is not that of snapshot {ancestor.number} and says since {entry.added_snapshot}"
    for absorbed in latest.absorbed - ancestor.absorbed:
        date = object_names.parse_landed_file(absorbed)
        if date is None or not _has(added.get(object_names.month_of(date), ()), date):
            return f"it absorbs {absorbed}, whose date has not changed"
    return None


def commit_problem(base: Snapshot, made: Snapshot) -> str | None:
    """Why no commit on top of `base` can have made `made`; None when one can."""
    if made.number != base.number + 1:
        return f"it follows snapshot {base.number} and is number {made.number}"
    if made.min_retained > max(base.number, 1):
        return f"its oldest is {made.min_retained}, above the snapshot before it"
    for month in made.month_names:
        before = base.month(month)
        for entry in _added(before, made.month(month)):
            name = object_names.parse_month_file(entry.name)
            if name is None or name.added_snapshot != before.added_snapshot:
                return f"month {month} was not merged from what snapshot {base.number} had of it"
    return descent_problem(base, made)


def _added(before: Month, after: Month) -> list[MonthFile]:
    """The entries that `before` does not have."""
    known = set(before.files)
    return [entry for entry in after.files if entry not in known]


def _month_problem(before: Month, after: Month, number: int) -> str | None:
    if after.rows < before.rows:
        return f"has {after.rows} rows, in snapshot {number} it had {before.rows}"
    added = _added(before, after)
    for entry in _added(after, before):  # each of its dates has a flight, which the merge of that date kept
        for date in (entry.min_flight_date, entry.max_flight_date):
            if not _has(added, date):
                return f"has fewer dates than in snapshot {number}: {date} was in {entry.name}"
    if max(each.max_event_time for each in after.files) < max(each.max_event_time for each in before.files):
        return f"has no event as new as in snapshot {number}"
    return None


def _has(entries: Collection[MonthFile], date: dt.date) -> bool:
    return any(entry.has_date(date) for entry in entries)
