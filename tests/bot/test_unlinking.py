"""Where a person is named in texts, and the texts without that."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.unlinking import Person, is_about, is_by, masked, masked_value, names

ANN = Person(id="slack:T0/U0ANN00001", names=frozenset({"Ann Okafor"}))
WILL = Person(id="slack:T0/U0WILL0001", names=frozenset({"Will"}))
LI = Person(id="slack:T0/U0LI000001", names=frozenset({"李小龙"}))
JDOE = Person(id="jdoe", names=frozenset({"j.doe-82"}))


@pytest.mark.parametrize(
    ("person", "text", "left"),
    [
        (ANN, "ask @U0ANN00001", "ask @<name 0>"),
        (ANN, "ask <@U0ANN00001> or <@U0ANN00001|ann>", "ask <name 0> or <name 0>"),
        (ANN, "slack:T0/U0ANN00001 muted it", "<name 0> muted it"),
        (
            ANN,
            "ann okafor said so, Ann too, says `Ann Okafor`",
            "<name 0> said so, <name 0> too, says `<name 0>`",
        ),
        (ANN, "planned annually by Annex", "planned annually by Annex"),
        (ANN, "U0ANN000012 is somebody else", "U0ANN000012 is somebody else"),
        (WILL, "it will work. Thanks Will!", "it will work. Thanks <name 0>!"),
        (WILL, "@will knows", "@<name 0> knows"),
        (LI, "请问李小龙怎么办", "请问<name 0>怎么办"),
        (JDOE, "see j.doe-82. Hi jdoe, thanks", "see <name 0>. Hi <name 0>, thanks"),
    ],
)
def test_a_text_without_a_person(person: Person, text: str, left: str) -> None:
    assert masked(text, person) == left


@given(st.text(alphabet="AnOkafor U01@<>|/:.,`\n", max_size=60))
def test_masking_again_changes_nothing(text: str) -> None:
    assert masked(masked(text, ANN), ANN) == masked(text, ANN)


def test_json_stays_json_and_escapes_hide_nothing() -> None:
    told = '{"a": ["x\\nann okafor", 1, null], "U0ANN00001": "U0ANN00001"}'
    assert masked_value(told, ANN) == '{"a": ["x\\n<name 0>", 1, null], "<name 0>": "<name 0>"}'
    assert masked_value('{"a":1}', ANN) == '{"a":1}'  # as it was written
    assert masked_value("{U0ANN00001", ANN) == "{<name 0>"


@pytest.mark.parametrize(
    ("key", "his"),
    [
        ("reason/4f/slack:T0/U0ANN00001", True),
        ("slack:click/U0ANN00001/x/1.2", True),
        ("slack:click/U0ANN000012/x/1.2", False),
    ],
)
def test_whose_a_key_is(key: str, his: bool) -> None:
    assert names(key, ANN) is his


@pytest.mark.parametrize(
    ("payload", "by", "about"),
    [
        ({"event": {"user": "U0ANN00001", "channel": "C1", "ts": "1.1"}}, True, True),
        (
            {"event": {"user": "U2", "channel": "C1", "ts": "1.2", "parent_user_id": "U0ANN00001"}},
            False,
            False,
        ),
        ({"event": {"channel": "C1", "message": {"user": "U0ANN00001", "ts": "1.1"}}}, True, True),
        ({"event": {"channel": "C2", "user": "U2", "ts": "1.1"}}, False, False),
        ({"user": {"id": "U0ANN00001"}, "actions": []}, True, False),
        ({"command": "/earshot", "user_id": "U0ANN00001"}, True, False),
        ({"message": {"id": "slack:T0/C1/1.1", "user": "slack:T0/U0ANN00001"}}, True, True),
        ([], False, False),
        (
            {
                "event": {
                    "sender": {"sender_id": {"open_id": "U0ANN00001"}},
                    "message": {"message_id": "1.1", "chat_id": "oc_1"},
                }
            },
            True,
            True,
        ),
        (
            {"event": {"operator": {"open_id": "U0ANN00001"}, "context": {"open_chat_id": "oc_1"}}},
            True,
            False,
        ),
        ({"event": {"user_id": {"open_id": "ou_2"}, "message_id": "1.1"}}, False, True),
    ],
)
def test_whose_a_delivery_is_and_what_about(payload: object, by: bool, about: bool) -> None:
    assert is_by(payload, ANN) is by
    assert is_about(payload, frozenset({"slack:T0/C1/1.1"})) is about
