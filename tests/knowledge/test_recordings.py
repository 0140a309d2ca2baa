"""Recorded history is read whole, in order, and nothing unusable goes by in silence."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from knowledge.recordings import Limits, Recording, RecordingError, is_recording, read_recording
from knowledge.thread import Reaction, Role

LINE = {"channel": "help", "id": "m1", "user": "ann", "at": "2026-01-31T09:30:00Z", "text": "It fails"}


def jsonl(path: Path, *lines: dict[str, Any] | str | bytes) -> Path:
    file = path / "history.jsonl"
    file.write_bytes(b"\n".join(_encoded(line) for line in lines) + b"\n")
    return file


def _encoded(line: dict[str, Any] | str | bytes) -> bytes:
    if isinstance(line, bytes):
        return line
    return (line if isinstance(line, str) else json.dumps(line)).encode()


# ---- JSON lines


def test_a_line_becomes_a_message_with_its_ids_as_given(tmp_path: Path) -> None:
    line = {
        **LINE,
        "thread": "t1",
        "role": "analyst",
        "reactions": [
            {"name": "✅", "user": "bob"},
            {"name": "+1", "user": "c", "at": "2026-02-01T00:00:00Z"},
        ],
    }
    (message,) = read_recording(jsonl(tmp_path, line)).messages
    assert (message.id, message.channel, message.thread, message.user) == ("m1", "help", "t1", "ann")
    assert (message.text, message.role, message.link) == ("It fails", Role.ANALYST, None)
    assert message.at == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert message.reactions == (
        Reaction(name="white_check_mark", user="bob"),
        Reaction(name="+1", user="c", at=datetime(2026, 2, 1, tzinfo=UTC)),
    )


def test_without_thread_and_role_the_channel_is_flat_and_the_role_unknown(tmp_path: Path) -> None:
    recording = read_recording(jsonl(tmp_path, LINE))
    assert recording.messages[0].thread == ""
    assert recording.messages[0].role is Role.UNKNOWN
    assert not recording.channels["help"].private
    assert recording.people == {"ann": "ann"}


@pytest.mark.parametrize(
    "at", ["2026-01-31T10:30:00+01:00", "2026-01-31T09:30:00", "2026-01-31 09:30", "2026-01-31T09:30:00.000Z"]
)
def test_times_are_utc(tmp_path: Path, at: str) -> None:
    (message,) = read_recording(jsonl(tmp_path, {**LINE, "at": at})).messages
    assert message.at == datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
    assert message.at.utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()


def test_messages_are_in_order_of_time_and_the_order_of_the_input_is_kept_beside(tmp_path: Path) -> None:
    late = {**LINE, "id": "late", "at": "2026-03-01T00:00:00Z"}
    same = [{**LINE, "id": name} for name in ("b", "a")]
    recording = read_recording(jsonl(tmp_path, late, *same))
    assert [message.id for message in recording.messages] == ["b", "a", "late"]
    assert recording.order == ("late", "b", "a")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("{not json", "is not JSON"),
        (b'{"id": "\xff"}', "is not UTF-8"),
        ("[" * 100_000, "is not JSON"),
        ("[1, 2]", "[1, 2] is not an object"),
        ({**LINE, "at": "yesterday"}, "at is 'yesterday'"),
        ({**LINE, "at": "0001-01-01T00:00:00+23:00"}, "at is '0001-01-01T00:00:00+23:00'"),
        ({**LINE, "at": 5}, "at is 5"),
        ({**LINE, "user": ""}, "user is ''"),
        ({**LINE, "text": None}, "text is None"),
        ({key: LINE[key] for key in LINE if key != "channel"}, "channel is missing"),
        ({**LINE, "role": "staff"}, "role is 'staff'"),
        ({**LINE, "role": []}, "role is []"),
        ({**LINE, "reactions": "+1"}, "reactions: '+1' is not a list"),
        ({**LINE, "reactions": [{"name": "+1"}]}, "user is missing"),
        ({**LINE, "thread": 7}, "thread is 7"),
        (LINE, "id 'm1' was given before"),
    ],
)
def test_a_bad_line_is_reported_with_its_place_and_value(
    tmp_path: Path, bad: dict[str, Any] | str | bytes, why: str
) -> None:
    file = jsonl(tmp_path, LINE, "", bad, {**LINE, "id": "m2"})
    recording = read_recording(file)
    assert [message.id for message in recording.messages] == ["m1", "m2"]
    (skipped,) = recording.skipped
    assert str(skipped).startswith(f"{file}:3: ")
    assert why in skipped.why
    assert len(str(skipped)) < len(str(file)) + 200


def test_a_byte_order_mark_and_an_empty_text_do_no_harm(tmp_path: Path) -> None:
    file = jsonl(tmp_path, b"\xef\xbb\xbf" + json.dumps({**LINE, "text": ""}).encode() + b"\r")
    assert read_recording(file).messages[0].text == ""


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\x00\x01\xff", b'{"a": 1}\n'])
def test_a_file_without_one_good_line_is_refused_with_a_remedy(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(content)
    with pytest.raises(RecordingError, match=r"history.jsonl.*give JSON lines such as"):
        read_recording(file)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"nowhere.jsonl"):
        read_recording(tmp_path / "nowhere.jsonl")


# ---- Slack exports

USERS = [
    {"id": "U1", "team_id": "T1", "name": "ann", "profile": {"display_name": "Ann", "real_name": "Ann Ash"}},
    {"id": "U2", "team_id": "T1", "name": "bob", "profile": {"display_name": "", "real_name": "Bob Birch"}},
    {"id": "U3", "team_id": "T1", "name": "robo", "is_bot": True, "profile": {}},
    {"id": "U4", "team_id": "T2", "name": "eve", "is_stranger": True, "profile": {"display_name": "Eve"}},
]
TS = "1700000000.000100"
EXPORT: dict[str, Any] = {
    "users.json": USERS,
    "channels.json": [{"id": "C1", "name": "help"}, {"id": "C2", "name": "shared"}],
    "groups.json": [{"id": "G1", "name": "secret"}],
    "dms.json": [{"id": "D1", "members": ["U1", "U2"]}],
    "integration_logs.json": [{"ignored": True}],
    "help/2023-11-14.json": [
        {
            "type": "message",
            "user": "U1",
            "ts": TS,
            "thread_ts": TS,
            "reply_count": 1,
            "text": "<@U2> a &lt; b?",
            "reactions": [{"name": "thumbsup::skin-tone-2", "users": ["U2", "U3"], "count": 2}],
        },
        {"type": "message", "user": "U2", "ts": "1700000060.5", "thread_ts": TS, "text": "Yes"},
        {"type": "message", "subtype": "channel_join", "user": "U2", "ts": "1700000061.0", "text": "joined"},
    ],
    "help/2023-11-15.json": [
        {"type": "message", "user": "U2", "ts": "1700086400.000000", "text": "flat"},
        {"type": "message", "user": "U3", "ts": "1700086401.000000", "text": "beep"},
        {
            "type": "message",
            "subtype": "bot_message",
            "bot_id": "B1",
            "ts": "1700086402.000000",
            "text": "",
            "attachments": [{"fallback": "Disk full"}],
        },
    ],
    "secret/2023-11-14.json": [{"type": "message", "user": "U1", "ts": TS, "text": "hush"}],
    "D1/2023-11-14.json": [{"type": "message", "user": "U1", "ts": TS, "text": "psst"}],
    "unlisted/2023-11-14.json": [{"type": "message", "user": "U1", "ts": TS, "text": "who reads this?"}],
    "shared/2023-11-14.json": [{"type": "message", "user": "U4", "ts": TS, "text": "from outside"}],
}


def folder(path: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        file = path / "export" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
    return path / "export"


def zipped(path: Path, files: dict[str, Any], below: str = "") -> Path:
    file = path / "export.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(below + name, content if isinstance(content, str) else json.dumps(content))
    return file


def by_text(recording: Recording) -> dict[str, Any]:
    return {message.text: message for message in recording.messages}


def test_an_export_is_the_same_as_folder_zip_and_repacked_zip(tmp_path: Path) -> None:
    (tmp_path / "repacked").mkdir()
    unpacked = read_recording(folder(tmp_path, EXPORT))
    assert unpacked == read_recording(zipped(tmp_path, EXPORT))
    assert unpacked == read_recording(zipped(tmp_path / "repacked", EXPORT, below="acme export/"))
    assert unpacked.skipped == ()


def test_slack_messages_get_qualified_ids_threads_and_plain_text(tmp_path: Path) -> None:
    said = by_text(read_recording(folder(tmp_path, EXPORT)))
    starter, reply, flat = said["@Bob Birch a < b?"], said["Yes"], said["flat"]
    assert starter.id == starter.thread == reply.thread == f"slack:T1/C1/{TS}"
    assert (starter.channel, starter.user) == ("slack:T1/C1", "slack:T1/U1")
    assert starter.at == datetime(2023, 11, 14, 22, 13, 20, 100, tzinfo=UTC)
    assert reply.at.microsecond == 500_000
    assert flat.thread == ""
    assert starter.reactions == (
        Reaction(name="+1", user="slack:T1/U2"),
        Reaction(name="+1", user="slack:T1/U3"),
    )


def test_events_are_no_messages_and_bots_are_known(tmp_path: Path) -> None:
    said = by_text(read_recording(folder(tmp_path, EXPORT)))
    assert "joined" not in said
    assert said["beep"].role is said["Disk full"].role is Role.BOT
    assert said["flat"].role is Role.UNKNOWN


def test_what_is_private_or_shared_is_known(tmp_path: Path) -> None:
    channels = read_recording(folder(tmp_path, EXPORT)).channels
    private = {channel.name for channel in channels.values() if channel.private}
    external = {channel.name for channel in channels.values() if channel.external}
    assert private == {"secret", "D1", "unlisted"}
    assert external == {"shared"}
    assert channels["slack:T1/C1"].name == "help"


def test_people_are_called_by_their_display_names(tmp_path: Path) -> None:
    people = read_recording(folder(tmp_path, EXPORT)).people
    assert people["Ann"] == "slack:T1/U1"
    assert people["Bob Birch"] == "slack:T1/U2"


def test_without_a_team_ids_say_that_they_come_from_an_export(tmp_path: Path) -> None:
    files = {name: content for name, content in EXPORT.items() if name != "users.json"}
    assert by_text(read_recording(folder(tmp_path, files)))["flat"].id == "slack:export/C1/1700086400.000000"


@pytest.mark.parametrize(
    ("bad", "where", "why"),
    [
        ('[{"type": "message", "user": "U1", "ts": "soon", "text": "x"}]', ":item 1", "ts is 'soon'"),
        (
            '[{"type": "message", "ts": "1700000000.000100", "text": "x"}]',
            ":item 1",
            "neither user nor bot_id",
        ),
        ("{}", "", "{} is not a list"),
        ("[", "", "is not JSON"),
    ],
)
def test_what_is_bad_in_an_export_is_reported_and_the_rest_is_read(
    tmp_path: Path, bad: str, where: str, why: str
) -> None:
    recording = read_recording(zipped(tmp_path, {**EXPORT, "help/2023-11-16.json": bad}))
    (skipped,) = recording.skipped
    assert skipped.where == f"help/2023-11-16.json{where}"
    assert why in skipped.why
    assert "flat" in by_text(recording)


def test_a_zip_writes_nothing_and_members_that_climb_out_are_not_read(tmp_path: Path) -> None:
    climbing = {"../evil/2023-11-14.json": EXPORT["secret/2023-11-14.json"], "/abs/2023-11-14.json": "[]"}
    inside = tmp_path / "deep"
    inside.mkdir()
    assert read_recording(zipped(inside, {**EXPORT, **climbing})) == read_recording(folder(tmp_path, EXPORT))
    assert {path.name for path in tmp_path.iterdir()} == {"deep", "export"}


def test_a_zip_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    file = zipped(tmp_path, {**EXPORT, "help/2023-11-16.json": " " * 100_000})
    with pytest.raises(RecordingError, match=r"unpacks to .* bytes, over 50,000"):
        read_recording(file, limits=Limits(total=50_000))
    (skipped,) = read_recording(file, limits=Limits(file=50_000)).skipped
    assert skipped.where == "help/2023-11-16.json"
    assert "100,000 bytes" in skipped.why


def test_a_damaged_member_is_reported(tmp_path: Path) -> None:
    file = zipped(tmp_path, EXPORT)
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("secret/2023-11-14.json")
    content = bytearray(file.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    content[start : start + info.compress_size] = bytes(info.compress_size)
    file.write_bytes(content)
    recording = read_recording(file)
    assert [skipped.where for skipped in recording.skipped] == ["secret/2023-11-14.json"]
    assert "hush" not in by_text(recording)


def test_an_unreadable_listing_is_refused_because_it_says_who_may_read_what(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"groups.json"):
        read_recording(folder(tmp_path, {**EXPORT, "groups.json": "{"}))


@pytest.mark.parametrize("files", [{"notes/2023-11-14.json": []}, {}])
def test_what_is_no_export_is_refused(tmp_path: Path, files: dict[str, Any]) -> None:
    with pytest.raises(RecordingError, match=r"no Slack export.*give JSON lines"):
        read_recording(zipped(tmp_path, files))


def test_recordings_are_told_from_documents(tmp_path: Path) -> None:
    assert is_recording(folder(tmp_path, EXPORT))
    assert is_recording(Path("history.jsonl"))
    assert is_recording(Path("Export.ZIP"))
    assert not is_recording(tmp_path)
    assert not is_recording(Path("runbook.md"))
