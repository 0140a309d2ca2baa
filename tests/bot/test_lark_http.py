"""Lark over HTTP: what is believed to be Lark's, and what people meet then."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark_oapi.core.model import RawRequest
from lark_oapi.event.dispatcher_handler import EventDispatcherHandler

from bot.adapters.lark import LarkAdapter
from bot.adapters.lark_hook import PATH, LarkHook
from bot.adapters.lark_signing import Keys, Unwelcome, opened, opened_by
from bot.adapters.slack import SlackAdapter
from bot.app import assemble, open_database
from bot.config import Config, Secrets
from bot.opening import lark_apps, lark_keys
from bot.web import Web, WebFailed
from knowledge.embed import HashEmbedder
from knowledge.entry import PUBLIC
from knowledge.search import Knowledge
from tests.bot.running import QUESTION, entry, workspace
from tests.bot.running_lark import ANN, CHAT, Running, app_of, config, tenant
from tests.local_lark import LocalLark
from tests.local_lark.webhook import sealed, signed
from tests.local_slack import LocalSlack

KEY, TOKEN = "an encrypt key", "a token"
KEYS = Keys(token=TOKEN, encrypt=KEY)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT: dict[str, Any] = {"schema": "2.0", "header": {"event_id": "e", "token": TOKEN}, "event": {"文": "字"}}
ASKED = {"type": "url_verification", "challenge": "c", "token": TOKEN}


def at(when: datetime, body: dict[str, Any] = EVENT, key: str = KEY) -> tuple[bytes, dict[str, str]]:
    raw = sealed(body, key)
    return raw, signed(raw, key, when.timestamp())


def test_what_lark_sealed_and_signed_is_opened() -> None:
    assert opened(*at(NOW), KEYS, NOW) == EVENT
    assert opened(sealed(ASKED, KEY), {}, KEYS, NOW) == ASKED  # the question is not signed
    assert opened(json.dumps(EVENT).encode(), {}, Keys(token=TOKEN), NOW) == EVENT


@pytest.mark.parametrize("age", [-299, 299])
def test_five_minutes_are_fresh(age: int) -> None:
    assert opened(*at(NOW + timedelta(seconds=age)), KEYS, NOW) == EVENT


OTHER = {**EVENT, "header": {"event_id": "e", "token": "another"}}
RAW, HEADERS = at(NOW)


@pytest.mark.parametrize(
    ("raw", "headers", "keys", "why"),
    [
        (*at(NOW - timedelta(seconds=301)), KEYS, "not within"),
        (*at(NOW + timedelta(seconds=301)), KEYS, "not within"),
        (*at(NOW, key="another key"), KEYS, "encrypted with another key"),
        (*at(NOW, OTHER), KEYS, "token is another"),
        (*at(NOW, {"schema": "2.0"}), KEYS, "token is another"),
        (RAW + b" ", HEADERS, KEYS, "signature is not"),
        (RAW, {}, KEYS, "signature is not"),
        (RAW, {**HEADERS, "X-Lark-Request-Timestamp": "soon"}, KEYS, "signature is not"),
        (
            json.dumps(EVENT).encode(),
            signed(json.dumps(EVENT).encode(), KEY, NOW.timestamp()),
            KEYS,
            "a plain body",
        ),
        (json.dumps(ASKED).encode(), {}, KEYS, "a plain body"),
        (sealed({**ASKED, "token": "x"}, KEY), {}, KEYS, "token is another"),
        (b'{"encrypt": "AAAA"}', {}, KEYS, "another key"),
        (b'{"encrypt": "not base64"}', {}, KEYS, "another key"),
        (b"[]", {}, Keys(token=TOKEN), "no JSON object"),
        (b"\xff", {}, Keys(token=TOKEN), "no JSON"),
    ],
    ids=lambda given: (
        given if isinstance(given, str) else type(given).__name__
    ),  # bodies differ from run to run
)
def test_what_may_be_somebody_elses_is_refused(
    raw: bytes, headers: dict[str, str], keys: Keys, why: str
) -> None:
    with pytest.raises(Unwelcome, match=why) as refused:
        opened(raw, headers, keys, NOW)
    assert refused.value.status in (400, 401)


def of(app: str, token: str = TOKEN) -> dict[str, Any]:
    return {"schema": "2.0", "header": {"event_id": "e", "token": token, "app_id": app}, "event": {}}


APPS = {
    "cli_1": KEYS,
    "cli_2": Keys(token="another token", encrypt="another key"),
    "cli_plain": Keys(token="a third token"),
}


def test_each_of_several_apps_opens_its_own_events() -> None:
    for app, keys in APPS.items():
        body = of(app, keys.token)
        if keys.encrypt is None:
            assert opened_by(json.dumps(body).encode(), {}, APPS, NOW) == body
        else:
            assert opened_by(*at(NOW, body, keys.encrypt), APPS, NOW) == body
    question = {**ASKED, "token": "another token"}
    assert opened_by(sealed(question, "another key"), {}, APPS, NOW) == question


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (*at(NOW, of("cli_2")), 404),  # the keys of one app speak for no other
        (json.dumps(of("cli_1", "a third token")).encode(), {}, 404),
        (*at(NOW, of("cli_2"), "another key"), 401),
        (*at(NOW, of("cli_2", "another token"), "a key of nobody"), 401),
        (*at(NOW - timedelta(minutes=6), of("cli_2", "another token"), "another key"), 401),
        (json.dumps(of("cli_1")).encode(), {}, 401),
        (b"[]", {}, 400),
    ],
    ids=range(7),
)
def test_the_keys_of_one_app_open_nothing_of_anothers(
    raw: bytes, headers: dict[str, str], status: int
) -> None:
    with pytest.raises(Unwelcome) as refused:
        opened_by(raw, headers, APPS, NOW)
    assert refused.value.status == status
    assert all(f"{app}: " in str(refused.value) for app in APPS)


@given(st.binary(max_size=200))
def test_whatever_is_posted_is_refused_and_harms_nothing(raw: bytes) -> None:
    with pytest.raises(Unwelcome):
        opened(raw, {}, KEYS, NOW)


def test_the_sdk_believes_what_the_local_lark_posts() -> None:
    taken: list[object] = []
    builder = EventDispatcherHandler.builder(KEY, TOKEN)
    handler = builder.register_p2_customized_event("x.y", taken.append).build()
    body = {**EVENT, "header": {"event_id": "e", "token": TOKEN, "event_type": "x.y"}}
    request = RawRequest()
    request.uri, request.body = PATH, sealed(body, KEY)
    request.headers = signed(request.body, KEY)
    assert handler.do(request).status_code == 200 and len(taken) == 1


def test_each_lark_app_has_its_own_address_and_keys() -> None:
    apps = [
        {"id": "cli_1", "secret": "s", "domain": "feishu", "verification_token": "t1", "encrypt_key": "k1"},
        {"id": "cli_2", "secret": "s", "domain": "lark", "verification_token": "t2"},
    ]
    both = Config.model_validate({"lark": {"mode": "http", "apps": apps}})
    environment = Secrets(lark_verification_token="t", lark_encrypt_key="k", lark_app_id="cli_e")
    assert [app.domain for app in lark_apps(both, environment)] == ["feishu", "lark"]
    assert lark_keys(both, environment) == {
        "cli_1": Keys(token="t1", encrypt="k1"),
        "cli_2": Keys(token="t2"),
    }
    one = Config.model_validate({"lark": {"mode": "http", "apps": [{"id": "cli_1", "secret": "s"}]}})
    assert lark_keys(one, environment) == {"cli_1": Keys(token="t", encrypt="k")}
    assert lark_keys(Config(), environment) == {"cli_e": Keys(token="t", encrypt="k")}


# ---- over the wire


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def running(
    lark: LocalLark, folder: Path, more: Sequence[tuple[LocalLark, Keys]] = ()
) -> AsyncIterator[tuple[Running, str]]:
    """``more``: other apps, with their keys."""
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    knowledge = Knowledge(database, HashEmbedder(), folder / "index")
    await knowledge.open()
    await knowledge.learn([entry(audience=PUBLIC)])  # each app is a workspace of its own
    web = Web("127.0.0.1", 0)
    apps = {lark.app_id: KEYS, **{one.app_id: keys for one, keys in more}}
    adapter = LarkAdapter(
        [app_of(one) for one in (lark, *(each for each, _ in more))], hook=LarkHook(apps, web)
    )
    settings = config()
    app = assemble(
        lambda: settings, database, knowledge, [adapter], settle=timedelta(milliseconds=20), web=web
    )
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        await lark.until(lambda: bool(web.url) or task.done())
        lark.post_events_to(web.url + PATH, TOKEN, KEY)
        for one, keys in more:
            one.post_events_to(web.url + PATH, keys.token, keys.encrypt)
        yield Running(app=app, lark=lark, adapter=adapter, database=database), web.url + PATH
    finally:
        stop.set()
        await task
        await knowledge.close()
        database.close()


async def test_a_question_over_http_is_answered_once_and_a_button_counts(
    lark: LocalLark, tmp_path: Path
) -> None:
    async with running(lark, tmp_path):
        asked = lark.say_twice(CHAT, ANN, QUESTION)
        await lark.until(lambda: len(lark.replies(asked)) == 1)
        lark.redeliver(asked)
        click = lark.click(lark.sent()[0].id, ANN, "Helpful")
        await lark.until(lambda: bool(click.answers))
        assert click.answers == [(200, {"toast": {"type": "info", "content": "Thank you."}})]
        await asyncio.sleep(0.4)
    assert len(lark.sent()) == 1
    assert lark.link.opened == 0


async def test_several_apps_post_to_one_address_and_are_answered_each_by_itself(
    lark: LocalLark, tmp_path: Path
) -> None:
    with LocalLark(app_id="cli_second") as second, LocalLark(app_id="cli_plain") as plain:
        more = [(second, Keys(token="t2", encrypt="k2")), (plain, Keys(token="t3"))]
        for one, _ in more:
            tenant(one)
        async with running(lark, tmp_path, more):
            for one in (lark, second, plain):
                asked = one.say(CHAT, ANN, QUESTION)
                await one.until(lambda: len(one.replies(asked)) == 1)
        assert [len(one.sent()) for one in (lark, second, plain)] == [1, 1, 1]
        assert second.violations == plain.violations == []


async def test_the_address_answers_what_lark_asks_and_refuses_the_rest(
    lark: LocalLark, tmp_path: Path
) -> None:
    stranger = {
        **EVENT,
        "header": {"event_id": "e", "token": TOKEN, "app_id": "cli_other", "event_type": "x"},
    }
    async with running(lark, tmp_path) as (_, address), aiohttp.ClientSession() as session:
        for raw, status in (
            (sealed(ASKED, KEY), 200),
            (json.dumps(ASKED).encode(), 401),
            (b"x" * 2_000_000, 413),
            (sealed(stranger, KEY), 404),
        ):
            async with session.post(address, data=io.BytesIO(raw), headers=signed(raw, KEY)) as answer:
                assert answer.status == status
                assert status != 200 or await answer.json() == {"challenge": "c"}


async def test_an_event_that_cannot_be_kept_is_not_acknowledged(lark: LocalLark) -> None:
    failing = [True]

    async def take_in(_: object) -> dict[str, Any]:
        if failing and failing.pop():
            raise OSError("the disk is full")
        return {}

    web = Web("127.0.0.1", 0)
    LarkHook({lark.app_id: KEYS}, web).start(take_in)
    await web.start()
    lark.post_events_to(web.url + PATH, TOKEN, KEY)
    lark.say(CHAT, ANN, "keep this")
    await lark.until(lark.all_acked)
    await web.stop()
    assert [status for status, _ in lark.deliveries[0].answers] == [500, 200]


async def test_an_address_that_is_taken_is_said_so() -> None:
    first = Web("127.0.0.1", 0)
    await first.start()
    port = int(first.url.rpartition(":")[2])
    with pytest.raises(WebFailed, match=f"console.port {port}: .*in use; name others"):
        await Web("127.0.0.1", port).start()
    await first.stop()


async def test_where_the_address_is_taken_what_listens_already_is_closed(
    lark: LocalLark, tmp_path: Path
) -> None:
    first = Web("127.0.0.1", 0)
    await first.start()
    taken = Web("127.0.0.1", int(first.url.rpartition(":")[2]))
    with LocalSlack() as slack:
        workspace(slack)
        database = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
        knowledge = Knowledge(database, HashEmbedder(), None)
        await knowledge.open()
        posted_to = LarkAdapter([app_of(lark)], hook=LarkHook({lark.app_id: KEYS}, taken))
        connected = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
        app = assemble(config, database, knowledge, [connected, posted_to], web=taken)
        with pytest.raises(WebFailed):
            await app.run(asyncio.Event())
        assert slack.sockets_opened == 1
        await slack.until(lambda: not slack.connected())
        await knowledge.close()
        database.close()
    await first.stop()
