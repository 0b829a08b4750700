"""A Slack app with a bot token: one thread per episode, its first message kept up to date, the map as a file."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from flightwatch.errors import DeliveryError
from flightwatch.notify import http
from flightwatch.notify.clean import clean, tidy
from flightwatch.notify.slack import bare, rich
from flightwatch.telling import Message

log = logging.getLogger("flightwatch.notify")

API = "https://slack.com/api"
EVENT = "flightwatch_alert"
"""The metadata that every message carries so that it can be found again: its uid and its thread."""

AGAIN = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
IN_DOUBT = {"internal_error", "fatal_error", "request_timeout"}
"""Slack: "It's possible some aspect of the operation succeeded before the error was raised.\""""
UNREADABLE = {
    "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text", "metadata_too_large",
    "invalid_metadata_format", "invalid_metadata_schema",
}  # fmt: skip

HISTORY_DAYS = 60
"""How far back a thread is searched for: an episode that is quiet for 14 days is closed, and few last two months."""
PAGES = 10
PAGE = 200  # Slack's recommended maximum for conversations.history
REMEMBERED = 500
MOST = 8 * 1024 * 1024
"""Bytes of an answer: a page of history is 200 messages of at most 13 kB of blocks, seldom a tenth of that."""


class SlackBot:
    """Scopes it needs: `chat:write`; `files:write` for the map; `channels:history` (or `groups:history`) to find its
    threads after a restart, and to see whether a doubtful message arrived."""

    spacing_s = 1.0  # Slack, chat.postMessage: one message per second and channel

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = str(settings.name)
        self._roots: OrderedDict[str, tuple[str, str]] = OrderedDict()

    def __repr__(self) -> str:
        return f"SlackBot({self.name!r})"

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        """Post in the episode's thread, update its first message, add the map.

        A doubtful message is searched for first, and not posted again if it is there.
        """
        neat = tidy(message)
        root = self._root(neat, doubtful)
        if doubtful and (found := self._arrived(neat, root)):
            return f"already there, ts {found}"
        place, ts = self._post(message, neat, root, doubtful)
        if root is None:
            self._remember(neat.thread, (place, ts))
        extras = []
        if root is not None:
            extras.append(self._gently("first message", self._refresh, message, neat, root))
        if message.picture:
            extras.append(self._gently("map", self._upload, message.picture, place, root[1] if root else ts))
        return "; ".join([f"ok ts {ts}", *(extra for extra in extras if extra)])

    # -- posting

    def _post(self, message: Message, neat: Message, root: tuple[str, str] | None, doubtful: bool) -> tuple[str, str]:
        where: dict[str, Any] = {"channel": str(self.settings.channel), "metadata": _metadata(neat.uid, neat.thread)}
        if root:
            where["thread_ts"] = root[1]
        try:
            answer = self._call("chat.postMessage", rich(message, doubtful) | where)
        except Unreadable as error:
            log.warning("channel %s: blocks refused (%s), sent as plain text", self.name, error)
            answer = self._call("chat.postMessage", bare(message, doubtful) | where)
        return str(answer.get("channel", where["channel"])), str(answer["ts"])

    def _refresh(self, message: Message, neat: Message, root: tuple[str, str]) -> str:
        """The first message of a thread shows the present state, so that nobody reads an outdated one."""
        first = _metadata(f"{neat.thread}-opened", neat.thread)
        self._call("chat.update", rich(message, False) | {"channel": root[0], "ts": root[1], "metadata": first})
        return ""

    def _upload(self, picture: bytes, place: str, ts: str) -> str:
        """Slack's three steps: ask for an upload address, put the bytes there, say where the file belongs."""
        ticket = self._call("files.getUploadURLExternal", {"filename": "map.png", "length": len(picture)}, form=True)
        url = str(ticket["upload_url"])
        if urlsplit(url).hostname != urlsplit(API).hostname and not str(urlsplit(url).hostname).endswith(".slack.com"):
            raise DeliveryError(f"channel {self.name}: the address for the map is not Slack's")
        what = f"channel {self.name}"
        headers = {"Content-Type": "application/octet-stream"}
        answer = http.post(url, body=picture, headers=headers, what=what, secrets=(self._token(),))
        if answer.status != 200:
            raise http.refused(answer, what)
        files = [{"id": str(ticket["file_id"]), "title": "Map of the flights"}]
        self._call("files.completeUploadExternal", {"files": files, "channel_id": place, "thread_ts": ts})
        return "map added"

    def _gently(self, what: str, step: Any, *args: Any) -> str:
        """A failure after the message itself must not make it look unsent."""
        try:
            return str(step(*args))
        except (DeliveryError, Unreadable, KeyError) as error:
            log.warning("channel %s: %s not updated: %s", self.name, what, error)
            return f"{what} failed"

    # -- finding

    def _root(self, neat: Message, doubtful: bool) -> tuple[str, str] | None:
        """Channel and timestamp of the thread's first message; None if there is none, or if it cannot be searched
        for."""
        if not neat.thread:
            return None
        if neat.thread in self._roots:
            self._roots.move_to_end(neat.thread)
            return self._roots[neat.thread]
        if neat.uid.endswith("-opened") and not doubtful:
            return None
        for post in self._history():
            payload = _payload(post)
            if payload.get("thread") == neat.thread and post.get("thread_ts", post.get("ts")) == post.get("ts"):
                root = (str(self.settings.channel), str(post["ts"]))
                self._remember(neat.thread, root)
                return root
        return None

    def _arrived(self, neat: Message, root: tuple[str, str] | None) -> str:
        """The timestamp of a message with this uid, in its thread or in the channel; empty if it is not there."""
        found = self._replies(root) if root else self._history()
        return next((str(post["ts"]) for post in found if _payload(post).get("uid") == neat.uid), "")

    def _history(self) -> list[dict[str, Any]]:
        oldest = f"{time.time() - HISTORY_DAYS * 86400:.6f}"
        return self._pages("conversations.history", {"channel": str(self.settings.channel), "oldest": oldest})

    def _replies(self, root: tuple[str, str]) -> list[dict[str, Any]]:
        return self._pages("conversations.replies", {"channel": root[0], "ts": root[1]})

    def _pages(self, method: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """All messages; none, with a log line, if the app may not read the channel."""
        out: list[dict[str, Any]] = []
        query = query | {"limit": PAGE, "include_all_metadata": "true"}
        for _ in range(PAGES):
            try:
                answer = self._call(method, query, form=True)
            except DeliveryError as error:
                if not error.permanent:
                    raise
                log.warning("channel %s: cannot search its threads: %s", self.name, error)
                return out
            out += answer.get("messages", ())
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                break
            query["cursor"] = cursor
        return out

    def _remember(self, thread: str, root: tuple[str, str]) -> None:
        if thread:
            self._roots[thread] = root
            while len(self._roots) > REMEMBERED:
                self._roots.popitem(last=False)

    # -- calling

    def _token(self) -> str:
        return str(self.settings.secret("token")).strip()

    def _call(self, method: str, payload: dict[str, Any], *, form: bool = False) -> dict[str, Any]:
        what, token = f"channel {self.name}", self._token()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        body = msgspec.json.encode(payload)
        if form:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urlencode(payload).encode()
        answer = http.post(f"{API}/{method}", body=body, headers=headers, what=what, secrets=(token,), most=MOST)
        if answer.status != 200:
            raise http.refused(answer, what)
        try:
            said = msgspec.json.decode(answer.text.encode(), type=dict[str, Any])
        except msgspec.MsgspecError:
            raise DeliveryError(f"{what}: {method} answered what is not JSON", in_doubt=True) from None
        if said.get("ok"):
            return said
        error = clean(str(said.get("error", "no reason given")), 80)
        if error in UNREADABLE:
            raise Unreadable(error)
        raise DeliveryError(
            f"{what}: {method}: {error}",
            permanent=error not in AGAIN,
            retry_after=answer.retry_after,
            in_doubt=error in IN_DOUBT,
        )


class Unreadable(DeliveryError):
    """Slack could not accept the message in this form."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


def _metadata(uid: str, thread: str) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"uid": uid, "thread": thread}}


def _payload(post: dict[str, Any]) -> dict[str, Any]:
    metadata = post.get("metadata") or {}
    found = metadata.get("event_payload") if metadata.get("event_type") == EVENT else None
    return found if isinstance(found, dict) else {}
