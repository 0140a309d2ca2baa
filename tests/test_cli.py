"""The commands as scripts and people meet them: what they print, where, and how they exit."""

import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot import inbox, ledger
from bot.adapters.adapter import Arrival
from bot.app import open_database
from bot.cli import main
from bot.config import Config
from bot.doctor_lark import PERMISSIONS
from bot.scorer import silent
from bot.tickets import opened
from knowledge.thread import Message
from tests.bot.test_night_claude import make, well
from tests.local_anthropic import Finds, LocalAnthropic, Says
from tests.local_lark import LocalLark
from tests.local_slack import LocalSlack

ROOT = Path(__file__).parent.parent
PRACTICE = ROOT / "bot" / "practice"
TODAY = PRACTICE / "today.jsonl"
COMMANDS = (
    "run",
    "demo",
    "learn",
    "entries",
    "export",
    "replay",
    "ask",
    "why",
    "night",
    "forget",
    "audit",
    "backfill",
    "doctor",
)
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
QUESTION = "ERROR MLR-3105 state is held by run r-88f1, the run is long gone, how do I unlock the state?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    code: int | str | None
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Earshot = Callable[..., Ran]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a config.yaml of its own and no tokens; logging as it was before, afterwards."""
    handlers = list(logging.root.handlers)
    levels = [(logger, logger.level) for logger in (logging.root, logging.getLogger("earshot"))]
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    settings(tmp_path)
    yield tmp_path
    logging.root.handlers[:] = handlers
    for logger, level in levels:
        logger.setLevel(level)


def settings(folder: Path, more: str = "slack: {enabled: false}") -> None:
    text = f"embedder: {{model: hash}}\nstore: sqlite:///{folder / 'earshot.db'}\n{more}\n"
    (folder / "config.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def earshot(capsys: pytest.CaptureFixture[str]) -> Earshot:
    """Runs a command in this process."""

    def run(*arguments: object) -> Ran:
        code: int | str | None
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as exit_:  # how argparse leaves
            code = exit_.code
        said = capsys.readouterr()
        return Ran(code=code, out=said.out, err=said.err)

    return run


def process(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bot", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def in_store(folder: Path, work: Callable[[Connection], None]) -> None:
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    database.run_blocking(work)
    database.close()


def recording(folder: Path, *said: tuple[str, datetime, str]) -> Path:
    """A recording of (id, time, text), each said by somebody else in a channel without threads."""
    path = folder / "recording.jsonl"
    lines = [
        {
            "channel": "help",
            "thread": name,
            "id": name,
            "user": f"u-{name}",
            "at": at.isoformat(),
            "text": text,
        }
        for name, at, text in said
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


# ---- help and exit codes -----------------------------------------------------


def test_help_lists_every_command_and_is_quick() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = process("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert shown.returncode == 0
    listed = [
        line.split()[0] for line in shown.stdout.splitlines() if line[:4] == "    " and line[4:5].strip()
    ]
    assert tuple(listed) == COMMANDS
    # Of the processor's time, because a busy machine says nothing about us.
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3.0


def test_help_loads_no_model_library() -> None:
    script = "import sys, bot.cli; print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(earshot: Earshot, command: str) -> None:
    shown = earshot(command, "--help")
    assert shown.code == 0
    assert f"usage: earshot {command}" in shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_is_wrong_usage(earshot: Earshot, command: str) -> None:
    positional = ["x"] if command in ("learn", "replay", "ask", "why") else []
    positional = ["--user", "x"] if command == "forget" else positional
    refused = earshot(command, *positional, "--frobnicate")
    assert refused.code == 2
    assert "unrecognized arguments: --frobnicate" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["learn"],
        ["replay"],
        ["ask"],
        ["why"],
        ["learn", "x", "--audience", "everybody"],
        ["learn", "x", "--audience", "channel:"],
    ],
)
def test_wrong_usage_exits_with_2_and_says_so_on_stderr(earshot: Earshot, arguments: list[str]) -> None:
    refused = earshot(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert "usage: earshot" in refused.err


CONFIGURED = [["run"], ["learn", "."], ["replay", "x"], ["ask", "x"], ["why", "x"], ["night"], ["doctor"]]


@pytest.mark.parametrize("arguments", CONFIGURED)
def test_a_bad_setting_is_named_with_file_and_line(
    earshot: Earshot, folder: Path, arguments: list[str]
) -> None:
    (folder / "config.yaml").write_text(
        "embedder: {model: hash}\ndefaults: {precision: 9}\n", encoding="utf-8"
    )
    refused = earshot(*arguments)
    assert (refused.code, refused.out) == (1, "")
    assert "config.yaml:2: defaults.precision: 9 is not a share" in refused.err


@pytest.mark.parametrize("arguments", CONFIGURED)
def test_a_config_that_is_named_must_exist(earshot: Earshot, arguments: list[str]) -> None:
    refused = earshot(*arguments, "--config", "gone.yaml")
    assert (refused.code, refused.out) == (1, "")
    assert "gone.yaml: does not exist" in refused.err


@pytest.mark.parametrize(
    "arguments", [["learn", "."], ["ask", "x"], ["why", "x"], ["night"], ["doctor"], ["replay", TODAY]]
)
def test_a_store_that_is_no_database_is_a_problem_and_no_traceback(
    earshot: Earshot, folder: Path, arguments: list[object]
) -> None:
    (folder / "earshot.db").write_text("this is a text, long enough to be looked at\n" * 40, encoding="utf-8")
    refused = earshot(*arguments)
    assert (refused.code, refused.out) == (1, "")
    assert "the store cannot be used: file is not a database; look at `store` in config.yaml" in refused.err


def test_a_store_where_no_folder_can_be_made_is_a_problem(earshot: Earshot, folder: Path) -> None:
    (folder / "config.yaml").write_text(
        f"store: sqlite:///{folder / 'config.yaml' / 'x.db'}\n", encoding="utf-8"
    )
    refused = earshot("doctor")
    assert refused.code == 1
    assert "which cannot be made" in refused.err


def test_run_without_tokens_or_platform_says_what_is_missing(earshot: Earshot, folder: Path) -> None:
    nothing = earshot("run")
    assert nothing.code == 1 and "no platform is enabled" in nothing.err
    settings(folder, "slack: {enabled: true}")
    missing = earshot("run")
    assert missing.code == 1
    assert "SLACK_BOT_TOKEN: is not set" in missing.err and "SLACK_APP_TOKEN: is not set" in missing.err


# ---- learn and ask -----------------------------------------------------


def test_learning_the_same_again_adds_nothing(earshot: Earshot) -> None:
    first = earshot("learn", PRACTICE / "past.jsonl", PRACTICE / "docs", "--json")
    again = earshot("learn", PRACTICE / "past.jsonl", PRACTICE / "docs", "--json")
    assert (first.code, again.code) == (0, 0)
    assert first.json["added"] > 0 and first.json["files"] == 5 and first.json["threads"] > 20
    assert (again.json["added"], again.json["removed"]) == (0, 0)
    assert again.json["unchanged"] == first.json["added"]


def test_a_path_that_is_missing_is_a_problem(earshot: Earshot, folder: Path) -> None:
    missing = earshot("learn", folder / "gone.md", "--json")
    assert (missing.code, missing.out) == (1, "")
    assert "gone.md: there is no such file or folder" in missing.err


def test_a_folder_without_anything_to_learn_is_a_problem(earshot: Earshot, folder: Path) -> None:
    (folder / "empty").mkdir()
    assert earshot("learn", folder / "empty").code == 1


def test_a_question_is_answered_with_its_source(earshot: Earshot) -> None:
    earshot("learn", PRACTICE / "past.jsonl")
    asked = earshot("ask", QUESTION, "--json")
    assert asked.code == 0
    origin = asked.json["hits"][0]["origin"]
    assert origin in {"past-01", "past-13"}  # two threads about the same lock
    assert 0 <= asked.json["hits"][0]["score"] <= 1
    assert asked.json["answer"].endswith("[1]")
    shown = earshot("ask", QUESTION)
    assert f"[{origin}]" in shown.out and "[1]" in shown.out


def test_an_answer_is_not_wrapped_when_it_is_piped(earshot: Earshot, folder: Path) -> None:
    command = "`millrace " + " ".join(f"--option{number}" for number in range(30)) + "`"
    (folder / "spill.md").write_text(
        f"# How do I clean the spill folder?\n\nRun {command} to clean it.\n", "utf-8"
    )
    earshot("learn", folder / "spill.md")
    assert command in earshot("ask", "How do I clean the spill folder?").out


def test_an_empty_store_answers_nothing(earshot: Earshot) -> None:
    asked = earshot("ask", QUESTION, "--json")
    assert (asked.code, asked.json) == (0, {"hits": [], "answer": None})
    assert "Nothing that is known answers this." in earshot("ask", QUESTION).out


def test_ask_shows_what_the_writer_of_the_settings_makes_of_it(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earshot("learn", "--text", "Run `millrace spill clean` and restart the gate.", "--problem", QUESTION)
    settings(folder, "slack: {enabled: false}\nwriter: claude")
    assert "answers are quoted" in " ".join(earshot("ask", QUESTION).err.split())
    with LocalAnthropic() as api:
        monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.base_url)
        api.otherwise = Finds("restart the gate.")
        assert earshot("ask", QUESTION).out.endswith("\nrestart the gate. [1]\n")
        api.otherwise = Says("PERSON risky")
        said = "A person should answer this: following the sources could break something."
        assert said in earshot("ask", QUESTION).out
    spent = next(one for one in earshot("doctor", "--json").json if one["name"] == "claude")
    assert spent["ok"] and "of 1000000 tokens and $5.00 today" in spent["text"]
    assert not spent["text"].startswith("0 tokens")


def test_doctor_says_what_claude_lacks(earshot: Earshot, folder: Path) -> None:
    settings(folder, "slack: {enabled: false}\nwriter: claude\nclaude: {model: claude-x, daily_usd: 0}")
    told = {one["name"]: one for one in earshot("doctor", "--json").json}
    assert not told["tokens"]["ok"] and "ANTHROPIC_API_KEY" in told["tokens"]["text"]
    assert "spent for today, answers are quoted" in told["claude"]["text"]
    assert "price of claude-x is not known" in told["claude.model"]["text"]


def test_knowledge_of_a_channel_is_found_only_there(earshot: Earshot) -> None:
    earshot("learn", PRACTICE / "docs", "--audience", "channel:slack:T1/C1")
    assert earshot("ask", QUESTION, "--json").json["hits"] == []
    assert earshot("ask", QUESTION, "--json", "--channel", "slack:T1/C2").json["hits"] == []
    assert earshot("ask", QUESTION, "--json", "--channel", "slack:T1/C1").json["hits"] != []


# ---- replay -----------------------------------------------------


@pytest.mark.parametrize("text", [None, "", "no JSON\n", '{"id": "m1"}\n'])
def test_a_recording_that_cannot_be_read_is_a_problem(
    earshot: Earshot, folder: Path, text: str | None
) -> None:
    if text is not None:
        (folder / "broken.jsonl").write_text(text, encoding="utf-8")
    refused = earshot("replay", "broken.jsonl", "--json")
    assert (refused.code, refused.out) == (1, "")
    assert "broken.jsonl" in refused.err and "give JSON lines" in refused.err


def test_a_replay_prints_a_line_a_message_and_nothing_else_and_the_same_each_time(
    earshot: Earshot, folder: Path
) -> None:
    morning = folder / "morning.jsonl"
    said = [json.loads(line) for line in TODAY.read_text(encoding="utf-8").splitlines()[:45]]
    morning.write_text("".join(json.dumps(message) + "\n" for message in said), encoding="utf-8")
    settings(folder, "defaults: {precision: 0.5}")
    earshot("learn", PRACTICE / "past.jsonl", PRACTICE / "docs")
    first = process("replay", morning, "--json", PYTHONHASHSEED="1")
    again = process("replay", morning, "--json", PYTHONHASHSEED="2")
    assert (first.returncode, again.returncode) == (0, 0), first.stderr
    assert first.stdout == again.stdout
    lines = [json.loads(line) for line in first.stdout.splitlines()]
    assert [line["id"] for line in lines] == [message["id"] for message in said]
    for line in lines:
        assert list(line) == ["id", "action", "score", "reasons", "citations", "text"]
        assert line["action"] in ("SILENT", "DRAFT", "REPLY") and 0 <= line["score"] <= 1 and line["reasons"]
        assert bool(line["text"]) == bool(line["citations"]) == (line["action"] == "REPLY")
        assert all(set(citation) == {"entry", "source", "quote"} for citation in line["citations"])
    assert any(line["action"] == "REPLY" for line in lines)


def test_a_replay_keeps_the_order_of_the_input_and_leaves_the_store_alone(
    earshot: Earshot, folder: Path
) -> None:
    earshot("learn", PRACTICE / "past.jsonl")
    mixed = recording(folder, *[(f"m{n}", T0 + timedelta(hours=n), "How do I do this?") for n in (3, 1, 2)])
    assert [line["id"] for line in earshot("replay", mixed, "--json").lines] == ["m3", "m1", "m2"]
    assert "no decision" in earshot("why", "m1").err
    assert earshot("learn", PRACTICE / "past.jsonl", "--json").json["added"] == 0


@pytest.mark.parametrize("wait", ["90s", "3d"])
def test_a_message_that_waited_is_shown_as_what_it_came_to(earshot: Earshot, folder: Path, wait: str) -> None:
    settings(folder, f"defaults: {{wait_seconds: {wait}, precision: 0.5}}")
    earshot("learn", PRACTICE / "past.jsonl")
    outcome = earshot("replay", recording(folder, ("m1", T0, QUESTION)), "--json").lines
    assert [line["action"] for line in outcome] == ["REPLY"]


def test_a_replay_for_people_counts_and_shows_any_id(earshot: Earshot, folder: Path) -> None:
    settings(folder, "defaults: {wait_seconds: 0, precision: 0.5}")
    earshot("learn", PRACTICE / "past.jsonl")
    shown = earshot("replay", recording(folder, ("m[/1]", T0, QUESTION), ("m2", T0, "Good morning!")))
    assert shown.code == 0
    assert "REPLY to m[/1]" in shown.out and "  source: past-" in shown.out
    assert "2 messages, 1 replies" in shown.out and "silent, nothing asked: 1" in shown.out


def test_a_reader_that_has_enough_is_no_traceback(folder: Path) -> None:
    path = recording(folder, *[(f"m{n}", T0 + timedelta(minutes=n), "Good morning!") for n in range(50)])
    arguments = [sys.executable, "-m", "bot", "replay", str(path), "--json"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(arguments, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        said = running.stderr.read().decode()
    assert running.returncode == 1
    assert "Traceback" not in said and "BrokenPipe" not in said


# ---- why -----------------------------------------------------


def decided(folder: Path, *ids: str) -> None:
    """Messages in the store, each with two decisions: the last one counts."""

    def fill(connection: Connection) -> None:
        for message_id in ids:
            channel = message_id.rpartition("/")[0]
            link = f"https://example.slack.com/archives/{channel[-2:]}/p{message_id.rpartition('/')[2]}"
            message = Message(
                id=message_id, channel=channel, thread=message_id, user="u", at=T0, text="?", link=link
            )
            ledger.put_message(connection, message, message_id, message_id)
            ledger.put_decision(connection, message_id, silent("bot", "a bot wrote it"), [], T0)
            last = silent("solved", f"solved in {channel}", score=0.25, threshold=0.9)
            ledger.put_decision(connection, message_id, last, ["e1"], T0)

    in_store(folder, fill)


@pytest.mark.parametrize(
    "given", ["slack:T1/C1/170.5", "https://example.slack.com/archives/C1/p170.5", "170.5"]
)
def test_why_finds_a_decision_by_id_link_or_last_part(earshot: Earshot, folder: Path, given: str) -> None:
    decided(folder, "slack:T1/C1/170.5", "slack:T1/C1/170.6")
    found = earshot("why", given, "--json")
    assert found.code == 0
    assert found.json == {
        "id": "slack:T1/C1/170.5",
        "action": "SILENT",
        "score": 0.25,
        "threshold": 0.9,
        "reasons": ["solved: solved in slack:T1/C1"],
        "considered": ["e1"],
    }
    shown = earshot("why", given)
    assert shown.out.splitlines() == ["SILENT: score 0.25, threshold 0.90", "  solved: solved in slack:T1/C1"]


def test_why_lists_the_candidates_when_it_cannot_tell(earshot: Earshot, folder: Path) -> None:
    decided(folder, "slack:T1/C1/170.5", "slack:T1/C2/170.5")
    refused = earshot("why", "170.5", "--json")
    assert (refused.code, refused.out) == (1, "")
    assert "may be any of: slack:T1/C1/170.5, slack:T1/C2/170.5; give one of these" in refused.err


def test_why_of_what_was_never_heard_says_so(earshot: Earshot) -> None:
    refused = earshot("why", "170.5")
    assert (refused.code, refused.out) == (1, "")
    assert "170.5: no decision about such a message" in refused.err


# ---- night -----------------------------------------------------


def closed_thread(connection: Connection) -> None:
    """A thread that teaches something, quiet for long enough to close."""
    said = (
        ("ann", "Since last night our gate does not start: MLR-4090. What can I do about it?"),
        (
            "bob",
            "MLR-4090 means that the spill folder is full. Run `millrace spill clean` and restart the gate.",
        ),
        ("ann", "That fixed it, thanks a lot!"),
    )
    messages = [
        Message(id=f"m{n}", channel="help", thread="m0", user=user, at=T0 + timedelta(minutes=n), text=text)
        for n, (user, text) in enumerate(said)
    ]
    for message in messages:
        ledger.put_message(connection, message, "m0", "m0")
    ledger.put_ticket(connection, replace(opened(messages[0]), last_at=messages[-1].at))


def test_a_night_that_is_tried_changes_nothing(earshot: Earshot, folder: Path) -> None:
    in_store(folder, closed_thread)
    tried = earshot("night", "--dry-run")
    assert tried.code == 0
    assert "(tried on a copy; nothing was changed)\n" in tried.out and "new: " in tried.out
    assert (
        earshot("entries", "--json").json == [] and earshot("night", "--list", "--json").json["nights"] == []
    )

    done = earshot("night", "--json")
    assert done.json["added"] == 1 and len(earshot("entries", "--json").json) == 1
    assert "new entries: 1" in earshot("night", "--list").out


def test_a_night_that_is_tried_never_pays_a_model(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(folder, "slack: {enabled: false}\nnight: {writer: claude}")
    in_store(folder, closed_thread)
    with LocalAnthropic() as api:
        monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.base_url)
        tried = earshot("night", "--dry-run")
        assert tried.code == 0 and api.requests == [] and "distilled offline" in tried.err
        done = earshot("night", "--json")
    assert api.requests and done.json["distilled"]["calls"] == 1


def test_a_decision_that_is_tried_says_so_and_changes_nothing(earshot: Earshot, folder: Path) -> None:
    in_store(folder, closed_thread)
    night = earshot("night", "--json").json["date"]
    tried = earshot("night", "--revert", night, "--dry-run")
    assert tried.out.endswith("(tried on a copy; nothing was changed)\n")
    [kept] = earshot("night", "--list", "--json").json["nights"]
    assert kept["state"] == "done"
    assert "copy" not in earshot("night", "--revert", night).out
    [gone] = earshot("night", "--list", "--json").json["nights"]
    assert gone["state"] == "reverted"


# ---- doctor -----------------------------------------------------


def test_the_doctor_names_what_lark_did_not_grant_and_does_not_send(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LARK_APP_ID", "cli_a1b2c3d4")
    monkeypatch.setenv("LARK_APP_SECRET", "a secret")
    with LocalLark() as lark:
        scopes = (*PERMISSIONS, "application:application:self_manage")
        lark.add_chat("oc_drafts", "Drafts")
        settings(
            folder,
            f"slack: {{enabled: false}}\nlark: {{enabled: true, domain: '{lark.url}'}}\ndrafts_to: '#drafts'",
        )
        lark.api.scopes = scopes
        healthy = earshot("doctor", "--json")
        lark.api.scopes = tuple(scope for scope in scopes if scope != "im:message.group_msg")
        lark.api.events = tuple(event for event in lark.api.events if event != "im.message.recalled_v1")
        ill = earshot("doctor", "--json")
        monkeypatch.setenv("LARK_APP_SECRET", "another")
        wrong = earshot("doctor", "--json")
        assert lark.violations == []
    assert healthy.code == 0 and "nothing is missing; the bot is Earshot" in findings(healthy)["lark"]["text"]
    assert findings(healthy)["lark drafts_to"]["text"] == "#drafts is there"
    assert ill.code == 1
    assert "Read all messages in associated group chat" in findings(ill)["lark permission"]["text"]
    assert "im.message.recalled_v1, so what people recall is kept" in findings(ill)["lark event"]["text"]
    assert wrong.code == 1 and "10014 app secret invalid; copy App ID" in findings(wrong)["lark"]["text"]


def set_aside(connection: Connection) -> None:
    """An event that failed as often as it may."""
    arrival = Arrival(adapter="slack", key="k", content_key=None, conversation="c1", at=T0, payload={})
    inbox.accept(connection, [arrival], T0, timedelta())
    for hour in range(inbox.MAX_TRIES):
        now = T0 + timedelta(hours=hour)
        [work] = inbox.claim(connection, now, 1)
        inbox.postpone(connection, work, now, "ValueError: no such thing")


def findings(ran: Ran) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in ran.json}


def test_a_healthy_store_is_ok(earshot: Earshot) -> None:
    healthy = earshot("doctor", "--json", "--offline")
    assert healthy.code == 0
    assert all(set(finding) == {"name", "ok", "text"} and finding["ok"] for finding in healthy.json)
    assert "problem" not in earshot("doctor", "--offline").out


def test_an_event_that_was_set_aside_is_shown_until_it_gets_another_chance(
    earshot: Earshot, folder: Path
) -> None:
    in_store(folder, set_aside)
    ill = earshot("doctor", "--json", "--offline")
    aside = findings(ill)["event set aside"]
    assert ill.code == 1 and not aside["ok"]
    assert "of c1 after 5 tries: ValueError: no such thing; mend the cause" in aside["text"]
    assert "problem  event set aside" in earshot("doctor", "--offline").out

    again = earshot("doctor", "--json", "--offline", "--retry")
    assert again.code == 0 and "1 events will be tried again" in again.err
    assert findings(again)["inbox"]["text"].startswith("1 to be handled")


def test_missing_tokens_are_a_problem_that_says_what_to_set(earshot: Earshot, folder: Path) -> None:
    settings(folder, "slack: {enabled: true}")
    ill = earshot("doctor", "--json")
    assert ill.code == 1
    assert [finding["text"].split(";")[0] for finding in ill.json if not finding["ok"]] == [
        "environment: SLACK_BOT_TOKEN: is not set",
        "environment: SLACK_APP_TOKEN: is not set",
    ]


def test_the_scopes_of_the_manifest_are_all_that_slack_is_asked_for(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = json.loads((ROOT / "manifest.json").read_text("utf-8"))["oauth_config"]["scopes"]["bot"]
    with LocalSlack(scopes=scopes) as slack:
        settings(folder, f'slack: {{base_url: "{slack.base_url}"}}')
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("SLACK_APP_TOKEN", slack.app_token)
        healthy = earshot("doctor", "--json")
        slack.scopes = [scope for scope in scopes if scope != "users:read"]
        ill = earshot("doctor", "--json")
        offline = earshot("doctor", "--json", "--offline")
    assert healthy.code == 0 and "tokens and scopes are good" in findings(healthy)["slack"]["text"]
    assert ill.code == 1 and "lacks the scope users:read" in findings(ill)["slack"]["text"]
    assert offline.code == 0 and "slack" not in findings(offline)


def test_what_drafts_and_paperclips_need_of_slack_is_looked_at(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scopes = json.loads((ROOT / "manifest.json").read_text("utf-8"))["oauth_config"]["scopes"]["bot"]
    with LocalSlack(scopes=scopes) as slack:
        slack.add_channel("C0DRAFT001", "drafts")
        wanted = "drafts_to: '#drafts'\nchannels: {C1: {drafts_to: '#gone', clip: on}}"
        settings(folder, f'slack: {{base_url: "{slack.base_url}"}}\n{wanted}')
        monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
        monkeypatch.setenv("SLACK_APP_TOKEN", slack.app_token)
        ill = earshot("doctor", "--json")
        slack.scopes = [*scopes, "reactions:write"]
        slack.add_channel("C0GONE0001", "gone")
        healthy = earshot("doctor", "--json")
    assert ill.code == 1 and "lacks the scope reactions:write" in findings(ill)["clip"]["text"]
    assert [f["text"].split(";")[0] for f in ill.json if f["name"] == "drafts_to"] == [
        "#drafts is there",
        "#gone is no channel that I see",
    ]
    assert healthy.code == 0 and "clip" not in findings(healthy)


# ---- forget -----------------------------------------------------


def heard(folder: Path) -> None:
    """A store in which Ann and Bob said something."""
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")

    def fill(connection: Connection) -> None:
        for number, user, text in ((1, "U0ANN00001", QUESTION), (2, "U0BOB00001", "Ask Ann Okafor.")):
            message = Message(
                id=f"slack:T1/C0HELP001/{number}.000001",
                channel="slack:T1/C0HELP001",
                thread="",
                user=f"slack:T1/{user}",
                at=T0 + timedelta(minutes=number),
                text=text,
            )
            ledger.put_message(connection, message, message.id, message.id)
        ledger.put_names(connection, {"slack:T1/U0ANN00001": "Ann Okafor", "slack:T2/U0ANN00002": "Ann"})

    database.run_blocking(fill)
    database.close()


def test_a_person_is_forgotten_and_the_receipt_can_be_checked(earshot: Earshot, folder: Path) -> None:
    heard(folder)
    ran = earshot("forget", "--user", "U0ANN00001", "--yes", "--json")
    assert ran.code == 0 and ran.json["counts"] == {"messages": 2, "people": 1} and ran.json["compacted"]
    kept = folder / "receipt.json"
    kept.write_text(ran.out, encoding="utf-8")
    assert earshot("forget", "--verify", kept).code == 0
    heard(folder)  # it comes back, somehow
    found = earshot("forget", "--verify", kept, "--json")
    assert found.code == 1 and "messages.user (1)" in found.json["found"]


def test_a_dry_night_asks_no_model_and_leaves_the_batches_of_the_store_alone(
    earshot: Earshot, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalAnthropic() as api:
        api.otherwise = well
        asyncio.run(closed_threads(folder, api))
        monkeypatch.setenv("ANTHROPIC_API_KEY", api.key)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.base_url)
        night = "night: {writer: claude}\nslack: {enabled: false}"
        text = f"embedder: {{model: hash}}\nstore: sqlite:///{folder / 'store.db'}\n{night}\n"
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        dry = earshot("night", "--dry-run")
        assert "on a copy threads are distilled offline" in " ".join(dry.err.split())
        assert api.requests == []
        assert "on a copy" not in earshot("night").err
        assert len(api.calls("messages.create")) == 2


async def closed_threads(folder: Path, api: LocalAnthropic) -> None:
    async for world in make(folder, api, Config()):
        await world.ask(1, 2)


def test_forgetting_asks_first_and_a_dry_run_changes_nothing(earshot: Earshot, folder: Path) -> None:
    heard(folder)
    refused = earshot("forget", "--user", "Ann Okafor")
    assert refused.code == 1 and "--yes" in refused.err and "2 messages" in refused.err
    assert (
        "Would forget the user slack:T1/U0ANN00001"
        in earshot("forget", "--user", "Ann Okafor", "--dry-run").out
    )
    assert "Forgot the user" in earshot("forget", "--user", "Ann Okafor", "--yes").out


def test_a_message_is_forgotten_by_the_last_part_of_its_id(earshot: Earshot, folder: Path) -> None:
    heard(folder)
    assert earshot("forget", "--message", "1.000001", "--yes", "--json").json["counts"]["messages"] == 1
    again = earshot("forget", "--channel", "slack:T1/C0HELP001", "--yes", "--json").json
    assert again["counts"]["messages"] == 1  # Bob's


def test_what_is_no_receipt_or_no_choice_is_refused(earshot: Earshot, folder: Path) -> None:
    (folder / "x.json").write_text("{}", encoding="utf-8")
    assert "earshot forget --json" in earshot("forget", "--verify", folder / "x.json").err
    assert earshot("forget").code == 2
    assert earshot("forget", "--user", "a", "--message", "b").code == 2
