"""What of a message is kept for a reader who was not there, and what goes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.distil import Left, Part, distil, essentials, questions, sift, title_of, words_of_success
from knowledge.private import generalised
from knowledge.products import products_of

KEPT = "Restart the gate with `gate restart`."


# ---- sentences

GOES_FROM_BOTH = [
    "Hi all,",
    "Hello everyone!",
    "Hey @<name 1>,",
    "Good morning team!",
    "大家好！",
    "您好，",
    "Thanks in advance!",
    "Any help would be greatly appreciated.",
    "Any ideas?",
    "Please help!",
    "Can anyone help me with this?",
    "Thank you so much for your time!",
    "先谢谢各位了！",
    "多谢！",
    "求助各位大佬。",
    "Sorry for the late reply.",
    "Hope this helps!",
    "Let me know if that works for you.",
    "You're welcome!",
    "Great question!",
    "Welcome to the forum!",
    "cc @<name 2>",
    "Please ask <name 2> about it.",
    "Ping @<name 3> and he can do it.",
    "DM me for the rest.",
    "@<name 2> can you have a look?",
    "有问题找<name 2>。",
    "私聊我。",
    "As discussed yesterday.",
    "See above.",
    "I sent you a DM.",
    "Let's take this offline.",
    "如上。",
    "Tracked in <ticket 1>.",
    "Ticket: <ticket 1>",
    "工单：<ticket 1>",
    "image.png",
    "Screenshot attached.",
    "This is urgent!",
    "> the gate is broken",
    "<name 3>",
]
GOES_FROM_SOLUTIONS = [
    "The gate is down right now.",
    "It's back up since 10:00.",
    "We are back online now.",
    "I'm on it.",
    "I'll deploy the fix tonight.",
    "We will restart it this afternoon.",
    "Looking into it.",
    "Please stand by.",
    "It should be fixed tomorrow.",
    "Give me a minute.",
    "I'll check and get back to you.",
    "我看一下。",
    "正在处理。",
    "已恢复。",
    "今晚发布。",
    "稍等。",
    "I fixed it for you now.",
    "Restart done on our side.",
    "I've added you to the group.",
    "You should have access now.",
    "Please try again.",
    "It should work now.",
    "帮你重启了。",
    "已经修复了，你再试试。",
    "What version do you use?",
    "Can you post the log?",
    "Could you please share a screenshot?",
    "Which error do you get?",
    "你用的什么版本？",
    "能发一下日志吗？",
    "Interesting!",
    "That's weird.",
    "This website is great!",
    "Hopefully this helps with it.",
    "Okay, will give that a try.",
    "Works for me.",
    "No idea, sorry.",
    "Same here.",
    "奇怪。",
]
STAYS_IN_BOTH = [
    "The import fails with MLR-4090 since the upgrade.",
    "Set `slots = 4` in the pool and restart the workers.",
    "Run `kafka-topics --list` first.",
    "Upgrade to 8.0.2, it is fixed there.",
    "It is caused by CVE-2021-44228.",
    "Dates must be ISO-8601, see RFC 3339.",
    "See https://github.com/example/app/issues/4711 for the reason.",
    "The token expires after 72 hours.",
    "Ask the administrator of the database to grant SELECT on the view.",
    "The cache is slow because it is on a network disk.",
    "Back up the database before the upgrade.",
    "把超时改成 60 秒，然后重启服务。",
    "导入失败，报错 ERR_CONNECTION_REFUSED。",
    "在配置里加上 `proxy_read_timeout 1h;`。",
    "This should work with version 3 and later.",
    "Change it back again when the migration is finished.",
    "Never delete the state folder.",
    "Does the proxy strip the header?",
]
STAYS_IN_SOLUTIONS = [
    "Have you tried to set the base_url?",
    "Could it be that the clock is wrong?",
    "Until we deploy the fix tonight, run `gate restart --safe`.",
    "I fixed it by setting the port to 2.",
    "Thanks, setting the port to 2 by hand solved it after adding the rule.",
]
STAYS_IN_PROBLEMS = [
    "The gate is down right now.",
    "What version do I need?",
    "Can I restart it while a run is active?",
    "How do I change the port?",
    "It should work now, but it does not.",
    "服务器现在连不上了。",
]


def around(sentence: str) -> str:
    return f"{KEPT}\n\n{sentence}\n\nThe port is 5000."


def left_after(sentence: str, part: Part) -> str:
    return distil(around(sentence), part)


@pytest.mark.parametrize("part", list(Part))
@pytest.mark.parametrize("sentence", GOES_FROM_BOTH)
def test_what_helps_nobody_later_goes(sentence: str, part: Part) -> None:
    assert left_after(sentence, part) == f"{KEPT}\nThe port is 5000."


@pytest.mark.parametrize("sentence", GOES_FROM_SOLUTIONS)
def test_states_deeds_and_questions_back_go_from_a_solution(sentence: str) -> None:
    assert left_after(sentence, Part.SOLUTION) == f"{KEPT}\nThe port is 5000."


@pytest.mark.parametrize(
    ("sentence", "part"),
    [
        *(
            (sentence, part)
            for sentence in STAYS_IN_BOTH
            for part in Part
            if not (sentence.endswith("header?") and part is Part.SOLUTION)
        ),
        *((sentence, Part.SOLUTION) for sentence in STAYS_IN_SOLUTIONS),
        *((sentence, Part.PROBLEM) for sentence in STAYS_IN_PROBLEMS),
    ],
)
def test_what_tells_something_stays_as_it_stands(sentence: str, part: Part) -> None:
    assert left_after(sentence, part) == around(sentence)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Hi all, the import hangs, thanks in advance!", "the import hangs"),
        ("Hello @<name 1>, use port 2.", "use port 2."),
        ("@<name 12> use port 2.", "use port 2."),
        ("<@<name 1>> use port 2.", "use port 2."),
        ("Hey, I get an error", "I get an error"),
        ("Hi I get an error", "I get an error"),
        ("你好，请问怎么改端口？", "请问怎么改端口？"),
        ("端口改成 2，谢谢各位！", "端口改成 2"),
        ("Hi there is no port", "Hi there is no port"),
        ("Hello World fails to build", "Hello World fails to build"),
        ("Use port 2.\n\nBest regards,\nBob Miller\nAcme", "Use port 2."),
        ("Use port 2.\n\nCheers,\n<name 3>", "Use port 2."),
        ("Use port 2.\n-- \nBob Miller\n+49 1234", "Use port 2."),
        ("Use port 2.\n\nBob", "Use port 2."),
        ("Use port 2.\n\nThanks,\nBob", "Use port 2."),
        ("Set the type to\n\nString", "Set the type to\n\nString"),
        ("best practice:\nbest of all use port 2", "best practice:\nbest of all use port 2"),
        ("@app.route decorates it", "@app.route decorates it"),
        ("```quote\nuse port 1\n```\nuse port 2", "use port 2"),
        ("Bob said:\n\nUse port 2.", "Use port 2."),
        (
            "Version: 3.1\n\nBrowser:\n\nInstalled by:\n\nIt hangs.",
            "Version: 3.1\nInstalled by:\n\nIt hangs.",
        ),
    ],
)
def test_the_beginning_and_the_end_are_trimmed(text: str, kept: str) -> None:
    assert distil(text, Part.SOLUTION) == kept


def test_code_and_logs_are_kept_whole() -> None:
    code = "```\n$ ping db\nthanks in advance\n> quoted\nERROR MLR-1\n```"
    assert distil(f"Hi!\n{code}\nThanks!", Part.SOLUTION) == code


def test_the_reasons_are_told() -> None:
    sifted = sift("Which version do you use? Looking into it.\n> no\nUse port 2.", Part.SOLUTION)
    assert sifted.text == "Use port 2."
    assert sifted.left_out == {Left.ASKS_BACK, Left.PASSING, Left.QUOTED}


@settings(deadline=None)  # the first call compiles patterns
@given(st.text(max_size=80), st.sampled_from(list(Part)))
def test_whatever_is_kept_stands_in_the_message(text: str, part: Part) -> None:
    assert all(line.strip() in text for line in distil(text, part).splitlines())


@settings(deadline=None)  # the first call compiles patterns
@given(
    st.lists(st.sampled_from([*GOES_FROM_BOTH, *GOES_FROM_SOLUTIONS, *STAYS_IN_BOTH]), max_size=5),
    st.sampled_from(list(Part)),
)
def test_to_distil_again_changes_nothing(lines: list[str], part: Part) -> None:
    once = distil("\n\n".join(lines), part)
    assert distil(once, part) == once


@pytest.mark.parametrize(
    "text", ["\n" * 20_000, "a " * 20_000, "@" * 20_000, "1." * 10_000, "`" * 999, "<name 1> " * 2_000]
)
def test_long_runs_cost_no_time(text: str) -> None:
    generalised([text])
    distil(text, Part.SOLUTION)
    products_of([text])
    title_of([text])


# ---- questions back, quotations and code


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Do you use the gate? If so, set port 2.", "Do you use the gate? If so, set port 2."),
        ("Do you use the gate? Set port 2.", "Set port 2."),
        ("Can you send the output?\n```\nmake -n\n```", ""),
        ("Can you send the output?\n```\nmake -n\n```\nUse port 2.", "```\nmake -n\n```\nUse port 2."),
        ("Can you run the dry one?\n```\nmake -n\n```", "Can you run the dry one?\n```\nmake -n\n```"),
        ("Are you sure that the port is open?", "Are you sure that the port is open?"),
        ("Which platform is it? Bitnami? AWS?", ""),
        ("Can you make sure that the port is open?", "Can you make sure that the port is open?"),
        ("You write them out by hand into the list.", "You write them out by hand into the list."),
        ("Use port 2.\n*their", "Use port 2."),
        ("Maybe I'm explaining this badly. Use port 2.", "Use port 2."),
    ],
)
def test_what_hangs_on_a_question_stays_or_goes_with_it(text: str, kept: str) -> None:
    assert distil(text, Part.SOLUTION) == kept


def test_only_what_was_said_before_is_a_quotation() -> None:
    before = (
        "The import of the orders fails with MLR-4090 tonight. The gate refuses every order of the north.",
    )
    answer = (
        "> (define the gate 2)\nThe gate refuses every order of the north.\n"
        "> The import of the orders fails\nUse port 2."
    )
    assert distil(answer, Part.SOLUTION, before) == "> (define the gate 2)\nUse port 2."
    assert distil(answer, Part.PROBLEM, ()) == answer
    assert distil("> The import of the orders fails", Part.SOLUTION, before) == ""


def test_code_that_nobody_fenced_stays_whole() -> None:
    code = "var data = [\n{\ntype: 1,\nok,\n}\n];"
    assert distil(f"Hi!\n\n{code}\n\nThanks!", Part.PROBLEM) == code
    assert distil("Hi all,\n\nthanks,\n\nok,\n\nok,\n\nThe gate hangs.", Part.PROBLEM) == "The gate hangs."


# ---- what an asker adds, and says when it worked


@pytest.mark.parametrize(
    ("text", "asked", "kept"),
    [
        ("Sure, here it is:\n```\nERROR MLR-4090 refused\n```", False, "```\nERROR MLR-4090 refused\n```"),
        ("```\nport = 2\n```", False, ""),
        ("```\nport = 2\n```", True, "```\nport = 2\n```"),
        ("We run 3.1.2 on Linux. Nice day!", False, "We run 3.1.2 on Linux."),
        ("版本是 v10.1", False, "版本是 v10.1"),
        ("ok, I will try", True, ""),
        ("Is it fixed in 3.2?", True, ""),
        ("8.0.2", True, "8.0.2"),
        ("It is told in section 5.9 of the book.", False, ""),
        ("Maybe it fails on v10.1.0.", False, ""),
        ("ERROR:", True, ""),
        ("I changed it:\n```\nport = 2\n```", True, "I changed it:\n```\nport = 2\n```"),
        ("Port 2 is open. The worker fails to start.", True, "The worker fails to start."),
    ],
)
def test_only_errors_versions_and_logs_are_added(text: str, asked: bool, kept: str) -> None:
    assert essentials(text, asked=asked) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I see. How do I release the lock of the run?", "How do I release the lock of the run?"),
        (
            "Why does this stop the run?\n```\nport = 2\n```",
            "Why does this stop the run?\n```\nport = 2\n```",
        ),
        ("Any update on the lock of the run?", ""),
        ("What do you mean by the lock of the run?", ""),
        ("Which one?", ""),
    ],
)
def test_what_is_asked_last_is_added(text: str, kept: str) -> None:
    assert essentials(text, questions=True) == kept
    assert questions(text) == bool(kept)


def test_what_is_added_is_bounded() -> None:
    assert essentials(f"```\nERROR {'x' * 900}\n```\nIt is 3.1.2.") == "It is 3.1.2."


def test_of_a_long_confirmation_only_that_it_worked_is_kept() -> None:
    story = "I looked at the weather and it was fine. " * 10
    assert words_of_success(f"{story}That worked, thanks! {story}") == "That worked, thanks!"
    assert words_of_success("Works now 🎉\nimage.png") == "Works now 🎉"


# ---- titles


@pytest.mark.parametrize(
    ("texts", "title"),
    [
        (["Hi! We upgraded on Monday. The import fails with MLR-4090."], "The import fails with MLR-4090."),
        (
            ["Import hangs after the upgrade\n\nHello,\nwe run 3.1 and get MLR-4090."],
            "Import hangs after the upgrade",
        ),
        (
            ["I write a linter that reads modules as syntax. This does not work well."],
            "I write a linter that reads modules as syntax.",
        ),
        (["JIRA-7: import of the orders fails"], "import of the orders fails"),
        (["Hey @<name 1>, how do I change the port of the gate?"], "how do I change the port of the gate?"),
        (["Hi", "the import of the orders hangs"], "the import of the orders hangs"),
        (["大家好，我们昨天升级了。导入失败，报错 MLR-4090。"], "导入失败，报错 MLR-4090。"),
        (
            ["Any ideas? The gate of the north line refuses everybody."],
            "The gate of the north line refuses everybody.",
        ),
        (["```\nmake all\n```"], "make all"),
        (
            ["I've a question about `syntax-case`", "Is it possible to use the pattern of `or` in it?"],
            "Is it possible to use the pattern of `or` in it?",
        ),
        (["https://example.com/a/long/page says so. But the gate refuses it?"], "But the gate refuses it?"),
        (
            ["I believe the gate is not safe. What is the state of the gate?"],
            "What is the state of the gate?",
        ),
        ([], ""),
    ],
)
def test_the_title_says_what_it_is_about(texts: list[str], title: str) -> None:
    assert title_of(generalised(texts)) == title


# ---- what only those who were there know


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("db-prod-03 and web-01 refuse db-prod-03", "<host 1> and <host 2> refuse <host 1>"),
        ("ssh to kafka1.prod.internal:9092", "ssh to <host 1>:9092"),
        ("see http://wiki.corp/page and db1.corp.local", "see http://<host 1>/page and <host 2>"),
        ("[root@web01 ~]# ls", "[<host 1> ~]# ls"),
        ("(base) ann@laptop:~$ make", "(base) <host 1>:~$ make"),
        ("[ann@huor:~/tmp plt] make", "[<host 1>:~/tmp plt] make"),
        ("> > [root@82b767ec34d4 current]# ls", "> > [<host 1> current]# ls"),
        ("ip-10-0-3-7.ec2.internal", "<host 1>"),
        (
            "JIRA-123 and INC0012345, filed as MRQ-431, #4711",
            "<ticket 1> and <ticket 2>, filed as <ticket 3>, <ticket 4>",
        ),
        ("ticket 123456 and case number 0012345", "ticket <ticket 1> and case number <ticket 2>"),
        ("工单：88231 已提", "工单：<ticket 1> 已提"),
        ("our customer Globex cannot log in", "our customer <customer 1> cannot log in"),
        ("it is for Acme Metal GmbH", "it is for <customer 1>"),
        ("客户：远洋物流，无法登录", "客户：<customer 1>，无法登录"),
        ("/home/scott/app and C:\\Users\\scott\\app", "/home/<user 1>/app and C:\\Users\\<user 1>\\app"),
        ("see ~scott/app/x.py", "see ~<user 1>/app/x.py"),
        ("@hhamalai knows, @Mary Jones too", "@<name 1> knows, @<name 2> too"),
        ("<name 4> and @somebody", "<name 4> and @<name 5>"),
    ],
)
def test_hosts_tickets_customers_and_people_get_placeholders(text: str, kept: str) -> None:
    assert generalised([text]) == [kept]


@pytest.mark.parametrize(
    "text",
    [
        "MLR-4090, ORA-12547, ERR_CONNECTION and DPI-1047",
        "CVE-2021-44228, RFC-2616, ISO-8601, UTF-8, SHA-256",
        "https://jira.example.com/browse/ABC-12 and https://github.com/a/b/issues/4711#issuecomment-123456",
        "fixed in PR #4711 and commit 53aa5117, option #2",
        "color: #574859; and `#12345`",
        "localhost:5000, example.com, db.example.com, host.docker.internal, redis.default.svc.cluster.local",
        "settings.local, threading.local(), us-east-1, redash_worker_1, python-3, node-17",
        "Python 3.9, redash 8.0.0+b32245, 10.0.0.1:8080",
        "npm i @angular/core@latest and @property and a@b.c",
        "/home/ubuntu/app, /home/user/x, /var/lib/app/state",
        "~/app and Copyright 2021 Google Inc. and a~b/c",
        "the customer table and client.connect(), a client Timeout error",
    ],
)
def test_what_is_technical_survives(text: str) -> None:
    assert generalised([text]) == [text]


def test_the_same_is_called_the_same_in_the_whole_thread() -> None:
    assert generalised(["db-prod-03 hangs", "DB-prod-03, not db-prod-04"]) == [
        "<host 1> hangs",
        "<host 1>, not <host 2>",
    ]


# ---- products


@pytest.mark.parametrize(
    ("text", "products"),
    [
        (
            "Redash Version: 8.0.0+b32245, Ubuntu 16.04 and Python 3",
            ("Redash 8.0.0+b32245", "Ubuntu 16.04", "Python 3"),
        ),
        ("numpy==1.21.0 on v10.1", ("numpy 1.21.0", "v10.1")),
        ("our health Redash 4.0.2, however 20.3.4, upgraded from v4", ("Redash 4.0.2",)),
        (
            "npm WARN deprecated request@2.88.2: use got 3.1.0\nSee Screen-Shot-2021-11-17-at-1.22.19-PM.png",
            (),
        ),
        ("Notebook Gallery 2019.12", ()),
        ("Chrome Version 90.0.4430.93", ("Chrome 90.0.4430.93",)),
        ("Millrace 2.9.0 and again millrace 2.9.0, v2.9.0", ("Millrace 2.9.0",)),
        ("版本是 v10.2", ("v10.2",)),
        ("it took 2.5 s at 10.0.0.1 on 2024.01.05, page 3.1, from 1.2 to 1.3", ()),
    ],
)
def test_products_are_named_with_their_versions(text: str, products: tuple[str, ...]) -> None:
    assert products_of([text]) == products
