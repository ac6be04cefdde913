"""Whether one snapshot can follow another: what every commit of ours keeps, read from the two snapshots alone.

A merge keeps the newest row of every flight, void ones too: months never go, and never lose rows.
"""

from __future__ import annotations

from lakehouse import object_names
from lakehouse.table.snapshot import MonthFile, Snapshot


def descent_problem(ancestor: Snapshot, latest: Snapshot) -> str | None:
    """Why `latest` cannot be `ancestor` or come after it, by any number of commits; None when it can."""
    if latest.min_retained < ancestor.min_retained:
        return f"its oldest is {latest.min_retained}, that of snapshot {ancestor.number} is {ancestor.min_retained}"
    for month, before in ancestor.months.items():
        after = latest.months.get(month)
        if after is None:
            return f"month {month} of snapshot {ancestor.number} is not in it"
        if after != before and (why := _month_problem(before, after, ancestor.number)) is not None:
            return f"month {month} {why}"
    changed = {month: entry for month, entry in latest.months.items() if ancestor.months.get(month) != entry}
    for month, entry in changed.items():
        if not ancestor.number < entry.added_snapshot <= latest.number:
            return f"month {month} is not that of snapshot {ancestor.number} and says since {entry.added_snapshot}"
    for absorbed in latest.absorbed - ancestor.absorbed:
        date = object_names.parse_landed_file(absorbed)
        if date is None or object_names.month_of(date) not in changed:
            return f"it absorbs {absorbed}, whose month has not changed"
    return None


def commit_problem(base: Snapshot, made: Snapshot) -> str | None:
    """Why no commit on top of `base` can have made `made`; None when one can."""
    if made.number != base.number + 1:
        return f"it follows snapshot {base.number} and is number {made.number}"
    if made.min_retained > max(base.number, 1):
        return f"its oldest is {made.min_retained}, above the snapshot before it"
    for month, entry in made.months.items():
        name = object_names.parse_month_file(entry.name)
        if base.months.get(month) == entry:
            continue
        if name is None or name.added_snapshot != base.added_snapshot(month):
            return f"month {month} was not merged from what snapshot {base.number} had of it"
    return descent_problem(base, made)


def _month_problem(before: MonthFile, after: MonthFile, number: int) -> str | None:
    if after.rows < before.rows:
        return f"has {after.rows} rows, in snapshot {number} it had {before.rows}"
    if after.min_flight_date > before.min_flight_date or after.max_flight_date < before.max_flight_date:
        return f"has fewer dates than in snapshot {number}"
    if after.max_event_time < before.max_event_time:
        return f"has no event as new as in snapshot {number}"
    return None
