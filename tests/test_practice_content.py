"""The practice room's content: well formed, in order of time, and free of anything that is not invented."""

import csv
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from knowledge.thread import Role

ROOM = Path(__file__).parents[1] / "bot" / "practice"
EXPECTED = Path(__file__).parent / "practice_expected.json"
DAY = date(2026, 3, 12)
ROLES = {Role.CUSTOMER.value, Role.ANALYST.value, Role.BOT.value}
REQUIRED = {"channel", "thread", "id", "user", "at", "text", "role"}
TOP_LEVEL = "com|org|net|io|dev|ai|app|cloud|co|cn|de|eu|uk|jp|pl"
HOST = re.compile(rf"(?:https?://|@)?\b((?:[a-z0-9-]+\.)+(?:{TOP_LEVEL}|invalid|test))\b", re.IGNORECASE)
URL_HOST = re.compile(r"https?://([^/\\\s\"'`:]+)")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
SECRET = re.compile(
    r"-----BEGIN|\bAKIA[A-Z0-9]{12,}|\bxox[a-z]-|\bgh[pousr]_|\bsk-[A-Za-z0-9]|\beyJ[A-Za-z0-9_-]{10,}"
    r"|\b(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{24,}={0,2}"
)

Recorded = dict[str, Any]


def messages(name: str) -> list[Recorded]:
    return [json.loads(line) for line in (ROOM / name).read_text(encoding="utf-8").splitlines()]


