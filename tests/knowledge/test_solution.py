"""Which message is taken for the solution, when it counts as confirmed, and how likely the thread was resolved."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import train_solution
from knowledge.resolution import resolution_of
from knowledge.signs import Scene, reads_like
from knowledge.solution import Model, Solution, candidates, find_solution, model
from knowledge.thread import Message, Reaction, Role, Thread, thread_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ROLES = {"ann": Role.CUSTOMER, "bob": Role.ANALYST, "robo": Role.BOT}
ASKS = "ann: The nightly export stops with code 17. Why?"
HOW = "Raise `export.memory` to 2 GB and start the worker again."


def thread(*lines: str | tuple[str, Reaction]) -> Thread:
    """Lines ``"who: text"``, ten minutes apart; with what somebody reacted."""
    said = [(line, ()) if isinstance(line, str) else (line[0], (line[1],)) for line in lines]
    return thread_of(
        [
            Message(
                id=f"m{number}",
                channel="help",
                thread="t1",
                user=line.partition(": ")[0],
                at=START + number * timedelta(minutes=10),
                text=line.partition(": ")[2],
                role=ROLES.get(line.partition(": ")[0], Role.UNKNOWN),
                reactions=reactions,
            )
            for number, (line, reactions) in enumerate(said)
        ]
    )


def found(*lines: str | tuple[str, Reaction]) -> Solution:
    solution = find_solution(thread(*lines))
    assert solution is not None
    return solution


# ---- which message


@pytest.mark.parametrize(
    ("lines", "solution"),
    [
        # a question back is not it, even just before the asker speaks
        ((ASKS, "bob: Which version is it?", "ann: 4.2", f"bob: {HOW}", "ann: that did it, thanks"), "m3"),
        # nor is a remark after the thanks
        ((ASKS, f"bob: {HOW}", "ann: works now, thank you!", "bob: Glad to hear. Such things happen."), "m1"),
        # nor what the asker adds to his question
        (
            (ASKS, "ann: It runs on the second machine, with the old disk.", f"bob: {HOW}", "ann: thanks"),
            "m2",
        ),
        # what the asker refutes at once is not it, however well it reads
        ((ASKS, f"bob: {HOW}", "ann: that did not help", "zoe: Then set the limit of the shell."), "m3"),
        # a question that hits it is
        ((ASKS, "bob: Did you clear the cache folder?", "ann: No! Works now, thanks."), "m1"),
        # the asker who tells how he solved it is, where nobody answered
        ((ASKS, "bob: Which version?", "ann: I fixed it by giving it more memory."), "m2"),
        # in Chinese, too
        (
            (
                "ann: 导出失败，为什么？",
                "bob: 哪个版本？",
                "ann: 四点二",
                "bob: 把内存改成两个G。",
                "ann: 可以了，谢谢",
            ),
            "m3",
        ),
        (("ann: 导出失败，为什么？", "bob: 把内存改大。", "ann: 还是不行", "zoe: 重启一下服务。"), "m3"),
    ],
)
def test_the_message_that_solves_it_is_seen(lines: tuple[str, ...], solution: str) -> None:
    assert found(*lines).message.id == solution


TICK = Reaction(name="white_check_mark", user="kim")


@pytest.mark.parametrize(
    "mark",
    [TICK, replace(TICK, user="ann"), Reaction(name="+1", user="ann"), Reaction(name="tada", user="ann")],
)
def test_what_people_marked_decides(mark: Reaction) -> None:
    words = (
        ASKS,
        ("zoe: Maybe ask the vendor about it some day.", mark),
        f"bob: {HOW}",
        "ann: that fixed it, thanks",
    )
    assert found(*words).message.id == "m1"
    assert found(*words).why in ("ticked", "liked by the asker")
    assert found(words[0], "zoe: Maybe ask the vendor about it some day.", *words[2:]).message.id == "m2"


def test_a_tick_beats_the_askers_like() -> None:
    like = Reaction(name="+1", user="ann")
    assert found(ASKS, (f"bob: {HOW}", like), ("zoe: Use the new disk.", TICK)).message.id == "m2"


def test_nobody_marks_his_own_answer() -> None:
    own = ("zoe: Maybe ask the vendor about it some day.", replace(TICK, user="zoe"))
    assert found(ASKS, own, f"bob: {HOW}", "ann: that fixed it, thanks").message.id == "m2"


def test_what_the_asker_dislikes_stands_behind_everything_else() -> None:
    disliked = (f"bob: {HOW}", Reaction(name="-1", user="ann"))
    assert found(ASKS, disliked, "zoe: Use the new disk.").message.id == "m2"


def test_a_mark_made_after_the_thread_was_closed_does_not_count() -> None:
    late = Reaction(name="white_check_mark", user="ann", at=START + timedelta(days=2))
    closed = thread(ASKS, ("zoe: Maybe ask the vendor.", late), f"bob: {HOW}", "ann: that fixed it, thanks")
    chosen = find_solution(closed, closed_at=START + timedelta(days=1))
    assert chosen is not None
    assert chosen.message.id == "m2"


@pytest.mark.parametrize(
    "lines",
    [
        (ASKS,),
        (ASKS, "bob: Which version?"),
        (ASKS, "bob: I'll ask around"),
        (ASKS, "robo: Restart the worker with more memory."),
        (
            ASKS,
            "bob: Which version?",
            "ann: 4.2 on the second machine, with the old disk and the new network",
        ),
    ],
)
def test_without_an_answer_of_substance_there_is_none(lines: tuple[str, ...]) -> None:
    assert find_solution(thread(*lines)) is None


def test_the_reason_is_told_in_words() -> None:
    assert found(ASKS, f"bob: {HOW}", "ann: thanks").why == "just before the asker's thanks"
    assert found(ASKS, "bob: Hm?", "ann: I fixed it by giving it more memory.").why == (
        "the asker tells how it was solved"
    )


# ---- confirmed


@pytest.mark.parametrize(
    ("lines", "confirmed"),
    [
        ((f"bob: {HOW}", "ann: thanks!"), True),
        ((f"bob: {HOW}", "ann: Works now."), True),
        ((f"bob: {HOW}", "ann: 可以了"), True),
        # to thank for the effort confirms nothing
        ((f"bob: {HOW}", "ann: Thanks, I'll try that tomorrow."), False),
        ((f"bob: {HOW}", "ann: Thanks! And where do I find that setting?"), False),
        ((f"bob: {HOW}", "ann: 谢谢，我试试"), False),
        ((f"bob: {HOW}", "ann: Let me see. Thanks in advance"), False),
        # first tried, then thanked
        ((f"bob: {HOW}", "ann: I'll try.", "ann: thank you, that was it"), True),
        # the thanks come after, and mean, somebody else's answer to something else
        (
            (
                f"bob: {HOW}",
                "ann: Where is that setting?",
                "zoe: It stands in the file beside the log.",
                "ann: I see, thanks",
            ),
            False,
        ),
        # the same person helped on
        (
            (f"bob: {HOW}", "ann: Where is that setting?", "bob: In the file beside the log.", "ann: thanks"),
            True,
        ),
        ((f"bob: {HOW}", "ann: thanks!", "ann: hm, it still does not work"), False),
        ((f"bob: {HOW}", "zoe: thanks!"), False),
    ],
)
def test_only_words_about_the_solution_confirm_it(lines: tuple[str, ...], confirmed: bool) -> None:
    # a mark would confirm by itself, so the choice is made by weights that like the first answer
    first = replace(model(), weights={"place": -1.0})
    solution = find_solution(thread(ASKS, *lines), by=first)
    assert solution is not None
    assert (solution.message.id, solution.confirmed) == ("m1", confirmed)


# ---- resolved


def test_a_mark_settles_that_it_was_resolved() -> None:
    marked = resolution_of(thread(ASKS, (f"bob: {HOW}", TICK)))
    assert marked.probability > 0.95
    assert marked.why == "ticked"


def test_what_nobody_answered_is_not_resolved() -> None:
    assert resolution_of(thread(ASKS, "bob: Which version?")).probability < 0.05


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("ann: That fixed it, thank you!", "ann: It still stops with the same error."),
        ("ann: That fixed it, thank you!", "ann: And how do I find that setting?"),
        ("ann: It works now.", "zoe: I have the same problem."),
        ("ann: 可以了，谢谢", "ann: 还是不行"),
    ],
)
def test_a_content_asker_makes_it_likelier(better: str, worse: str) -> None:
    good, bad = (resolution_of(thread(ASKS, f"bob: {HOW}", last)) for last in (better, worse))
    assert good.probability > bad.probability + 0.05


def test_why_is_told_in_words() -> None:
    why = resolution_of(thread(ASKS, f"bob: {HOW}", "ann: That fixed it, thank you!")).why
    assert re.fullmatch(r"[a-zA-Z', ]+", why)


# ---- the model


def test_weights_without_their_lexicons_are_refused() -> None:
    with pytest.raises(ValueError, match="train again"):
        Model(name="x", version=1, data="", metrics={}, weights={}, lexicons={})


def test_every_weight_has_its_sign() -> None:
    weights = model().weights
    seen = dict(Scene(thread(ASKS, f"bob: {HOW}"), model().lexicons).features()[0][1])
    assert set(weights) == set(seen)


def test_words_count_alike_in_long_texts_and_in_short_ones() -> None:
    lexicon = {"thanks": 2.0}
    assert reads_like("thanks", lexicon) > reads_like("thanks for all that you did there", lexicon) > 0
    assert reads_like("", lexicon) == 0


def test_training_says_when_its_data_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_solution.main(["--data", str(tmp_path), "--out", str(tmp_path)]) == 0
    assert "skipped" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


LINES = st.tuples(
    st.sampled_from(["ann", "bob", "zoe", "robo"]),
    st.sampled_from(
        ["Why?", "ok", "thanks", HOW, "still broken", "I solved it by luck", "+1", "", "谢谢", "```x```"]
    ),
)


@settings(max_examples=60)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_the_solution_is_always_a_candidate_and_the_chance_a_chance(lines: list[tuple[str, str]]) -> None:
    conversation = thread(ASKS, *(f"{user}: {text}" for user, text in lines))
    solution = find_solution(conversation)
    assert (solution is None) == (not candidates(conversation))
    assert solution is None or solution.message in candidates(conversation)
    assert 0 <= resolution_of(conversation).probability <= 1
