"""The outside world in its own process: a feed, a mail server and a Slack endpoint on loopback.

`python -m benchmarks.torture.servers FOLDER ROUTES` prints their ports as JSON and runs until its stdin ends. The
feed's time is in FOLDER/clock (a cycle's number); what was taken is written to FOLDER/taken.jsonl. While FOLDER/hang
exists, the feed never answers, and shows this by making FOLDER/hanging.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.torture.databases import ROOT


@dataclass(frozen=True)
class Outside:
    """Where the servers are, and what they have taken so far."""

    folder: Path
    feed: str
    smtp: int
    slack: str

    def set_cycle(self, cycle: float) -> None:
        part = self.folder / "clock.part"
        part.write_text(str(cycle))
        part.rename(self.folder / "clock")

    def taken(self) -> list[dict[str, Any]]:
        """`channel`, `uid` and `text` of each message that was accepted."""
        file = self.folder / "taken.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@contextmanager
def outside(folder: Path, routes: int) -> Iterator[Outside]:
    """The servers, started in another process so that this one stays without threads and can fork."""
    (folder / "clock").write_text("0")
    command = [sys.executable, "-m", "benchmarks.torture.servers", str(folder), str(routes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        told = json.loads(process.stdout.readline())
        (folder / "slack-webhook").write_text(told["slack"])
        (folder / "slack-webhook").chmod(0o600)
        yield Outside(folder, told["feed"], told["smtp"], told["slack"])
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def main(folder: Path, routes: int) -> None:
    from benchmarks.torture import story
    from tests.fakes.http import HttpServer, Request
    from tests.fakes.smtp import Mail, MailServer

    lock = threading.Lock()

    def keep(channel: str, uid: str, text: str) -> None:
        with lock, (folder / "taken.jsonl").open("a") as file:
            file.write(json.dumps({"channel": channel, "uid": uid, "text": text}) + "\n")

    def mailed(mail: Mail) -> None:
        message = mail.message
        subject = str(message["Subject"]).strip()  # a long one begins on a line of its own, after a space
        keep("email", str(message["Message-ID"]), subject)

    def posted(request: Request) -> str:
        body = request.json
        keep("slack", body["text"].removeprefix("(may be a repeat) "), body["text"])
        return "200 ok"

    def answered(request: Request) -> tuple[int, dict[str, str], bytes] | str:
        if (folder / "hang").exists():
            (folder / "hanging").touch()
            return "hang"
        cycle = float((folder / "clock").read_text())
        now = round(story.moment(cycle).timestamp() * 1000)
        aircraft = story.heard(cycle, routes)
        body = {"ac": aircraft, "msg": "No error", "now": now, "total": len(aircraft), "ctime": now, "ptime": 1}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    with HttpServer(answer=answered) as feed, HttpServer(answer=posted) as slack, MailServer(on_mail=mailed) as mail:
        told = {"feed": feed.url, "smtp": mail.port, "slack": f"{slack.url}/services/T00000000/B00000000/torture"}
        print(json.dumps(told), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
