"""What a claim may say: nothing but what its quotes say, in other words at most."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knowledge.exact import numbered, numbers_in, stands
from knowledge.grounding import Fault, faults_in

FULL = (
    "MLR-4090 means that the spill folder is full. Run `millrace spill clean --older 7d` and restart the gate. "
    "Never delete the folder itself."
)
LIMIT = (
    "The importer reads at most 500 rows per request. "
    "Raise `import.batch_rows` in quarry.yaml to 2,000 if you need more."
)
ADMINS = "This only works for workspace admins. Members need to ask Dana in the network team."
CACHE = "Set `TRELLIS_CACHE=off` before you run the migration. It might write stale rows otherwise."
FAILOVER = "The sidecar sometimes keeps an old address for up to 30 s after a failover."
KINDS = "The mobile app keeps a session for 14 days; the web app logs you out after 8 hours."
DOCS = "The docs are at https://docs.heronstack.io/backup. Restore with `heron restore --latest`."
STUCK = "If the queue is stuck, restart the broker."
ZH = (
    "先运行 `millrace spill clean --older 7d` 清理，再重启网关。"
    "不要删除目录本身。只有管理员可以安装应用，请联系张敏开通。"
)

FAITHFUL = {
    "in other words": (
        "The spill folder is full: run `millrace spill clean --older 7d`, then restart the gate.",
        FULL,
    ),
    "shorter": ("Clean it with `millrace spill clean --older 7d`.", FULL),
    "with its no": ("Don't delete the folder itself.", FULL),
    "as a list": ("- Run `millrace spill clean --older 7d`\n- Restart the gate", FULL),
    "with a yes before it": ("Yes, the importer reads up to 500 rows per request.", LIMIT),
    "a number in another spelling": ("Set `import.batch_rows` in quarry.yaml to 2000.", LIMIT),
    "a unit in another spelling": (
        "After a failover the sidecar may keep an old address for up to 30 seconds.",
        FAILOVER,
    ),
    "with its limit": (
        "Only workspace admins can do this; members have to ask Dana in the network team.",
        ADMINS,
    ),
    "in another order of words": ("Before running the migration, set `TRELLIS_CACHE=off`.", CACHE),
    "in bold": ("**Restore** with `heron restore --latest`.", DOCS),
    "with its address": ("See the docs at https://docs.heronstack.io/backup.", DOCS),
    "in Chinese": ("请先运行 `millrace spill clean --older 7d`，然后重启网关。", ZH),
    "a limit in Chinese": ("只有管理员才能安装应用。", ZH),
}

SPOILT = {
    "another code": ("MLR-4900 means that the spill folder is full.", FULL, Fault.NUMBER),
    "another number": ("The importer reads at most 5000 rows per request.", LIMIT, Fault.NUMBER),
    "part of a number": ("The importer reads at most 50 rows per request.", LIMIT, Fault.NUMBER),
    "another unit": (
        "The sidecar sometimes keeps an old address for up to 30 minutes after a failover.",
        FAILOVER,
        Fault.NUMBER,
    ),
    "another period": ("The importer reads at most 500 rows per day.", LIMIT, Fault.NUMBER),
    "another command": ("Run `millrace spill drop --older 7d` and restart the gate.", FULL, Fault.CODE),
    "another flag": ("Restore with `heron restore --force`.", DOCS, Fault.CODE),
    "a command without a code span": ("Then run docker restart on the gate.", FULL, Fault.CODE),
    "code in other letters": ("Run `Millrace spill clean --older 7d`.", FULL, Fault.CODE),
    "another host": ("The docs are at https://docs.heronstack.com/backup.", DOCS, Fault.ADDRESS),
    "a longer host": ("The docs are at https://docs.heronstack.io.evil.example/backup.", DOCS, Fault.ADDRESS),
    "the beginning of an address": ("See the docs at https://docs.heronstack.io", DOCS, Fault.ADDRESS),
    "another person": ("Members need to ask Miguel in the network team.", ADMINS, Fault.NAME),
    "somebody mentioned": ("Members need to ask @dana in the network team.", ADMINS, Fault.NAME),
    "another product": ("Marlin needs its spill folder cleaned.", FULL, Fault.NAME),
    "another person in Chinese": ("请联系李娜开通。", ZH, Fault.NAME),
    "a no taken away": ("Delete the folder itself.", FULL, Fault.NEGATION),
    "a no added": ("The spill folder is not full.", FULL, Fault.NEGATION),
    "a no about all of it": ("Do not do this: restart the gate.", FULL, Fault.NEGATION),
    "a no about all of it, where there is a bare one": (
        "Do not do this: ask Dana.",
        "The 403 is from the proxy and not from us. Ask Dana.",
        Fault.NEGATION,
    ),
    "a no taken away in Chinese": ("清理之后删除目录本身。", ZH, Fault.NEGATION),
    "the opposite": ("The importer reads at least 500 rows per request.", LIMIT, Fault.OPPOSITE),
    "the opposite verb": ("Lower `import.batch_rows` in quarry.yaml to 2000.", LIMIT, Fault.OPPOSITE),
    "a limit left out": ("This works for workspace admins.", ADMINS, Fault.CONDITION),
    "a limit added": ("Restore with `heron restore --latest` only on Linux.", DOCS, Fault.CONDITION),
    "a condition left out": ("Restart the broker.", STUCK, Fault.CONDITION),
    "a guess made certain": ("It writes stale rows otherwise.", CACHE, Fault.STRENGTH),
    "sometimes made always": (
        "The sidecar always keeps an old address after a failover.",
        FAILOVER,
        Fault.STRENGTH,
    ),
    "the order": ("Set `TRELLIS_CACHE=off` after you run the migration.", CACHE, Fault.ORDER),
    "the order in Chinese": ("先重启网关，再运行 `millrace spill clean --older 7d` 清理。", ZH, Fault.ORDER),
    "one thing for another": ("The web app keeps a session for 14 days.", KINDS, Fault.MIXED),
    "a step that nobody named": ("Restart the gate and clear your browser cookies.", FULL, Fault.UNSUPPORTED),
    "good wishes": (f"{FULL} Good luck!", FULL, Fault.UNSUPPORTED),
    "something else": ("Grant yourself the owner role.", FULL, Fault.UNSUPPORTED),
    "a placeholder": ("Ask <name 1> to restart the gate.", FULL, Fault.PLACEHOLDER),
    "a mark of the prompt": ("Restart the gate [2].", FULL, Fault.PLACEHOLDER),
    "a character that nobody sees": ("Restart the g\u200bate.", FULL, Fault.HIDDEN),
}


@pytest.mark.parametrize(("text", "quote"), FAITHFUL.values(), ids=FAITHFUL.keys())
def test_what_a_source_says_may_be_said_in_other_words(text: str, quote: str) -> None:
    assert faults_in(text, [quote], "How do I do that?") == ()


@pytest.mark.parametrize(("text", "quote", "fault"), SPOILT.values(), ids=SPOILT.keys())
def test_what_no_source_says_may_not_be_said(text: str, quote: str, fault: Fault) -> None:
    assert fault in faults_in(text, [quote], "How do I do that?")


def test_a_claim_says_something_and_has_a_source() -> None:
    assert faults_in(" ", [FULL]) == (Fault.EMPTY,)
    assert faults_in("Restart the gate.", []) == (Fault.UNCITED,)
    assert faults_in("Restart the gate.", [" "]) == (Fault.UNCITED,)


def test_names_numbers_and_code_may_come_from_the_conversation() -> None:
    text = "On node-7 restart the gate of Heron with `svc restart`."
    assert {Fault.NUMBER, Fault.NAME, Fault.CODE} <= set(faults_in(text, [FULL]))
    assert faults_in(text, [FULL], "Heron's gate on node-7 stops, is `svc restart` right?") == ()


def test_what_is_to_be_done_may_not_come_from_the_conversation() -> None:
    assert Fault.UNSUPPORTED in faults_in("Reinstall the gate.", [LIMIT], "Shall I reinstall the gate?")


def test_two_quotes_may_be_put_together() -> None:
    both = "Set `TRELLIS_CACHE=off` before the migration, and restart the gate."
    assert faults_in(both, [CACHE, FULL]) == ()
    assert faults_in(both, [FULL]) != ()


BLOCK = "Do this:\n```\nsvc stop\nsvc wipe --old\nsvc start\n```\nor, if you are in a hurry, `svc bounce`."


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("```\nsvc stop\nsvc wipe --old\nsvc start\n```", True),
        ("Do this:\n```bash\nsvc stop\nsvc wipe --old\n```", True),
        ("```\nsvc stop\nsvc start\n```", False),
        ("```\nsvc wipe --old\nsvc stop\n```", False),
        ("```\nsvc wipe --all\n```", False),
        ("```\nrm -rf /\n```", False),  # it stands in the conversation, and no source says to run it
        ("1. Do this: `svc stop`", True),
    ],
)
def test_a_block_of_code_stands_in_a_source_as_it_is(text: str, holds: bool) -> None:
    assert (faults_in(text, [BLOCK], "I ran `rm -rf /`, how do I restart?") == ()) is holds


@pytest.mark.parametrize("source", [FULL, LIMIT, ADMINS, CACHE, FAILOVER, KINDS, DOCS, ZH])
@given(data=st.data())
def test_any_words_of_a_quote_may_be_said_as_they_stand(source: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(source) - 1))
    end = data.draw(st.integers(start + 1, len(source)))
    assume(source[start:end].strip())
    assert faults_in(source[start:end], [source]) == ()


@given(number=st.integers(0, 10**6), place=st.integers(0, 6), digit=st.integers(0, 9))
def test_no_digit_of_a_number_may_change(number: int, place: int, digit: int) -> None:
    said = str(number)
    other = said[: place % len(said)] + str(digit) + said[place % len(said) + 1 :]
    assume(said != other)
    source = f"The importer of quarry reads {said} rows per request."
    assert faults_in(f"Quarry's importer reads {said} rows per request.", [source]) == ()
    assert Fault.NUMBER in faults_in(f"Quarry's importer reads {other} rows per request.", [source])


PLAIN = [
    "The importer reads the whole file.",
    "Heron keeps its backups for a year.",
    "The gate restarts after the cleaning.",
    "Members can open the report.",
    "网关会重启。",
]


@given(st.sampled_from(PLAIN), st.data())
def test_a_not_may_not_be_added_anywhere(source: str, data: st.DataObject) -> None:
    if source.isascii():
        words = source.split()
        place = data.draw(st.integers(1, len(words) - 1))
        denied = " ".join([*words[:place], "not", *words[place:]])
    else:
        place = data.draw(st.integers(2, len(source) - 2))
        denied = f"{source[:place]}不{source[place:]}"
    assert Fault.NEGATION in faults_in(denied, [source])


@given(st.text(max_size=300), st.text(min_size=1, max_size=300))
def test_any_text_can_be_judged(text: str, source: str) -> None:
    assert set(faults_in(text, [source], text)) <= set(Fault)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("30 seconds", "30s"),
        ("30秒", "30 s"),
        ("1,000 rows", "1000 rows"),
        ("５ minutes", "5 min"),
        ("three times", "3 times"),
        ("两次", "2次"),
        ("80 percent", "80%"),
    ],
)
def test_a_number_has_one_spelling(one: str, other: str) -> None:
    assert list(numbers_in(one)) == list(numbers_in(other)) != []
    assert numbered(one).split() == numbered(other).split()


@pytest.mark.parametrize("text", ["3.1.2", "13.1", "v3.1-rc1", "x3.1", "/3.1/x"])
def test_a_version_stands_whole(text: str) -> None:
    assert not stands("3.1", [f"Use {text} now"])
    assert stands("3.1", ["Use 3.1, now."])