PAST = messages("past.jsonl")
TODAY = messages("today.jsonl")
EVERYTHING = PAST + TODAY
EXPECTATIONS: dict[str, Recorded] = json.loads(EXPECTED.read_text(encoding="utf-8"))
recordings = pytest.mark.parametrize("recording", [PAST, TODAY], ids=["past", "today"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def threads(recording: list[Recorded]) -> dict[str, list[Recorded]]:
    grouped: dict[str, list[Recorded]] = {}
    for message in recording:
        grouped.setdefault(message["thread"], []).append(message)
    return grouped


def content_files() -> list[Path]:
    return sorted(path for path in ROOM.rglob("*") if path.suffix in {".jsonl", ".md", ".csv"})


def hosts(text: str) -> Iterator[str]:
    yield from HOST.findall(text)
    yield from URL_HOST.findall(text)


def is_reserved(host: str) -> bool:
    return re.search(r"(^|\.)(example\.com|invalid)$", host.lower()) is not None


def cited(expectation: Recorded) -> list[str]:
    sources = [expectation["source"], *expectation.get("also", []), *expectation.get("never", [])]
    return [source for source in sources if source is not None]


@pytest.mark.parametrize("message", EVERYTHING, ids=lambda message: message["id"])
def test_every_line_is_a_message_of_the_replay_format(message: Recorded) -> None:
    assert REQUIRED <= message.keys() <= REQUIRED | {"reactions"}
    assert all(isinstance(message[key], str) and message[key].strip() for key in REQUIRED)
    assert message["channel"].startswith("#")
    assert message["role"] in ROLES
    assert moment(message["at"]).utcoffset() == timedelta(0)
    for reaction in message.get("reactions", []):
        assert reaction.keys() == {"name", "user", "at"}
        assert moment(reaction["at"]) >= moment(message["at"])


def test_ids_are_unique_over_both_recordings() -> None:
    repeated = [key for key, count in Counter(message["id"] for message in EVERYTHING).items() if count > 1]
    assert repeated == []


@recordings
def test_lines_are_in_order_of_time(recording: list[Recorded]) -> None:
    times = [moment(message["at"]) for message in recording]
    assert times == sorted(times)


@recordings
def test_every_thread_begins_with_its_root_and_stays_in_its_channel(recording: list[Recorded]) -> None:
    for root, said in threads(recording).items():
        assert said[0]["id"] == root
        assert {message["channel"] for message in said} == {said[0]["channel"]}


def test_a_person_has_one_role_everywhere() -> None:
    roles = {(message["user"], message["role"]) for message in EVERYTHING}
    assert len(roles) == len({user for user, _ in roles})


def test_whoever_reacts_also_speaks() -> None:
    reacting = {reaction["user"] for message in EVERYTHING for reaction in message.get("reactions", [])}
    assert reacting <= {message["user"] for message in EVERYTHING}


def test_there_is_enough_to_learn_from_and_to_play() -> None:
    assert len(threads(PAST)) >= 25
    assert len(threads(TODAY)) >= 25
    assert {message["role"] for message in TODAY} == ROLES
    assert 6 <= len({message["user"] for message in EVERYTHING if message["role"] == "customer"}) <= 10
    assert len({message["user"] for message in EVERYTHING if message["role"] == "analyst"}) == 4


def test_today_is_one_working_day_and_the_past_lies_before_it() -> None:
    start, end = datetime(2026, 3, 12, 8, 30, tzinfo=UTC), datetime(2026, 3, 12, 18, 0, tzinfo=UTC)
    assert all(start <= moment(message["at"]) <= end for message in TODAY)
    assert all(moment(message["at"]).date() < DAY for message in PAST)
    assert moment(PAST[-1]["at"]) - moment(PAST[0]["at"]) > timedelta(days=120)


def test_most_past_threads_are_confirmed_by_their_asker() -> None:
    confirmed = [
        root
        for root, said in threads(PAST).items()
        if any(
            reaction["name"] == "white_check_mark" and reaction["user"] == said[0]["user"]
            for message in said
            for reaction in message.get("reactions", [])
        )
    ]
    assert len(threads(PAST)) * 0.75 <= len(confirmed) < len(threads(PAST))


def test_documents_are_short_and_the_faq_has_questions_and_answers() -> None:
    documents = sorted((ROOM / "docs").glob("*.md"))
    assert 3 <= len(documents) <= 5
    assert all(document.read_text(encoding="utf-8").startswith("# ") for document in documents)
    with (ROOM / "docs" / "faq.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 10
    assert all(row.keys() == {"question", "answer"} and all(row.values()) for row in rows)


@pytest.mark.parametrize("path", content_files(), ids=lambda path: path.name)
def test_no_real_host_address_or_secret_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [host for host in hosts(text) if not is_reserved(host)] == []
    assert [address for address in ADDRESS.findall(text) if ipaddress.ip_address(address).is_global] == []
    assert SECRET.findall(text) == []


def test_every_root_of_today_has_an_expectation() -> None:
    assert threads(TODAY).keys() <= EXPECTATIONS.keys() <= {message["id"] for message in TODAY}


@pytest.mark.parametrize("key", EXPECTATIONS)
def test_an_expectation_names_a_source_that_exists_exactly_if_it_is_a_reply(key: str) -> None:
    expectation = EXPECTATIONS[key]
    assert expectation["expect"] in {"reply", "silent"}
    assert (expectation["source"] is not None) == (expectation["expect"] == "reply")
    assert expectation["why"]
    ids = {message["id"] for message in PAST}
    assert all(source in ids or (ROOM / source).is_file() for source in cited(expectation))


def test_the_day_holds_at_least_ten_answerable_questions_and_two_answerable_follow_ups() -> None:
    replies = {key for key, expectation in EXPECTATIONS.items() if expectation["expect"] == "reply"}
    roots = threads(TODAY).keys()
    assert len(replies & roots) >= 10
    assert len(replies - roots) >= 2


def test_where_a_reply_is_expected_no_analyst_is_quicker_than_the_waiting_time() -> None:
    for key, expectation in EXPECTATIONS.items():
        asked = next(message for message in TODAY if message["id"] == key)
        soon = [
            message["id"]
            for message in threads(TODAY)[asked["thread"]]
            if message["role"] == "analyst"
            and timedelta(0) < moment(message["at"]) - moment(asked["at"]) < timedelta(seconds=180)
        ]
        assert expectation["expect"] == "silent" or soon == [], key


def test_the_readme_tells_people_what_the_expectations_tell_machines() -> None:
    rows = re.findall(
        r"^\| `([^`]+)` \| (.+?) \| ", (ROOM / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [key for key, _ in rows] == list(EXPECTATIONS)
    for key, intended in rows:
        expectation = EXPECTATIONS[key]
        assert intended.startswith(
            f"answer from {expectation['source']}" if expectation["source"] else "silent"
        )
