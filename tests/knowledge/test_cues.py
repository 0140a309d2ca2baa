"""What is read out of people's words. Each table holds what must be seen and what must not."""

import time
from collections.abc import Callable

import pytest

from knowledge.cues import (
    addressed_to,
    asks_for_help,
    is_ack,
    is_chaser,
    is_me_too,
    is_problem_report,
    is_question,
    is_solved,
    is_solved_by_asker,
    is_still_broken,
    is_substantive,
    is_thanks,
    says_thanks,
)

Cue = Callable[[str], bool]

YES: dict[Cue, list[str]] = {
    is_thanks: [
        "Thanks!",
        "thx, that worked",
        "Thank you so much for the quick reply",
        "@Bob thank you!",
        "That did it, thanks @Bob",
        "Much appreciated",
        "thanks to you it works now",
        "谢谢，解决了",
        "多谢！",
    ],
    says_thanks: ["Thanks! One more question: how do I stop it?", "Thank you, but it still fails"],
    is_question: [
        "How do I log in",
        "hi all, how can I log in",
        "Is there a way to export it",
        "It fails. Any ideas",
        "does anyone know the port",
        "I wonder if it can be done",
        "Not sure how to restart it",
        "It fails?!",
        "这个怎么配置",
        "请问端口是多少",
        "能用吗?谢谢",
        "有没有人知道",
    ],
    is_problem_report: [
        "The job fails with error 5",
        "Login doesn’t work",
        "I can't connect",
        "The page is blank since the upgrade",
        "It worked fine until yesterday, now it crashes",
        "Crash on start. It worked before",
        "HTTP 502 on every request",
        "页面打不开",
        "一直报错",
    ],
    asks_for_help: ["Please send me the manual", "I need access to the console", "帮忙看一下", "It crashes"],
    is_ack: [
        "ok",
        "+1",
        "👍",
        ":thumbsup:",
        "@Bob ok, will try",
        "Got it, thanks!",
        "me too",
        "sounds good",
        "收到，谢谢",
        "",
    ],
    is_chaser: ["any update?", "bump", "Same problem here", "did you ever solve this?", "有进展吗", "me too"],
    is_me_too: ["I have the same problem with version 3", "+1", "We are also facing this", "我也遇到了"],
    is_solved: [
        "That worked!",
        "It works now",
        "works like a charm",
        "It didn't work at first, but now it works",
        "problem solved",
        "Got it working",
        "Fixed it.",
        "That did the trick",
        "解决了",
        "可以了",
    ],
    is_still_broken: [
        "It still doesn’t work",
        "that didn't help",
        "Tried that, same error",
        "No luck",
        "The problem persists",
        "It works on my machine, but the server still crashes",
        "还是不行",
        "仍然报错",
        "没解决",
    ],
    is_solved_by_asker: [
        "I solved it by restarting the worker",
        "Turns out the key had expired",
        "Nevermind, it was a typo",
        "The problem was the firewall",
        "For anyone who finds this: set the port",
        "Figured it out: wrong token",
        "原来是防火墙",
        "自己解决了，重启就行",
    ],
    is_substantive: [
        "You need to restart the worker.",
        "https://docs.example/restart",
        "`app restart`",
        "Which version? If it is 3, restart it.",
        "重启一下服务",
    ],
}
NO: dict[Cue, list[str]] = {
    is_thanks: [
        "thanks in advance",
        "How do I log in? Thanks",
        "Please help me with the login. Thanks!",
        "no thanks",
        "No thanks to the docs I found it",
        "thanks to the new cache it is slow",
        "thanks but no thanks",
        "Any help would be appreciated",
        "Thanks! How do I stop it?",
        "Thanks, but it still fails",
        "`thanks`",
        "> thanks",
        "提前谢谢",
    ],
    says_thanks: ["Can you help? Thanks in advance!", "Thanks for any hint"],
    is_question: [
        "When I click it, it crashes",
        "What I did was restart it",
        "See https://a.example/?q=1",
        "`a ? b : c`",
        "Do this first",
        "How it works is told in the docs",
        "我知道了。",
    ],
    is_problem_report: [
        "No problem",
        "The issue is fixed",
        "It works without errors",
        "If it fails, restart it",
        "It crashed, but now it works",
        "Please open an issue",
        "没问题",
        "```error```",
    ],
    asks_for_help: ["We released version 3 today", "The maintenance is over"],
    is_ack: ["restart it", "ok, restart the worker", "ok, see https://a.example", "`ok`", "重启"],
    is_chaser: [
        "Restart it",
        "Is there any update of the docs since version 3 came out? " + "We read them all. " * 10,
    ],
    is_me_too: ["I had the same problem and solved it by restarting", "It is the same port"],
    is_solved: [
        "I hope it works",
        "Did that work?",
        "If it works, tell me",
        "It should work now",
        "it is not solved",
        "It worked fine before",
        "This works on Linux but not on Windows",
        "没解决",
        "It doesn't work now",
    ],
    is_still_broken: ["It works now", "It didn't work, but now it works", "Restart it", "I still like it"],
    is_solved_by_asker: [
        "How can I get it working?",
        "Have you solved it?",
        "It still fails, turns out",
        "thanks",
    ],
    is_substantive: [
        "Which version do you use?",
        "any update?",
        "same problem here",
        "thanks a lot!",
        "Welcome to the forum!",
        "@Bob",
        "ok",
        "",
    ],
}


