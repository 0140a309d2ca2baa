"""Who sees what: the table, and that nothing private is found elsewhere in any world of channels and people."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.audience import (
    MOST,
    TABLE,
    Asker,
    Place,
    Reach,
    Setting,
    Standing,
    audience_of,
    audiences_for,
    is_audience,
    may_take,
    workspace_in,
)
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import PUBLIC, WORKSPACE, KnowledgeEntry
from knowledge.search import Knowledge
from tests.knowledge.making import entry

OWN, JOINED = "channel:slack:T1/C1", "channel:slack:T1/C9"
EVERYBODYS = {PUBLIC, WORKSPACE, OWN}


def at(setting: Setting, channel: str = "slack:T1/C1", workspace: str | None = None) -> Place:
    return Place(channel=channel, setting=setting, workspace=workspace)


def asking(standing: Standing = Standing.MEMBER, *channels: str) -> Asker:
    return Asker(user="slack:T1/U1", standing=standing, channels=frozenset(channels))


# setting: what is learnt there is for, what may be posted there, what a member who is in C9 too is shown alone
RULES = {
    Setting.OPEN: (WORKSPACE, EVERYBODYS, {*EVERYBODYS, JOINED}),
    Setting.CLOSED: (OWN, EVERYBODYS, {*EVERYBODYS, JOINED}),
    Setting.DIRECT: (OWN, EVERYBODYS, {*EVERYBODYS, JOINED}),
    Setting.GROUP: (OWN, EVERYBODYS, {*EVERYBODYS, JOINED}),
    Setting.SHARED: (OWN, {PUBLIC, OWN}, {PUBLIC, OWN}),
    Setting.BARRED: (OWN, set(), set()),
}


@pytest.mark.parametrize("setting", Setting)
def test_what_each_kind_of_place_gives_and_is_shown(setting: Setting) -> None:
    gives, posted, alone = RULES[setting]
    assert audience_of(at(setting)) == gives
    assert audiences_for(at(setting)) == posted
    assert audiences_for(at(setting), asking(Standing.MEMBER, "slack:T1/C9"), alone=True) == alone


def test_every_kind_of_place_has_a_rule() -> None:
    assert set(TABLE) == set(Setting) == set(RULES)


@pytest.mark.parametrize(
    ("standing", "shown"),
    [
        (Standing.MEMBER, {*EVERYBODYS, JOINED}),
        (Standing.GUEST, {PUBLIC, OWN, JOINED}),
        (Standing.STRANGER, {PUBLIC, OWN}),
    ],
)
def test_who_asks_is_shown_no_more_than_he_may_see(standing: Standing, shown: set[str]) -> None:
    asker = asking(standing, "slack:T1/C9")
    assert audiences_for(at(Setting.DIRECT), asker) == shown
    assert audiences_for(at(Setting.OPEN), asker, alone=True) == shown
    assert audiences_for(at(Setting.OPEN), asker) == shown - {JOINED}  # everybody there reads it


def test_a_group_message_is_read_by_others_than_the_asker() -> None:
    assert JOINED not in audiences_for(at(Setting.GROUP), asking(Standing.MEMBER, "slack:T1/C9"))


def test_another_workspace_has_its_own_knowledge_and_channels() -> None:
    other = at(Setting.OPEN, "slack:T2/C1", "slack:T2")
    assert audience_of(other) == "workspace:slack:T2"
    assert audiences_for(other) == {PUBLIC, "workspace:slack:T2", "channel:slack:T2/C1"}
    stray = asking(Standing.MEMBER, "slack:T1/C9", "slack:T2/C9")
    assert audiences_for(other, stray, alone=True) == {*audiences_for(other), "channel:slack:T2/C9"}


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        (at(Setting.CLOSED, "slack:T1/C5"), True),
        (at(Setting.SHARED, "slack:T1/C5"), False),
        (at(Setting.BARRED, "slack:T1/C5"), False),
        (at(Setting.SHARED), True),  # its own channel
        (at(Setting.CLOSED, "slack:T2/C5", "slack:T2"), False),
    ],
)
def test_a_draft_goes_nowhere_where_others_read(place: Place, fits: bool) -> None:
    assert may_take(place, at(Setting.OPEN)) is fits


@pytest.mark.parametrize(
    ("given_id", "named"),
    [
        ("slack:T1/C1", "slack:T1"),
        ("lark:a/oc_1", "lark:a"),
        ("help", None),
        ("room:help", None),
        ("a/b", None),
    ],
)
def test_the_workspace_of_an_id(given_id: str, named: str | None) -> None:
    assert workspace_in(given_id) == named


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("public", True),
        ("workspace", True),
        ("workspace:slack:T2", True),
        ("channel:C1", True),
        ("channel:", False),
        ("workspace:", False),
        ("public:x", False),
        ("all", False),
    ],
)
def test_which_words_are_an_audience(text: str, good: bool) -> None:
    assert is_audience(text) is good


# ---- a world ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """A channel of a team, and the numbers of the people who are in it."""

    number: int
    team: str
    setting: Setting
    inside: frozenset[int]

    @property
    def place(self) -> Place:
        other = None if self.team == "T1" else f"slack:{self.team}"
        return at(self.setting, f"slack:{self.team}/C{self.number}", other)


@dataclass(frozen=True, kw_only=True, slots=True)
class Somebody:
    number: int
    team: str
    standing: Standing


PEOPLE = [
    Somebody(number=n, team=team, standing=standing)
    for n, (team, standing) in enumerate((team, standing) for team in ("T1", "T2") for standing in Standing)
]
ROOMS = st.lists(
    st.tuples(
        st.sampled_from(["T1", "T1", "T2"]),
        st.sampled_from(list(Setting)),
        st.frozensets(st.sampled_from(range(len(PEOPLE)))),
    ),
    min_size=1,
    max_size=7,
).map(
    lambda rooms: [
        Room(number=n, team=team, setting=setting, inside=_inside(inside, team, setting))
        for n, (team, setting, inside) in enumerate(rooms)
    ]
)  # fmt: skip


def _inside(people: frozenset[int], team: str, setting: Setting) -> frozenset[int]:
    fit = sorted(person for person in people if _may_be_in(person, team, setting))
    return frozenset(fit[:1] if setting is Setting.DIRECT else fit)


def _may_be_in(person: int, team: str, setting: Setting) -> bool:
    shared = setting in (Setting.SHARED, Setting.BARRED)
    return shared or (PEOPLE[person].team == team and PEOPLE[person].standing is not Standing.STRANGER)


def may_read(person: Somebody, room: Room) -> bool:
    """What the platform itself would let somebody read: his channels, and as a member every public one."""
    member = person.team == room.team and person.standing is Standing.MEMBER
    return person.number in room.inside or (member and room.setting is Setting.OPEN)


def secret_of(room: Room, *, here: bool = False) -> KnowledgeEntry:
    """What was learnt in a channel; ``here``: what somebody kept for that channel only."""
    place = room.place
    kept = f"channel:{place.channel}" if here else audience_of(place)
    return entry("The gate stops", f"Secret {room.number}", origin=f"{room.number}/{here}", audience=kept)


async def found_in(entries: Sequence[KnowledgeEntry], asked: Sequence[frozenset[str]]) -> list[set[int]]:
    """The numbers of the channels whose knowledge the real search finds for each set of audiences; -1 is public."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/x.db", durable=False)
        knowledge = Knowledge(database, HashEmbedder(), None)
        await knowledge.open()
        await knowledge.learn([*entries, entry("The gate stops", "For all", origin="-1", audience=PUBLIC)])
        hits = [await knowledge.search("The gate stops", audiences=some, k=50) for some in asked]
        await knowledge.close()
        database.close()
    return [{number_of(hit.entry) for hit in found} for found in hits]


