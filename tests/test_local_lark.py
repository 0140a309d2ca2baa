"""The local Lark, held against the SDK's own clients: what they send is understood, what it sends they understand."""

import json
from collections.abc import Iterator
from typing import Any

import lark_oapi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark_oapi.core.token.manager import TokenManager
from lark_oapi.ws import client as sdk
from lark_oapi.ws.pb.pbbp2_pb2 import Frame as SdkFrame

from bot.adapters import lark_socket
from tests.local_lark import Frame, LocalLark, Said, decode, encode
from tests.local_lark.cards import problems
from tests.local_lark.frames import BadFrame

CHAT, ANN = "oc_help", "ou_ann"


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    TokenManager.cache.cache.clear()  # the SDK keeps tokens by app id alone, for the whole process
    with LocalLark() as local:
        local.add_user(ANN, "Ann")
        local.add_chat(CHAT, "help", members=[ANN])
        yield local


def client(lark: LocalLark) -> Any:
    return lark_oapi.Client.builder().app_id(lark.app_id).app_secret(lark.app_secret).domain(lark.url).build()


def call(lark: LocalLark, method: str, uri: str, body: Any = None, **query: str) -> tuple[int, Any]:
    """Code and data of a call that the SDK's own HTTP client makes."""
    request = lark_oapi.BaseRequest()
    request.http_method = lark_oapi.HttpMethod[method]
    request.uri, request.body = uri, body
    request.queries = list(query.items())
    request.token_types = {lark_oapi.AccessTokenType.TENANT}
    answer = json.loads(client(lark).request(request).raw.content)
    return answer["code"], answer.get("data")


def reply(lark: LocalLark, root: str, text: str, uuid: str, **more: Any) -> tuple[int, Any]:
    body = {"msg_type": "text", "content": json.dumps({"text": text}), "uuid": uuid, **more}
    return call(lark, "POST", f"/open-apis/im/v1/messages/{root}/reply", body)


texts = st.text(max_size=20)
numbers = st.integers(min_value=0, max_value=2**31 - 1)


@given(
    headers=st.dictionaries(texts, texts, max_size=4),
    payload=st.binary(max_size=300),
    service=numbers,
    log=numbers,
)
def test_frames_are_what_the_sdks_protobuf_makes_of_them(
    headers: dict[str, str], payload: bytes, service: int, log: int
) -> None:
    ours = Frame(service=service, method=1, headers=headers, payload=payload, log=log)
    theirs = SdkFrame()
    theirs.ParseFromString(encode(ours))
    assert {header.key: header.value for header in theirs.headers} == headers
    assert (theirs.service, theirs.method, theirs.payload, theirs.LogID) == (service, 1, payload, log)
    assert decode(theirs.SerializeToString()) == ours


@given(st.binary(max_size=60))
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    try:
        decode(data)
    except (BadFrame, UnicodeDecodeError):
        return
    assert SdkFrame().ParseFromString(data)


def test_an_answer_in_a_topic_with_the_same_uuid_is_one(lark: LocalLark) -> None:
    asked = lark.say(CHAT, ANN, "why?")
    first = reply(lark, asked, "so", "u1", reply_in_thread=True)
    assert first == reply(lark, asked, "so", "u1", reply_in_thread=True)
    topic = first[1]["thread_id"]
    code, listed = call(
        lark, "GET", "/open-apis/im/v1/messages", container_id_type="thread", container_id=topic
    )
    assert code == 0
    assert [item["message_id"] for item in listed["items"]] == [asked, first[1]["message_id"]]
    assert lark.violations == []


def test_six_messages_in_a_second_are_one_too_many(lark: LocalLark) -> None:
    asked = lark.say(CHAT, ANN, "why?")
    codes = [reply(lark, asked, "so", f"u{number}")[0] for number in range(6)]
    assert codes == [0] * 5 + [230020]
    assert lark.violations == [f"6 messages in a second to {CHAT}", *lark.violations[1:]]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"msg_type": "text", "content": "{}"}, "uuid"),
        ({"msg_type": "text", "uuid": "u"}, "missing content"),
        ({"msg_type": "text", "content": '{"text": "a"}', "uuid": "u", "colour": 1}, "unknown field colour"),
        ({"msg_type": "text", "content": {"text": "a"}, "uuid": "u"}, "not JSON in a string"),
        ({"msg_type": "interactive", "content": '{"schema": "2.0"}', "uuid": "u"}, "update_multi"),
    ],
)
def test_what_lark_would_not_take_is_a_violation(lark: LocalLark, body: dict[str, Any], why: str) -> None:
    asked = lark.say(CHAT, ANN, "why?")
    code, _ = call(lark, "POST", f"/open-apis/im/v1/messages/{asked}/reply", body)
    assert code != 0
    assert why in "".join(lark.violations)


SUBMIT = {
    "tag": "button",
    "name": "send",
    "text": {"tag": "plain_text", "content": "Send"},
    "form_action_type": "submit",
    "behaviors": [{"type": "callback", "value": {}}],
}


@pytest.mark.parametrize(
    "element",
    [
        {"tag": "action", "actions": []},
        {"tag": "markdown", "content": "x", "colour": "red"},
        {"tag": "button", "text": {"tag": "plain_text", "content": "x"}, "value": "x"},
        {"tag": "div", "text": {"tag": "plain_text", "content": ""}},
        {"tag": "form", "name": "f", "elements": [{"tag": "input", "name": "i"}]},
        {"tag": "form", "name": "f", "elements": [{"tag": "checker", "text": {}}, SUBMIT]},
        {"tag": "form", "name": "f", "elements": [{"tag": "checker", "name": "c", "value": "x"}, SUBMIT]},
        {"tag": "form", "name": "f", "elements": [{"tag": "input"}, SUBMIT]},
        {"tag": "input", "name": "i", "max_length": 3000},
        {"tag": "input", "name": "i", "max_length": 2, "default_value": "abc"},
        {"tag": "input", "name": "i", "rows": 3},
        {"tag": "input", "name": "i", "required": "yes"},
        {"tag": "input", "name": "i", "value": "x"},
    ],
)
def test_a_card_with_what_2_0_does_not_know_is_refused(element: dict[str, Any]) -> None:
    config = {"update_multi": True}
    assert problems({"schema": "2.0", "config": config, "body": {"elements": [element]}}) != []


def test_without_a_permission_the_call_is_denied_and_the_permission_named(lark: LocalLark) -> None:
    lark.api.scopes = ()
    code, _ = call(lark, "GET", f"/open-apis/im/v1/chats/{CHAT}")
    assert code == 99991672 and lark.violations == []


def test_a_forward_is_read_with_what_it_holds(lark: LocalLark) -> None:
    sent = lark.say(
        CHAT, ANN, type="merge_forward", content={}, children=(Said(chat=CHAT, user=ANN, text="a"),)
    )
    _, data = call(lark, "GET", f"/open-apis/im/v1/messages/{sent}")
    assert [item.get("upper_message_id") for item in data["items"]] == [None, sent]


def test_the_sdks_loop_is_the_one_of_the_thread() -> None:
    assert isinstance(sdk.loop, lark_socket._LoopOfTheThread)
