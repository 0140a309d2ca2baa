"""The local Claude API refuses what the real one refuses, and no test can reach the real one."""

import os
import socket
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from tests.local_anthropic import Finds, LocalAnthropic, Says

MESSAGE: dict[str, Any] = {
    "model": "claude-haiku-5-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}


@pytest.fixture
def api() -> Iterator[LocalAnthropic]:
    with LocalAnthropic() as local:
        local.otherwise = Says("Hello to you")
        yield local


@pytest.fixture
def client(api: LocalAnthropic) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=api.key, base_url=api.base_url, max_retries=0) as client:
        yield client


RESULT: dict[str, Any] = {
    "type": "search_result",
    "source": "s1",
    "title": "Gates",
    "content": [{"type": "text", "text": "Restart the gate."}],
    "citations": {"enabled": True},
}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
MARKED = {"type": "text", "text": "Rules.", "cache_control": {"type": "ephemeral"}}


def asking(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


def schema(**changes: Any) -> dict[str, Any]:
    form = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    return {"output_config": {"format": {"type": "json_schema", "schema": form | changes}}}


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"temperature": 0.2}, "temperature: Extra inputs are not permitted"),
        ({"top_p": 0.2}, "top_p: Extra inputs are not permitted"),
        ({"output_format": {}}, "output_format: Extra inputs are not permitted"),
        ({"model": "claude-2"}, "model: 'claude-2' does not exist"),
        ({"max_tokens": 0}, "max_tokens: must be between 1 and 64000"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": []}, "messages: the first must be the user's"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages: the first must be the user's"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages: text content must be non-empty"),
        ({"messages": [{"role": "user", "text": "Hi"}]}, "messages: ['role', 'text'] is no turn"),
        ({"system": 1}, "system: has the wrong type"),
        ({"output_config": {"schema": {}}}, "output_config.schema: Extra inputs are not permitted"),
        ({"output_config": {"format": {"type": "json"}}}, "output_config.format: must be a json_schema"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort: 'huge' is no effort"),
        (asking(RESULT) | schema(), "citations: cannot be used with output_config.format"),
        (asking(RESULT, RESULT | {"citations": {"enabled": False}}), "enabled for all search results or none"),
        (asking(RESULT | {"content": []}), "needs a source, a title and content"),
        (asking(RESULT | {"content": [{"type": "text", "text": " "}]}), "text blocks that are not empty"),
        (asking(RESULT | {"score": 1}), "content.search_result: has"),
        (asking({"type": "text", "text": " "}), "must contain non-whitespace text"),
        (asking({"type": "video"}), "'video' is no type of block"),
        (asking(IMAGE | {"source": IMAGE["source"] | {"data": "?"}}), "is not base64"),  # type: ignore[operator]
        (asking(IMAGE | {"source": IMAGE["source"] | {"media_type": "image/tiff"}}), "image/tiff"),  # type: ignore[operator]
        ({"system": [MARKED] * 5}, "5 blocks are marked, at most 4"),
        ({"system": [RESULT]}, "'search_result' is no type of block here"),
        (schema(additionalProperties=True), "output_config.format.schema: additionalProperties must be false"),
        (schema(required=[]), "output_config.format.schema: all properties must be required"),
        (schema(maxProperties=3), "output_config.format.schema: maxProperties is not supported"),
        (schema(properties={"a": {"type": "array", "items": {"minLength": 1}}}), ".a[]: minLength is not supported"),
    ],
)  # fmt: skip
def test_what_the_api_refuses_is_refused_and_noted(
    changes: dict[str, Any], violation: str, api: LocalAnthropic
) -> None:
    headers = {"authorization": f"Bearer {api.key}", "anthropic-version": "2026-10-21"}
    body = {name: value for name, value in (MESSAGE | changes).items() if value is not None}
    batch = {"requests": [{"custom_id": "a", "params": body}]}
    for path, sent in (("", body), ("/batches", batch)):
        answer = httpx2.post(f"{api.base_url}/v1/messages{path}", json=sent, headers=headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
        assert any(violation in one for one in api.violations), api.violations
        api.violations.clear()


@pytest.mark.parametrize(
    ("requests", "violation"),
    [
        ([], "must be 1 to 100000"),
        ([{"custom_id": "a b", "params": MESSAGE}], "needs custom_id"),
        ([{"custom_id": "x" * 65, "params": MESSAGE}], "needs custom_id"),
        ([{"custom_id": "a"}], "needs custom_id"),
        ([{"custom_id": "a", "params": MESSAGE}] * 2, "custom_id must be unique"),
        ([{"custom_id": "a", "params": MESSAGE | {"stream": True}}], "streaming is not supported"),
    ],
)
def test_a_batch_that_the_api_refuses_is_refused(
    requests: list[Any], violation: str, api: LocalAnthropic, client: anthropic.Anthropic
) -> None:
    with pytest.raises(anthropic.BadRequestError):
        client.messages.batches.create(requests=requests)
    assert any(violation in one for one in api.violations), api.violations


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer sk-ant-local"}, 400),
        ({"authorization": "Bearer sk-ant-local", "anthropic-version": "2023-06-01"}, 400),
        ({"anthropic-version": "2026-10-21"}, 401),
        ({"authorization": "Bearer other", "anthropic-version": "2026-10-21"}, 401),
    ],
)
def test_key_and_version_are_looked_at(headers: dict[str, str], status: int, api: LocalAnthropic) -> None:
    answer = httpx2.post(f"{api.base_url}/v1/messages", json=MESSAGE, headers=headers)
    assert answer.status_code == status
    assert len(api.violations) == 1


