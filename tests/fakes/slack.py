"""A Slack workspace with one channel, on top of the local HTTP server: what the bot's methods do is kept in lists.

    with Workspace() as slack:
        slackbot.API = slack.api
        ...
    slack.posts[0]["text"]

`errors` maps a method to replies for its next calls: an error word of Slack, or a whole HTTP reply ("429 …", "reset").
"taken-reset" posts the message and cuts the connection.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.http import HttpServer, Request


class Workspace:
    def __init__(self, channel: str = "C0DESK", token: str = "xoxb-test-token") -> None:
        self.channel, self.token = channel, token
        self.posts: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.uploads: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.errors: dict[str, deque[str]] = {}
        self._server = HttpServer(answer=self._answer)

    @property
    def api(self) -> str:
        return f"{self._server.url}/api"

    def __enter__(self) -> Workspace:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def fail(self, method: str, *replies: str) -> None:
        self.errors[method] = deque(replies)

    def thread(self, ts: str) -> list[dict[str, Any]]:
        return [post for post in self.posts if ts in (post["ts"], post.get("thread_ts"))]

    def _answer(self, request: Request) -> str | tuple[int, dict[str, str], bytes]:
        method = urlsplit(request.path).path.rpartition("/")[2]
        self.calls.append(method)
        if method.startswith("upload-"):
            self.uploads[method] = request.body
            return "200 OK"
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _said({"ok": False, "error": "invalid_auth"})
        waiting = self.errors.get(method)
        reply = waiting.popleft() if waiting else ""
        if reply == "taken-reset":
            self._do(method, request)
            return "taken-reset"
        if reply[:3].isdigit() or reply in ("reset", "hang"):
            return reply
        return _said({"ok": False, "error": reply} if reply else self._do(method, request))

    def _do(self, method: str, request: Request) -> dict[str, Any]:
        if "json" in request.headers.get("Content-Type", ""):
            given = request.json
        else:
            given = {key: values[0] for key, values in parse_qs(request.body.decode()).items()}
        if given.get("channel", self.channel) != self.channel:
            return {"ok": False, "error": "channel_not_found"}
        return getattr(self, "_" + method.replace(".", "_"))(given)  # type: ignore[no-any-return]

    def _chat_postMessage(self, given: dict[str, Any]) -> dict[str, Any]:
        ts = f"{1734000000 + len(self.posts)}.000100"
        self.posts.append(given | {"ts": ts})
        return {"ok": True, "channel": self.channel, "ts": ts}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        post = next((post for post in self.posts if post["ts"] == given["ts"]), None)
        if post is None:
            return {"ok": False, "error": "message_not_found"}
        post.update(given)
        return {"ok": True, "ts": given["ts"]}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        roots = [post for post in reversed(self.posts) if "thread_ts" not in post]
        start = int(given.get("cursor") or 0)
        page = roots[start : start + 2]  # small pages, so that the cursor is used
        more = str(start + 2) if start + 2 < len(roots) else ""
        return {"ok": True, "messages": page, "response_metadata": {"next_cursor": more}}

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "messages": self.thread(given["ts"])}

    def _files_getUploadURLExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"F{len(self.files) + len(self.uploads)}"
        return {"ok": True, "upload_url": f"{self._server.url}/upload-{name}?token=once", "file_id": name}

    def _files_completeUploadExternal(self, given: dict[str, Any]) -> dict[str, Any]:
        self.files.append(given)
        return {"ok": True, "files": given["files"]}


def _said(answer: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
