"""One channel's worker: takes what is due, sends it, records the result at once. One runs per channel."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify import Channel, outbox
from flightwatch.notify.digest import digest
from flightwatch.notify.outbox import Policy, State, Verdict
from flightwatch.telling import Delivery, Message

log = logging.getLogger("flightwatch.notify")


class Rows(Protocol):
    """The outbox as stored."""

    def deliveries(self, *, state: str, channel: str) -> list[Delivery]: ...

    def claim_delivery(self, id: int, now: datetime) -> Delivery | None: ...

    def finish_delivery(
        self, id: int, state: str, *, answer: str, next_try: datetime | None, sent: datetime | None,
        doubtful: bool | None,
    ) -> None: ...  # fmt: skip


@dataclass(frozen=True)
class Trouble:
    """What must be reported by another channel: a channel that broke, messages given up, a channel that works again."""

    channel: str
    kind: str
    text: str
    titles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clock:
    """Time as the worker sees it; `pause` waits and returns whether to stop."""

    now: Callable[[], datetime]
    pause: Callable[[float], bool]


@dataclass(frozen=True)
class Worker:
    """Everything that one channel's worker needs; the channel's state is passed in and returned.

    `keep` stores that state after every try, so that a crash does not forget what the provider asked for. `crash_point`
    is called at named places, for tests that kill there: claimed, after_send, finished.
    """

    channel: Channel
    rows: Rows
    policy: Policy
    clock: Clock
    rng: random.Random
    keep: Callable[[State], None] = lambda state: None
    crash_point: Callable[[str], None] = lambda name: None

    def drain(self, state: State, *, budget_s: float = 60.0) -> tuple[State, list[Trouble]]:
        """Send until nothing is due, the channel must be left alone, or the budget is used up."""
        troubles: list[Trouble] = []
        until = self.clock.now() + timedelta(seconds=budget_s)
        while (now := self.clock.now()) < until:
            free = outbox.free_at(state, self.policy)
            wait = (free - now).total_seconds() if free is not None else 0.0
            if wait > 0:
                if wait > self.policy.spacing_s or self.clock.pause(wait):
                    break
                continue
            due = outbox.batch(self.rows.deliveries(state="pending", channel=self.channel.name), self.policy, now)
            claimed = [d for d in (self.rows.claim_delivery(d.id, now) for d in due) if d is not None]
            if not claimed:
                break
            self.crash_point("claimed")
            state, found = self._attempt(claimed, state)
            troubles += found
            self.keep(state)
            self.crash_point("finished")
        return state, troubles

    def _attempt(self, claimed: Sequence[Delivery], state: State) -> tuple[State, list[Trouble]]:
        if self.policy.at_most_once:
            claimed = _drop_doubtful(self.rows, claimed)
            if not claimed:
                return state, []
        name, doubtful = self.channel.name, any(delivery.doubtful for delivery in claimed)
        try:
            answer = _send(self.channel, digest(outbox.messages(claimed)), doubtful)
        except DeliveryError as error:
            now = self.clock.now()
            verdicts = [outbox.failed(delivery, error, self.policy, now, self.rng) for delivery in claimed]
            _finish(self.rows, claimed, verdicts)
            log.warning("%s", error)
            return outbox.after_failure(state, error, now, self.rng), _troubles(name, claimed, verdicts, error, state)
        self.crash_point("after_send")
        now = self.clock.now()
        _finish(self.rows, claimed, [outbox.sent(answer, now)] * len(claimed))
        if state.failures:
            _hurry(self.rows, name, now)
        back = [Trouble(name, "recovered", f"channel {name} works again")] if state.broken else []
        return outbox.after_success(state, now), back


def _send(channel: Channel, message: Message, doubtful: bool) -> str:
    """Any unforeseen error in a channel is a failed try, never a dead worker."""
    try:
        return channel.send(message, doubtful=doubtful)
    except DeliveryError:
        raise
    except ConfigError as error:
        raise DeliveryError(str(error), permanent=True) from None
    except Exception as error:
        log.exception("channel %s failed unexpectedly", channel.name)
        raise DeliveryError(f"channel {channel.name}: {type(error).__name__}", in_doubt=True) from None


def _finish(rows: Rows, claimed: Sequence[Delivery], verdicts: Sequence[Verdict]) -> None:
    for delivery, v in zip(claimed, verdicts, strict=True):
        rows.finish_delivery(
            delivery.id, v.state, answer=v.answer, next_try=v.next_try, sent=v.sent, doubtful=v.doubtful
        )


def _hurry(rows: Rows, channel: str, now: datetime) -> None:
    """After an outage, messages do not wait out their old delays."""
    for delivery in rows.deliveries(state="pending", channel=channel):
        if delivery.attempts and delivery.next_try > now:
            rows.finish_delivery(
                delivery.id, "pending", answer=delivery.answer, next_try=now, sent=None, doubtful=delivery.doubtful
            )


def _drop_doubtful(rows: Rows, claimed: Sequence[Delivery]) -> list[Delivery]:
    """With at-most-once, a message that may have arrived is not sent again."""
    kept = []
    for delivery in claimed:
        if delivery.doubtful:
            verdict = Verdict("dead", "perhaps it arrived, so it is not repeated (delivery = at-most-once)")
            _finish(rows, [delivery], [verdict])
        else:
            kept.append(delivery)
    return kept


def _troubles(
    channel: str, claimed: Sequence[Delivery], verdicts: Sequence[Verdict], error: DeliveryError, before: State
) -> list[Trouble]:
    dead = tuple(str(d.message.get("title", "")) for d, v in zip(claimed, verdicts, strict=True) if v.state == "dead")
    if error.permanent and not before.broken:
        return [Trouble(channel, "broken", str(error), dead)]
    return [Trouble(channel, "dead", str(error), dead)] if dead else []