def test_an_address_that_does_not_exist_is_noted(api: LocalAnthropic) -> None:
    assert httpx2.get(f"{api.base_url}/v1/complete").status_code == 404
    assert api.violations == ["GET /v1/complete: there is no such address"]


def test_the_real_client_gets_along_with_it(api: LocalAnthropic, client: anthropic.Anthropic) -> None:
    assert client.messages.create(**MESSAGE).content[0].model_dump()["text"] == "Hello to you"
    assert client.messages.count_tokens(model=MESSAGE["model"], messages=MESSAGE["messages"]).input_tokens > 5
    made = client.messages.batches.create(requests=[{"custom_id": "a", "params": MESSAGE}])  # type: ignore[typeddict-item]
    assert made.processing_status == "in_progress"
    assert client.messages.batches.retrieve(made.id).processing_status == "ended"
    assert [one.custom_id for one in client.messages.batches.results(made.id)] == ["a"]
    assert [one.id for one in client.messages.batches.list()] == [made.id]
    assert client.messages.batches.delete(made.id).id == made.id
    assert api.violations == []
    assert len(api.requests) == 8  # `results` looks the batch up itself


def test_citations_lead_to_where_the_text_stands(api: LocalAnthropic, client: anthropic.Anthropic) -> None:
    api.otherwise = Finds("Restart the gate.", " Or not.")
    said = client.messages.create(**MESSAGE | asking(RESULT, IMAGE)).content
    [cited] = said[0].model_dump()["citations"]
    assert (cited["search_result_index"], cited["start_block_index"], cited["end_block_index"]) == (0, 0, 1)
    assert (cited["cited_text"], cited["source"], said[1].model_dump()["citations"]) == (
        "Restart the gate.",
        "s1",
        None,
    )
    assert api.violations == []


@pytest.mark.parametrize(("words", "kept"), [(2_000, True), (500, False)])
def test_only_a_long_marked_prefix_is_kept_in_the_cache(
    words: int, kept: bool, client: anthropic.Anthropic
) -> None:
    long = [{"type": "text", "text": "rule " * words, "cache_control": {"type": "ephemeral"}}]
    sonnet = MESSAGE | {"model": "claude-sonnet-5-5", "system": long}
    first, second = (client.messages.create(**sonnet).usage for _ in range(2))
    assert bool(first.cache_creation_input_tokens) is bool(second.cache_read_input_tokens) is kept
    assert not first.cache_read_input_tokens and not second.cache_creation_input_tokens
    haiku = client.messages.create(**sonnet | {"model": "claude-haiku-4-5"}).usage
    assert not haiku.cache_creation_input_tokens  # its floor is higher


# ---- nothing else can be reached


def test_a_client_that_is_told_nothing_has_no_key_and_reaches_nobody() -> None:
    assert not [name for name in os.environ if name.startswith("ANTHROPIC_") and name != "ANTHROPIC_BASE_URL"]
    with anthropic.Anthropic(api_key="sk-ant-x", max_retries=0) as client:
        assert client.base_url.host == "127.0.0.1"
        with pytest.raises(anthropic.APIConnectionError):
            client.messages.create(**MESSAGE)


@pytest.mark.parametrize("host", ["api.anthropic.com", "192.0.2.1", "2001:db8::1"])
def test_no_test_leaves_this_machine(host: str) -> None:
    with pytest.raises(RuntimeError, match=f"a test reached for {host}"):
        socket.create_connection((host, 443), timeout=0.1)


def test_the_real_api_is_out_of_reach_of_the_real_client() -> None:
    with (
        anthropic.Anthropic(
            api_key="sk-ant-x", base_url="https://api.anthropic.com", max_retries=0
        ) as client,
        pytest.raises((anthropic.APIConnectionError, RuntimeError)),
    ):
        client.messages.create(**MESSAGE)