def number_of(one: KnowledgeEntry) -> int:
    return int(one.origin.partition("/")[0])


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A world, a place in it, and somebody there who asks, if anybody is."""

    rooms: Sequence[Room]
    room: Room
    person: Somebody | None

    @property
    def entries(self) -> list[KnowledgeEntry]:
        return [secret_of(one, here=here) for one in self.rooms for here in (False, True)]

    @property
    def asked(self) -> list[frozenset[str]]:
        """The audiences of what is posted unasked, of what is posted for the asker, and of what he alone is shown."""
        if self.person is None:
            return [audiences_for(self.room.place)]
        number = self.person.number
        joined = frozenset(other.place.channel for other in self.rooms if number in other.inside)
        asker = Asker(user=str(number), standing=self.person.standing, channels=joined)
        place = self.room.place
        return [audiences_for(place), audiences_for(place, asker), audiences_for(place, asker, alone=True)]

    def hold(self, found: Sequence[set[int]]) -> None:
        """Nobody is shown what he could not read himself; only unasked, a guest reads what members are told."""
        by_number = {one.number: one for one in self.rooms}
        members = [PEOPLE[n] for n in self.room.inside if PEOPLE[n].standing is not Standing.GUEST]
        direct = self.room.setting is Setting.DIRECT
        for index, seen in enumerate(found):
            alone = self.person is not None and (index == 2 or (direct and index == 1))
            readers = [self.person] if alone else members
            readers += [self.person] if index == 1 else []
            rooms = [by_number[number] for number in seen if number >= 0]
            assert all(may_read(reader, one) for reader in readers if reader is not None for one in rooms)
        if self.room.setting is Setting.BARRED:
            assert not any(found)
        else:  # and it is not safe for finding nothing
            assert {-1, self.room.number} <= found[0]


def _cases(rooms: list[Room]) -> st.SearchStrategy[Case]:
    def asked_by(room: Room) -> st.SearchStrategy[Case]:
        somebody = st.sampled_from(sorted(room.inside)).map(PEOPLE.__getitem__) if room.inside else st.none()
        return somebody.map(lambda person: Case(rooms=rooms, room=room, person=person))

    return st.sampled_from(rooms).flatmap(asked_by)


CASES = ROOMS.flatmap(_cases)


@settings(max_examples=300)
@given(CASES)
def test_no_rule_shows_anybody_what_he_could_not_read_himself(case: Case) -> None:
    entries = [*case.entries, entry("The gate stops", "For all", origin="-1", audience=PUBLIC)]
    case.hold([{number_of(one) for one in entries if one.audience in some} for some in case.asked])


@settings(max_examples=8, deadline=None)
@given(CASES)
def test_nor_does_the_search_find_it(case: Case) -> None:
    case.hold(asyncio.run(found_in(case.entries, case.asked)))


@settings(max_examples=200)
@given(ROOMS, st.data())
def test_no_other_channels_own_knowledge_is_ever_posted(rooms: list[Room], data: st.DataObject) -> None:
    room = data.draw(st.sampled_from(rooms))
    standing = data.draw(st.sampled_from(Standing))
    asker = Asker(user="u", standing=standing, channels=frozenset(one.place.channel for one in rooms))
    for some in (audiences_for(room.place), audiences_for(room.place, asker)):
        own = {f"channel:{room.place.channel}"}
        joined = {one for one in some if one.startswith("channel:")}
        direct = room.setting is Setting.DIRECT and asker.standing is not Standing.STRANGER
        assert joined <= own or direct
        assert all(one.startswith(f"channel:slack:{room.team}/") for one in joined)
        assert (WORKSPACE in some) <= (room.team == "T1")


# ---- told in the docs ------------------------------------------------------------------------------


def test_the_docs_show_this_table() -> None:
    told = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8").splitlines()

    def named(reaches: frozenset[Reach]) -> str:
        return ", ".join(reach for reach in Reach if reach in reaches) or "nothing"

    places = [f"| {s} | {r.gives} | {named(r.posted)} | {named(r.alone)} |" for s, r in TABLE.items()]
    people = [f"| {standing} | {named(most)} |" for standing, most in MOST.items()]
    assert [row for row in [*places, *people] if row not in told] == []