def cases(table: dict[Cue, list[str]]) -> list[tuple[Cue, str]]:
    return [(cue, text) for cue, texts in table.items() for text in texts]


@pytest.mark.parametrize(("cue", "text"), cases(YES))
def test_the_cue_is_seen(cue: Cue, text: str) -> None:
    assert cue(text)


@pytest.mark.parametrize(("cue", "text"), cases(NO))
def test_the_cue_is_not_seen(cue: Cue, text: str) -> None:
    assert not cue(text)


NAMES = {"Bob": "u1", "Ann Ash": "slack:T1/U2", "Ann Birch": "u3", "张三": "u4", "Eve Miller": "u5"}


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("@Bob could you look", "u1"),
        ("@bob: it is down", "u1"),
        ("Bob: it is down", "u1"),
        ("Bob, can you look?", "u1"),
        ("bob can you look?", "u1"),
        ("Hi Bob! It is down", "u1"),
        ("hey @Bob it is down", "u1"),
        ("It is down, could you look @Bob?", "u1"),
        ("It is down. @Bob can you look", "u1"),
        ("<@U2> look", "slack:T1/U2"),
        ("<@U2|ann> look", "slack:T1/U2"),
        ("@Ann Ash look", "slack:T1/U2"),
        ("@Ann Birch look", "u3"),
        ("Eve, is it on?", "u5"),
        ("@张三你能看一下吗", "u4"),
        ("张三，服务挂了", "u4"),
        ("张三 你能看一下吗", "u4"),
        ("请问张三，怎么重启？", "u4"),
        ("怎么重启，张三？", "u4"),
        ("How do I restart it, Bob?", "u1"),
        ("Bob - how do I restart it?", "u1"),
        ("Bob? How do I restart it?", "u1"),
        ("@Ann Birch @Bob please look", "u3"),
        ("it is down", None),
        ("As @Bob said, it is down", None),
        ("@Bob said that it is down. Any ideas?", None),
        ("Thanks to @Bob it works", None),
        ("Bobby, can you look?", None),
        ("How do I restart it, Bobby?", None),
        ("Was it Bob?", None),
        ("Bob-1 is down", None),
        ("Bob and I restarted it", None),
        ("Bob, Ann and I restarted it", None),
        ("Ann, can you look?", None),  # there are two of them
        ("mail me at x@bob", None),
        ("@here it is down", None),
        ("", None),
    ],
)
def test_whom_a_message_is_said_to(text: str, user: str | None) -> None:
    assert addressed_to(text, NAMES) == user


HOSTILE = [
    "!" * 20_000 + "x",
    "if " * 8_000,
    "still " * 5_000,
    "ok " * 8_000 + "x",
    "``` ` " * 4_000,
    "@a" * 10_000,
    "It is down, Bob" + " " * 20_000 + "x",
]
HOSTILE += [
    "thanks for " * 2_000,
    "a.b." * 6_000,
    "it was the " * 2_500,
    "> \n" * 8_000,
    "好" * 20_000 + "x",
    " " * 20_000,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_takes_long_to_read(text: str) -> None:
    began = time.perf_counter()
    for cue in YES:
        cue(text)
    addressed_to(text, NAMES)
    assert time.perf_counter() - began < 2
