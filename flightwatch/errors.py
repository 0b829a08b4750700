"""The family of errors. What happens to a failed step depends on its class and on `permanent`, nothing else."""

from __future__ import annotations


class FlightwatchError(Exception):
    """Anything that can be reported to a user in one clear line. `exit_code` is the exit code of the command
    (sysexits.h)."""

    exit_code = 1


class UsageError(FlightwatchError):
    """The command was called with an impossible argument: an unknown route, an alert that does not exist."""

    exit_code = 2


class ConfigError(FlightwatchError):
    """The configuration cannot be used. The text names the file, the key and what to do."""

    exit_code = 78


class InputError(FlightwatchError):
    """A file is not what it should be. The text names the file, the line or field, and what was expected."""

    exit_code = 74


class StoreError(FlightwatchError):
    """The database cannot be reached, read or written. The text never holds a password.

    `kind` says what to do about it: `busy` and `gone` (locked, unreachable) pass by themselves, `full` (the disk) needs
    room before anything is written, `missing` and `schema` need a person, `other` is anything else.
    """

    exit_code = 74

    def __init__(self, message: str, *, kind: str = "other") -> None:
        super().__init__(message)
        self.kind = kind


class NotLeaderError(FlightwatchError):
    """Another daemon leads this database."""

    exit_code = 75


class SourceError(FlightwatchError):
    """A feed did not answer as it should.

    `outcome` is one of `records.OUTCOMES`; `retry_after` is in seconds if the provider gave one. `permanent` means that
    asking again gives the same answer until somebody changes the configuration.
    """

    exit_code = 69

    def __init__(
        self, message: str, *, outcome: str, permanent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.permanent = permanent
        self.retry_after = retry_after


class DeliveryError(FlightwatchError):
    """A channel did not accept a message.

    `permanent` means that the same message to the same channel will never be accepted. `in_doubt` means that it may
    have been accepted although we never saw the answer, so the next try is marked as a possible repeat.
    """

    exit_code = 69

    def __init__(
        self, message: str, *, permanent: bool = False, retry_after: float | None = None, in_doubt: bool = False
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.in_doubt = in_doubt
