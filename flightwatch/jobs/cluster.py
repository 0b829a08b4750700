"""The same unit of work on a Dask cluster, for archives of years. As always, one process writes: this one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from flightwatch.errors import ConfigError, InputError

ANSWER = "10s"  # a scheduler that does not answer within this time counts as absent


class Cluster(Executor):
    """An executor whose workers are those of a Dask scheduler.

    The workers need this version of flightwatch installed, and must see the archives under the same paths unless these
    are streams. Raises ConfigError without the extra `dask`, InputError if no scheduler answers.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise ConfigError("--scheduler needs Dask: pip install 'flightwatch[dask]'") from None
        try:
            self._client: Any = Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as e:
            raise InputError(f"{address}: no Dask scheduler answers there ({e})") from None

    @property
    def ahead(self) -> int:
        """How many chunks to hand out before the first result is collected: one per thread, and two that wait."""
        return 2 + int(sum(self._client.nthreads().values()))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return self._client.submit(fn, *args, pure=False, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._client.close()
