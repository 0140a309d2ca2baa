"""Which words of the asker confirm a solution, and what of them is told."""

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.confirmation import confirming, ends_broken
from knowledge.cues import is_solved, is_solved_by_asker, is_still_broken, mentioned, opens_to
from knowledge.distil import words_of_success
from knowledge.solution import candidates, other_talk
from knowledge.thread import Message, Thread, thread_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKS = "ann: The nightly export stops with code 17. Why?"
HOW = "bob: Raise `export.memory` to 2 GB and start the worker again."


def thread(*lines: str | tuple[str, timedelta]) -> Thread:
    """Lines ``"who: text"``, ten minutes apart, or so long after the one before."""
    at, said = START, []
    for number, line in enumerate(lines):
        text, pause = (line, timedelta(minutes=10)) if isinstance(line, str) else line
        at += pause
        user, _, told = text.partition(": ")
        said.append(Message(id=f"m{number}", channel="help", thread="t1", user=user, at=at, text=told))
    return thread_of(said)


def confirmed(*lines: str, solution: int = 1) -> list[str]:
    conversation = thread(ASKS, HOW, *lines)
    return [message.id for message in confirming(conversation, conversation.messages[solution])]


@pytest.mark.parametrize(
    "word",
    [
        "Thanks!",
        "Thanks, I didn't know that setting.",
        "Your suggestion worked, thank you",
        "Setting it to 2 GB did the fix.",
        "Thanks, raising it seems to have worked",
        "Thanks @bob, great",
    ],
)
def test_thanks_and_success_confirm(word: str) -> None:
    assert confirmed(f"ann: {word}") == ["m2"]


@pytest.mark.parametrize(
    "word",
    [
        "Thanks. But that did not always end it cleanly.",
        "Thanks. It doesn't seem to know that key.",
        "Thank you, this works almost as I need it. There is one problem: the log.",
        "Thanks, I will give it a try",
        "Thanks, I will do so",
        "Thanks much. This looks very promising.",
        "Thanks for your question, Bob.",
        "Thank you for writing that!",
        "Thanks @zoe, that is it",
        "When I try it on the Dataset, I get the error 12. That said, thanks for the help.",
        "Thanks. However, it is our second machine.",
    ],
)
def test_thanks_with_a_but_or_for_something_else_confirm_nothing(word: str) -> None:
    assert confirmed("zoe: hm", f"ann: {word}") == []


def test_who_means_to_try_confirms_once_it_works() -> None:
    assert confirmed("ann: Thanks, I'll try.", "ann: That fixed it.") == ["m3"]


def test_thanks_after_the_answer_of_somebody_else_are_for_that() -> None:
    other = "zoe: The folder of the log is full, empty it."
    assert confirmed(other, "ann: thanks!") == []
    assert confirmed(other, "ann: thanks, both!") == ["m3"]
    assert confirmed(other, "ann: thanks @bob!") == ["m3"]


def test_after_new_trouble_thanks_are_for_something_else() -> None:
    assert (
        confirmed("ann: Now the import crashes with code 3.", "bob: Empty the folder.", "ann: thanks") == []
    )


def test_who_tells_his_own_way_does_not_confirm_the_answer_before_it() -> None:
    assert confirmed("ann: Blowing the folder away seems to have worked.", "ann: thanks for your help!") == []


def test_what_the_asker_did_about_it_is_no_end() -> None:
    changed = thread(ASKS, "ann: Port 1 does not work so I changed it to 2.").messages[1:]
    broken = thread(ASKS, "ann: Port 1 does not work.").messages[1:]
    assert (ends_broken(changed), ends_broken(broken)) == (False, True)


def test_a_caveat_is_not_cut_away() -> None:
    log = "The log of that night is long and I have read all of it, from its first line to the last one. " * 3
    beside = f"{log}\n\nThanks a lot. But the second machine still stops."
    apart = f"Thanks a lot.\n\n{log}\n\nBut the second machine still stops."
    clean = f"{log}\n\nThat fixed it, thanks a lot."
    assert words_of_success(beside) == "Thanks a lot. But the second machine still stops."
    assert words_of_success(apart) == ""
    assert words_of_success(clean) == "That fixed it, thanks a lot."


# ---- cues


@pytest.mark.parametrize(
    "text",
    [
        "it froze again near the end",
        "When I use it I get the message 12",
        "none of them worked",
        "There is a different error now",
        "the dashboards are not shown anymore",
    ],
)
def test_it_is_still_broken(text: str) -> None:
    assert is_still_broken(text)
    assert not is_solved(text)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("I managed to open it with port 2", True),
        ("It was a misunderstanding on my part", True),
        ("It was just an issue with the version of the driver", True),
        ("I found it odd that it opens", False),
        ("My question was about the driver", False),
        ("I realised that I think of it otherwise", False),
        ("For anyone who reads this: the solution offered by @bob is fine", False),
    ],
)
def test_who_tells_how_he_solved_it(text: str, own: bool) -> None:
    assert is_solved_by_asker(text) is own


def test_who_is_named() -> None:
    people = ["bob", "slack:T1/U7", "zoe"]
    assert mentioned("thanks <@U7>, and thank you, Bob!", people) == {"bob", "slack:T1/U7"}
    assert opens_to("Hi @zoe, look", people) == "zoe"
    assert opens_to("look, @zoe", people) is None


# ---- what may be the solution


def chosen(*lines: str | tuple[str, timedelta]) -> list[str]:
    return [message.id for message in candidates(thread(ASKS, *lines))]


def test_what_the_asker_chats_is_no_solution() -> None:
    chat = "ann: The second machine has the old disk and the third one has the new network, and both are in one room."
    assert chosen(HOW, chat, "ann: @bob it turns out that most people say so, and you are no better") == [
        "m1"
    ]


def test_how_the_asker_did_it_is() -> None:
    code = "ann: I set it in the file:\n```\nmemory = 2\n```"
    assert chosen(HOW, code) == ["m1", "m2"]
    assert chosen("bob: What do you have in the file?", code) == []
    assert chosen(
        HOW, "zoe: How did you solve it?", "ann: With the memory of the second machine, by hand."
    ) == [
        "m1",
        "m3",
    ]


def test_a_newcomer_with_trouble_of_his_own_is_no_solution() -> None:
    assert chosen("zoe: My import stops with code 3. Can somebody help me?", HOW) == ["m2"]


def test_who_comes_after_weeks_and_speaks_of_something_else_does_not_answer() -> None:
    late = timedelta(days=60)
    assert chosen(HOW, ("zoe: The new office opens on the hill.", late)) == ["m1"]
    assert chosen(HOW, ("zoe: I had it, too, and fixed it by clearing the cache.", late)) == ["m1", "m2"]
    assert chosen(("zoe: The export stops with code 17 where memory is short.", late)) == ["m1"]


def test_an_answer_far_from_the_question_must_speak_of_it() -> None:
    asked = thread(ASKS).messages
    near, far = thread("bob: Use the port."), thread("bob: The nightly export stops where code 17 is read.")
    assert not other_talk(asked, near.opener, 2)
    assert other_talk(asked, near.opener, 6)
    assert other_talk(asked, near.opener, 12)
    assert not other_talk(asked, far.opener, 12)
