"""Errors, one class for each reaction of a caller. Every message says what, where and why."""

from __future__ import annotations


class LakeError(Exception):
    """Base class of the errors that this package raises."""


class ObjectExistsError(LakeError):
    """The object exists already: choose another name, or read the existing object."""


class ObjectMissingError(LakeError):
    """The object does not exist (any more): the plan that named it is old, make a new one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: there is no such object")
        self.name = name


class CreateStateUnknownError(LakeError):
    """The create may have happened or still happen: list, or use a new name; never delete."""


class StoreUnavailableError(LakeError):
    """Storage does not answer: retry later."""


class StoreAccessDeniedError(LakeError):
    """Storage refuses (permissions, bucket, name): a person has to change something."""


class UnreadableError(LakeError):
    """An object of the lake is damaged: leave it out and report it, or refuse to answer."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: cannot be read: {why}")
        self.name = name
        self.why = why


class ForeignSnapshotError(UnreadableError):
    """No compactor can have made this snapshot: stop reading; a person checks it and removes it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.args = (f"{name}: is no snapshot of this table: {why}; {_REMOVE_FOREIGN}",)


_REMOVE_FOREIGN = (
    "nothing was merged or deleted because of it; find out who created it, and remove it as docs/runbook.md says"
    ' under "foreign-snapshot"'
)


class FormatTooNewError(LakeError):
    """A newer program wrote this: upgrade this one."""

    def __init__(self, name: str, version: int, known: int) -> None:
        super().__init__(
            f"{name}: format_version {version} is newer than {known}, which this program knows; upgrade it"
        )
        self.name = name


class SnapshotHistoryLostError(LakeError):
    """Snapshots that existed are gone and have no successor: stop and inspect the bucket."""


class SnapshotNotYetError(LakeError):
    """No snapshot has this number yet: ask for a lower number, or ask again later."""

    def __init__(self, number: int, latest: int) -> None:
        super().__init__(f"snapshot {number} is not there yet; the latest is {latest}")
        self.number = number
        self.latest = latest


class SnapshotExpiredError(LakeError):
    """The snapshot is no longer retained: ask for a higher number."""

    def __init__(self, number: int, min_retained: int) -> None:
        super().__init__(f"snapshot {number} is not retained any more; the oldest that is, is {min_retained}")
        self.number = number
        self.min_retained = min_retained


class PublishError(LakeError):
    """The Delta or Iceberg table cannot be brought up to the snapshots: do what the text says."""


class CacheFullError(LakeError):
    """The files of one query do not fit into the cache: raise its limit or ask for fewer dates."""


class ResourcesExhaustedError(LakeError):
    """Not enough memory or disk: add some, or raise the setting that bounds it."""


class LocalDiskError(LakeError):
    """A folder of this machine cannot be written or read, which says nothing of the lake: make room, or name another.

    Its text names the folder, and how much room there was.
    """


class DiskFullError(LocalDiskError):
    """There is no room, or no quota, for a file: delete what is not needed and try again."""


class TooManyOpenFilesError(LocalDiskError):
    """The process or the machine has as many files open as it may: raise that limit; the disk is well."""


class ConfigError(LakeError):
    """A setting is missing or wrong: correct it and start again."""
