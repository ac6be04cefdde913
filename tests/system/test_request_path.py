"""How far one question travels: the files of ours that a reader has to open to follow it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from lakehouse import object_names
from lakehouse.store.memory import MemoryStore
from tests._support.api import serving
from tests._support.lake_builder import LakeBuilder, event
from tests._support.visited_files import VisitedFiles

MOST_FILES = 24
"""What it is; a real process adds `server/http_protocol.py`. It may fall, never rise."""


def test_few_files_are_visited_when_a_warm_question_is_answered() -> None:
    """The plan is fresh, the files are on disk, and this very question was not asked before."""
    lake = LakeBuilder(MemoryStore())
    lake.land(event(), event(carrier="AA", flight_number=1))
    lake.merge()
    lake.land(event(flight_number=2))
    visited = VisitedFiles(("lakehouse", "query_service"))
    with visited.on_all_threads(), serving(lake.store, plan_max_age_s=3600) as api:
        assert api.rows("/v1/stats?carrier=AA")[0]["flights"] == 1
        with visited.recording():
            assert api.rows("/v1/stats?carrier=UA")[0]["flights"] == 2
    assert {"query_service/api/routes.py", "query_service/engine/database.py"} <= set(visited.names)
    assert len(visited.names) <= MOST_FILES, str(visited)


def test_a_file_is_visited_when_its_function_runs_on_another_thread() -> None:
    visited = VisitedFiles(("lakehouse",))
    with visited.on_all_threads(), ThreadPoolExecutor(1) as threads:
        threads.submit(object_names.month_of, dt.date(2013, 1, 1)).result()
        assert not visited.names
        with visited.recording():
            threads.submit(object_names.month_of, dt.date(2013, 1, 1)).result()
    assert visited.names == ["lakehouse/object_names.py"]
