"""Ways of failing, named by what the caller must do. Every message says what, where and why."""

from __future__ import annotations


class LakeError(Exception):
    """Anything that this package raises on purpose."""


class ObjectExistsError(LakeError):
    """The object was there before this create: choose another name, or read what is there."""


class ObjectMissingError(LakeError):
    """The object is not there (any more): the plan that named it is old, make a new one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: there is no such object")
        self.name = name


class CreateStateUnknownError(LakeError):
    """The create may or may not have happened, or may still happen: look, or use a new name; never delete."""


class StoreUnavailableError(LakeError):
    """Storage does not answer: try again later."""


class StoreAccessDeniedError(LakeError):
    """Storage answers and says no (permissions, bucket, name): a person has to change something."""


class UnreadableError(LakeError):
    """An object of ours is there but is not what it must be: leave it out and report it, or refuse to answer."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: cannot be read: {why}")
        self.name = name
        self.why = why


class FormatTooNewError(LakeError):
    """A newer program wrote this: upgrade this one."""

    def __init__(self, name: str, version: int, known: int) -> None:
        super().__init__(
            f"{name}: format_version {version} is newer than {known}, which this program knows; upgrade it"
        )
        self.name = name


class SnapshotHistoryLostError(LakeError):
    """Snapshots that were seen before are gone without a successor: stop and look at the bucket."""


class SnapshotNotYetError(LakeError):
    """No snapshot has this number yet: ask for an earlier one, or later."""

    def __init__(self, number: int, latest: int) -> None:
        super().__init__(f"snapshot {number} is not there yet; the latest is {latest}")
        self.number = number
        self.latest = latest


class SnapshotExpiredError(LakeError):
    """The snapshot is not retained any more: ask for a later one."""

    def __init__(self, number: int, min_retained: int) -> None:
        super().__init__(f"snapshot {number} is not retained any more; the oldest that is, is {min_retained}")
        self.number = number
        self.min_retained = min_retained


class CacheFullError(LakeError):
    """The files of one question do not fit into the cache: raise its limit or ask for fewer dates."""


class ResourcesExhaustedError(LakeError):
    """This machine has not enough memory or disk for it: give it more, or raise the setting that bounds it."""


class ConfigError(LakeError):
    """A setting is missing or wrong: correct it and start again."""
