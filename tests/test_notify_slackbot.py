"""The Slack bot with a workspace simulated by a local server: threads, updates, the map, and doubtful messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from flightwatch import notify
from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify import slackbot
from flightwatch.telling import Message
from tests.fakes.http import HttpServer
from tests.fakes.slack import Workspace
from tests.test_notify_send import settings

OPENED = Message("alert-3-x-opened", "alert-3-x", "[flightwatch] HIGH three flights", "3 flights.", "high")
UPDATED = replace(OPENED, uid="alert-3-x-updated-2", title="[flightwatch] HIGH update: five flights")
CLOSED = replace(OPENED, uid="alert-3-x-closed", title="[flightwatch] CLOSED five flights")


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    with Workspace() as workspace:
        monkeypatch.setattr(slackbot, "API", workspace.api)
        yield workspace


def bot(**values: Any) -> notify.Channel:
    return notify.build(settings("slack-bot", **({"channel": "C0DESK", "token": "xoxb-test-token"} | values)))


def test_an_episode_is_one_thread_whose_first_message_shows_how_things_stand(slack: Workspace) -> None:
    channel = bot()
    for message in (OPENED, UPDATED, CLOSED):
        assert channel.send(message).startswith("ok ts ")

    first, update, closed = slack.posts
    assert update["thread_ts"] == closed["thread_ts"] == first["ts"]
    assert "CLOSED five flights" in first["text"]
    assert "update: five flights" in update["text"]


def test_after_a_restart_the_thread_is_found_again(slack: Workspace) -> None:
    for number in range(5):
        bot().send(replace(OPENED, uid=f"alert-9{number}-x-opened", thread=f"alert-9{number}-x"))
    bot().send(OPENED)
    for number in range(5, 9):
        bot().send(replace(OPENED, uid=f"alert-9{number}-x-opened", thread=f"alert-9{number}-x"))

    bot().send(UPDATED)

    assert slack.posts[-1]["thread_ts"] == slack.posts[5]["ts"]


def test_a_doubtful_message_that_arrived_is_not_posted_again(slack: Workspace) -> None:
    slack.fail("chat.postMessage", "taken-reset")
    with pytest.raises(DeliveryError) as caught:
        bot().send(OPENED)

    answer = bot().send(OPENED, doubtful=True)

    assert caught.value.in_doubt
    assert answer.startswith("already there")
    assert len(slack.posts) == 1


def test_a_doubtful_update_is_looked_for_in_its_thread(slack: Workspace) -> None:
    bot().send(OPENED)
    slack.fail("chat.postMessage", "taken-reset")
    with pytest.raises(DeliveryError):
        bot().send(UPDATED)

    assert bot().send(UPDATED, doubtful=True).startswith("already there")
    assert bot().send(CLOSED, doubtful=True).startswith("ok")
    assert len(slack.posts) == 3


def test_the_map_is_uploaded_into_the_thread(slack: Workspace) -> None:
    answer = bot().send(replace(OPENED, picture=b"\x89PNG map"))

    assert answer.endswith("map added")
    assert list(slack.uploads.values()) == [b"\x89PNG map"]
    assert slack.files[0]["thread_ts"] == slack.posts[0]["ts"]
    assert slack.files[0]["channel_id"] == "C0DESK"


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_a_map_that_cannot_be_uploaded_does_not_make_the_message_unsent(slack: Workspace, method: str) -> None:
    slack.fail(method, "missing_scope")

    answer = bot().send(replace(OPENED, picture=b"\x89PNG map"))

    assert answer.endswith("map failed")
    assert len(slack.posts) == 1


def test_an_app_that_may_not_read_the_channel_still_posts(slack: Workspace) -> None:
    bot().send(OPENED)
    slack.fail("conversations.history", "missing_scope")

    assert bot().send(UPDATED).startswith("ok")
    assert "thread_ts" not in slack.posts[1]


@pytest.mark.parametrize(
    ("reply", "permanent", "in_doubt"),
    [
        ("invalid_auth", True, False),
        ("channel_not_found", True, False),
        ("is_archived", True, False),
        ("not_in_channel", True, False),
        ("ratelimited", False, False),
        ("fatal_error", False, True),
        ("service_unavailable", False, False),
        ("429 Retry-After=7 slow", False, False),
        ("503 x", False, False),
        ("reset", False, True),
    ],
)
def test_what_an_error_of_slack_means(slack: Workspace, reply: str, permanent: bool, in_doubt: bool) -> None:
    slack.fail("chat.postMessage", reply)

    with pytest.raises(DeliveryError) as caught:
        bot().send(OPENED)

    assert (caught.value.permanent, caught.value.in_doubt) == (permanent, in_doubt)
    assert caught.value.retry_after == (7.0 if reply.startswith("429") else None)
    assert "xoxb" not in str(caught.value)


def test_blocks_that_slack_refuses_are_posted_as_plain_text(slack: Workspace) -> None:
    slack.fail("chat.postMessage", "invalid_blocks")

    bot().send(OPENED)

    assert "blocks" not in slack.posts[0]
    assert "three flights" in slack.posts[0]["text"]


def test_a_wrong_token_is_final_and_not_shown(slack: Workspace) -> None:
    with pytest.raises(DeliveryError) as caught:
        bot(token="xoxb-wrong-secret-token").send(OPENED)

    assert caught.value.permanent
    assert "wrong-secret" not in str(caught.value)


# -- Apprise ----------------------------------------------------------------------------------------------------


def test_apprise_reaches_a_service() -> None:
    pytest.importorskip("apprise")
    with HttpServer() as server:
        answer = notify.build(settings("apprise", urls=f"json://127.0.0.1:{server.port}/x\n")).send(OPENED)

    assert answer == "handed to 1 service"
    assert server.taken[0].json["title"] == OPENED.title
    assert "3 flights." in server.taken[0].json["message"]


def test_apprise_that_fails_is_tried_again() -> None:
    pytest.importorskip("apprise")
    with HttpServer(default="500 x") as server, pytest.raises(DeliveryError) as caught:
        notify.build(settings("apprise", urls=f"json://127.0.0.1:{server.port}/x")).send(OPENED)

    assert not caught.value.permanent


def test_an_address_apprise_does_not_know_is_final_and_not_shown() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(DeliveryError) as caught:
        notify.build(settings("apprise", urls="nonsense://user:pa55word@x")).send(OPENED)

    assert caught.value.permanent
    assert "pa55word" not in str(caught.value)


def test_without_the_extra_the_channel_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "apprise", None)

    with pytest.raises(ConfigError, match=r"flightwatch\[apprise\]"):
        notify.build(settings("apprise", urls="json://127.0.0.1/x")).send(OPENED)
