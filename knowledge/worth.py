"""Whether a closed thread is worth keeping, who confirmed its solution, and who contradicted an answer. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from knowledge.confirmation import confirming, ends_broken
from knowledge.cues import (
    asks_for_help,
    is_ack,
    is_me_too,
    is_problem_report,
    is_question,
    is_solved,
    is_still_broken,
    is_substantive,
    said,
    says_thanks,
)
from knowledge.distil import Left, Part, sift, suggests
from knowledge.lexical import words
from knowledge.signs import is_content
from knowledge.slacktext import reaction_name
from knowledge.solution import FAR, LIKES, TICKS, is_human, other_talk, words_after
from knowledge.thread import Message, Role, Thread

LEAST_WORDS = 2  # that say something, in a solution without code or an address
MOST_ALSO = 200  # characters; who writes more than "it worked for me, too" tells something of his own
LEAST_CORRECTION = 120  # characters; "that is wrong, use port 2" may be about a detail
NEAR = 3  # messages after an answer in which "no, that is wrong" is said of it


class Why(StrEnum):
    """Why a thread is not worth keeping; a night counts them."""

    BY_BOT = "a bot opened it"
    ANNOUNCEMENT = "what opens it announces or shows something"
    CHATTER = "what opens it is chatter"
    NO_QUESTION = "what opens it asks nothing and reports no problem"
    NO_CONTEXT = "what is asked cannot be understood without what is not there"
    UNANSWERED = "nobody answered"
    NO_SUBSTANCE = "no answer in it has any substance"
    ASKS_BACK = "the answer only asks back"
    ELSEWHERE = "the answer was given elsewhere"
    PERSON = "the answer only sends to a person"
    BY_HAND = "somebody did it and did not say how"
    PASSING = "the answer was true for that day only"
    TICKET = "the answer only names a ticket"
    PRIVATE_LINK = "the answer is only a link to something private"
    PICTURE = "the answer is only a picture"
    POLICY = "the answer only tells what is supported or where to report it"
    SAME_TROUBLE = "the answer only has the same trouble"
    STILL_BROKEN = "the asker's last word is that it is still broken"
    CONTRADICTED = "somebody says that the answer is wrong"
    OTHER_TALK = "the answer belongs to another talk"


class How(StrEnum):
    """How somebody confirmed that a solution holds."""

    SAID = "the asker said so"
    TICKED = "✅"
    LIKED = "👍"
    ALSO = "it worked for somebody else"


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """Who confirmed a solution, how, and in which message; for a reaction, the message that it was put on."""

    by: str
    how: How
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Worth:
    """Whether a thread is worth keeping. ``why`` is None if it is."""

    ok: bool
    why: Why | None = None
    confirmed_by: tuple[Confirmation, ...] = ()


def worth(
    thread: Thread,
    problem: Sequence[Message],
    solution: Message | None,
    *,
    closed_at: datetime | None = None,
    solving: Sequence[Message] = (),
    heard: Sequence[Message] | None = None,
) -> Worth:
    """Whether ``thread`` teaches something, given the messages that ask and the one that seems to solve it.

    ``solving`` are the messages that tell the solution together (default: ``solution`` alone). Reactions put later than
    ``closed_at`` do not count. ``heard`` are the messages in which the asker confirms it, if that was judged before (of
    a redacted thread one does not see whom he thanks).
    """
    confirmed = confirmed_by(thread, solution, closed_at=closed_at, heard=heard) if solution else ()
    reasons = (
        _not_asked(problem, solved=bool(confirmed) and solution is not None and _is_advice(thread, solution)),
        _unanswered(thread, solution),
        not_understood(problem),
        teaches_nothing(tuple(solving) or (solution,), confirmed=bool(confirmed)) if solution else None,
        _did_not_hold(thread, solution, confirmed) if solution else None,
        _of_other_talk(thread, problem, solution, confirmed) if solution else None,
    )
    why = next((reason for reason in reasons if reason is not None), None)
    return Worth(ok=why is None, why=why, confirmed_by=confirmed)


# ---- a real problem ---------------------------------------------------------------------------------------

_ANNOUNCES = re.compile(
    r"\b(?:(?:we|i)(?:'re| are|'m| am) (?:\w+ )?(?:happy|excited|pleased|proud|delighted|thrilled) to"
    r"|announc(?:e|es|ing|ement)"
    r"|psa\b|save the date|call for (?:papers|talks|participation)|scheduled maintenance|maintenance window"
    r"|join us|webinar"
    r"|(?:will be|is|are|am|be) (?:presenting|speaking|hosting|giving a talk)|please (?:join|spread)|hiring"
    r"|support hours"
    r"|(?:beta|alpha) release of|release is (?:\w+ )?ready|job (?:opening|posting|offer)|office hours)"
    r"|^\W*(?:📢|🎉|🚀|\[?ann\]?\b)|通知|公告|招聘|活动报名|温馨提示",
    re.IGNORECASE,
)
# These open questions, too.
_TELLS_NEWS = re.compile(
    r"\b(?:introducing|(?:we|i)(?:'ve| have)? (?:just )?(?:released|published|launched|shipped)|fyi\b"
    r"|heads[ -]?up|reminder\b"
    r"|(?:is|are) (?:now )?(?:available|released|out now|live)\b|new (?:release|version|blog post|feature"
    r"|tutorial)\b"
    r"|(?:maintenance|downtime) (?:on|tonight|tomorrow|this)|will be (?:down|offline|unavailable|closed)"
    r"|sign[ -]?up"
    r"|register (?:here|now|for)|registration|meetup|workshop|seminar|talk (?:by|on|at|today|tomorrow)|survey"
    r"|please check out)|发布了|已上线|上线了|维护|放假",
    re.IGNORECASE,
)
_SHOWS = re.compile(
    r"\b(?:i|we)(?:'ve| have)? (?:just )?(?:made|built|created|wrote|written|published|finished|put together"
    r"|started working on|been working on)"
    r" (?:a|an|my|our|some|this)\b|\bcheck (?:it|this|out)\b|\bfeedback (?:is |would be )?(?:welcome"
    r"|appreciated)|\bshow ?(?:off|case|hn)\b"
    r"|\bsharing (?:my|a|an|our|this)\b|\bthought (?:i'd|i would|i should|this might be) (?:share"
    r"|of interest|interesting)|分享(?:一下|一个)?",
    re.IGNORECASE,
)
_CHATS = re.compile(
    r"\b(?:what(?:'s| is) your favou?rite|who(?:'s| is| else is) (?:going|coming|joining|around)|how (?:are"
    r"|is) (?:you|everyone|everybody)\b"
    r"|anyone (?:going|coming|up for|want to (?:join|grab|play))|(?:for|to|my) (?:lunch|coffee|beer)\b"
    r"|welcome (?:to the team|aboard)"
    r"|what do you (?:all )?think (?:of|about)|opinions? on|poll:|did (?:you|anyone) (?:see"
    r"|watch) (?:the )?(?:game|movie|match))"
    r"|吃(?:饭|什么)|午饭|奶茶|投票",
    re.IGNORECASE,
)
_AWAY = re.compile(
    r"\b(?:won't|can't|cannot|not (?:going|able) to) (?:make|join|attend|be (?:at|in"
    r"|there))(?: [\w']+){0,4} (?:meeting|call|stand-?up|office)"
    r"|\b(?:out sick|day off|running late|on vacation|ooo)\b",
    re.IGNORECASE,
)
_WANTS_HOW = re.compile(
    r"\bhow (?:do|can|could|should|would|to)\b|\bis (?:it|there) (?:\w+ )?(?:possible|any way|a way)\b"
    r"|\b(?:error|fail\w*|crash\w*|exception)\b"
    r"|怎么|如何|报错|失败|无法",
    re.IGNORECASE,
)


def _is_advice(thread: Thread, solution: Message) -> bool:
    """Whether people took what was opened for a question: advice was given, or it is said that it works now."""
    works = any(is_solved(message.text) for message in words_after(thread, solution))
    return works or _holds_matter(solution.text) or _ADVISES.search(said(solution.text)) is not None


_ADVISES = re.compile(
    r"\b(?:you (?:can|could|should|need|have|must|might)|try|make sure|instead of|should be|set|use)\b|可以|需要"
    r"|应该|试试",
    re.IGNORECASE,
)


def _not_asked(problem: Sequence[Message], *, solved: bool) -> Why | None:
    """Why what opens the thread is no problem to keep; one that people took for a question and solved is one."""
    text = "\n".join(message.text for message in problem)
    if problem[0].role is Role.BOT:
        return Why.BY_BOT
    spoken = said(text)
    if _INVITES.search(spoken) and not _SUFFERS.search(text):
        return Why.ANNOUNCEMENT
    if _REPLIES.search(spoken):
        return Why.NO_QUESTION
    if not _WANTS_HOW.search(spoken):
        if _AWAY.search(spoken) or (_CHATS.search(spoken) and not is_problem_report(text)):
            return Why.CHATTER
        if not is_problem_report(text) and _is_news(spoken, asks=is_question(_TO_ALL.sub(" ", text))):
            return Why.ANNOUNCEMENT
    if not solved and not any(asks_for_help(_BARE_NOT.sub(" ", message.text)) for message in problem):
        return Why.NO_QUESTION
    return None


# These tell of plans and ask for company, also where a word of trouble is in them.
_INVITES = re.compile(
    r"\bconsidering submitting\b|\b(?:nsf|grant|funding|\w+cube) (?:\w+ )?proposal\b|\bfill (?:out|in) (?:this"
    r"|our|the)"
    r" (?:[\w-]+ ){0,2}(?:survey|form|poll)\b|\bare organizing\b|\bis organizing\b|\bgreat (?:read|article) for\b"
    r"|\bencourage\b.{0,60}\bto (?:reach out|apply|attend|join)\b|\b(?:we're|we are|i'm|i am) (?:building"
    r"|planning)\b.{0,60}"
    r"\bopen[ -]?sourc|\bwe(?: have|'ve)? open[ -]?sourced\b|\bpost a message about it\b"
    r"|\bwhat would (?:everyone|you all|people"
    r"|folks) think\b|\blet's discuss\b|\b(?:i'm|i am|we're|we are|i'll be) (?:talking|speaking|presenting)\b.{0,40}"
    r"\b(?:today|tomorrow|at \d|on (?:mon|tues|wednes|thurs|fri)day)",
    re.IGNORECASE,
)
_SUFFERS = re.compile(
    r"\bi(?:'m| am)? (?:get|getting|got|see|have tried|tried|cannot|can't)\b|\berrors?\b|\btraceback|\bfail(?:s"
    r"|ed|ing)\b"
    r"|exception\b",
    re.IGNORECASE,
)
# Who begins like this answers somebody.
_REPLIES = re.compile(
    r"\A\W*(?:not sure i'd (?:say|call)\b|what(?:'s| is|) it(?:'s| is) saying is\b|that(?:'s| is) a (?:nice|good"
    r"|great|fair)"
    r" (?:catch|point|idea|question)\b|how about [^\s?]+\s*\?|does .{1,60} (?:solve|fix) (?:the|your) (?:problem"
    r"|issue)\b"
    r"|(?:yeah|yep|yup|nope|exactly|agreed|indeed)\b[,.])",
    re.IGNORECASE,
)
# Asked of everybody, to get them to talk.
_TO_ALL = re.compile(
    r"[^.!?\n]*\b(?:what do you (?:all |guys )?think|(?:would|are) (?:you|anyone) (?:all )?(?:be )?(?:interested"
    r"|working on)|you all"
    r"|you guys|(?:what|which) topics|worth sharing|any feedback|thoughts)\b[^.!?\n]*\?",
    re.IGNORECASE,
)
# "It wasn't obvious" reports nothing; "it doesn't work" does.
_BARE_NOT = re.compile(
    r"\b(?:wasn't|weren't|isn't|aren't|didn't|couldn't|wouldn't|haven't|hasn't)(?= (?:obvious|clear|sure|think"
    r"|thought|know|notice"
    r"|realize|realise|mean|say|said|mind|about|necessarily|really (?:know|sure|think)|too|that|entirely|aware))",
    re.IGNORECASE,
)


def _is_news(spoken: str, *, asks: bool) -> bool:
    shows = _TELLS_NEWS.search(spoken) is not None or _SHOWS.search(spoken) is not None
    return _ANNOUNCES.search(spoken) is not None or (shows and not asks)


def not_understood(problem: Sequence[Message]) -> Why | None:
    """ "Why?", or a picture alone, tells nobody later what it was about."""
    told = "\n".join(sift(message.text, Part.PROBLEM).text for message in problem)
    if _OF_THAT.fullmatch(told):
        return Why.NO_CONTEXT
    return None if _holds_matter(told) or words(_without_places(told)) else Why.NO_CONTEXT


_OF_THAT = re.compile(
    r"\W*(?:(?:so|and|but|hm+|ok|well)\W+)?(?:does|is|was|did|do|would|will|should|could|can) (?:that|this|it"
    r"|these|those)"
    r" (?:means? (?:anything|something)|makes? (?:any )?sense|work|help|sound|look|ring a bell|right|correct"
    r"|true|known|expected"
    r"|normal|intended|okay?|a bug|clear|still)\b(?:\W+[a-z]+){0,4}\s*\?\W*",
    re.IGNORECASE,
)


# ---- an answer --------------------------------------------------------------------------------------------


def _unanswered(thread: Thread, solution: Message | None) -> Why | None:
    if solution is not None:
        return None
    others = [message for message in thread.messages if message.user != thread.asker and is_human(message)]
    if any(is_me_too(message.text) and not is_ack(message.text) for message in others):
        return Why.SAME_TROUBLE
    if any(is_question(message.text) for message in others):
        return Why.ASKS_BACK
    return Why.NO_SUBSTANCE if others else Why.UNANSWERED


# The reason that is told of a solution of which nothing is left: the first that was found in it.
_OF_LEFT = (
    (Left.BY_HAND, Why.BY_HAND),
    (Left.PASSING, Why.PASSING),
    (Left.ELSEWHERE, Why.ELSEWHERE),
    (Left.PERSON, Why.PERSON),
    (Left.TICKET, Why.TICKET),
    (Left.POLICY, Why.POLICY),
    (Left.ASKS_BACK, Why.ASKS_BACK),
    (Left.PICTURE, Why.PICTURE),
)
_ADDRESS = re.compile(r"https?://\S+")
_PRIVATE_ADDRESS = re.compile(
    r"https?://(?:[^/\s]*(?:slack\.com/(?:archives|files)|\.zulipchat\.com|teams\.microsoft\.com|zoom\.us"
    r"|meet\.google|docs\.google|drive\.google"
    r"|sharepoint\.com|onedrive|dropbox\.com|atlassian\.net|notion\.so|larksuite\.com|feishu\.cn|jira\."
    r"|confluence\.|wiki\.corp|intranet)"
    r"|(?:[\w-]+\.)*[\w-]+\.(?:internal|corp|intra|lan|local)\b|<host \d+>|(?:10|192\.168|172\.(?:1[6-9]|2\d"
    r"|3[01]))(?:\.\d+){2,3}|localhost)\S*",
    re.IGNORECASE,
)
_PLACE = re.compile(r"<(?:name|host|ticket|customer|user|email|phone|ip|id|secret|redacted|card|iban) \d+>")


def teaches_nothing(solving: Sequence[Message], *, confirmed: bool = True) -> Why | None:
    """Why what is left of the solution tells nothing; None if it tells something.

    Where nobody ``confirmed`` it, a short one must advise, explain or show something.
    """
    sifted = [sift(message.text, Part.SOLUTION) for message in solving]
    told = "\n".join(each.text for each in sifted if each.text)
    left_out = frozenset(reason for each in sifted for reason in each.left_out)
    if not told:
        return next((why for left, why in _OF_LEFT if left in left_out), Why.NO_SUBSTANCE)
    public = _PRIVATE_ADDRESS.sub(" ", told)
    spoken = _without_places(_ADDRESS.sub(" ", public))
    if public != told and not _says_something(spoken, most_small=5) and not _holds_matter(public):
        return Why.PRIVATE_LINK
    if is_me_too(told) and len(words(spoken)) < 12 and not _holds_matter(told):
        return Why.SAME_TROUBLE
    if _only_asks(told, confirmed=confirmed):
        return Why.ASKS_BACK
    if not confirmed and len(told) <= MOST_REMARK and not _informs(told):
        return Why.NO_SUBSTANCE
    return (
        None if _holds_matter(public) or _says_something(spoken, most_small=LEAST_WORDS) else Why.NO_SUBSTANCE
    )


MOST_REMARK = 250  # characters; who writes more explains something
_INFORMS = re.compile(
    # advice
    r"\b(?:try|use|using|used|set|run|add|remove|check|change|install|update|upgrade|restart|enable|disable"
    r"|click|put|make sure|delete|reinstall|rebuild|reboot|clear|reset|open|close|go to|select|choose|create|rename"
    r"|move|copy|replace|configure|switch|turn o(?:n|ff)|downgrade|revert|restore|start|stop|kill|wait|log (?:in|out)"
    r"|pass|specify|define|import|export|mount|edit|(?:un)?comment|drop|increase|decrease|lower|raise|pull|build|follow"
    r"|instead|should|must|need|needs|have to|has to|can|can't|cannot|could|allows?|works?|you'll|you'd|you want"
    r"|recommend|suggest|consider|example|similar to|same as)\b"
    # what is the case, and why
    r"|\b(?:because|since|due to|caused?|reason|means?|supports?|supported|exists?|available|possible|by default"
    r"|default|only|no longer"
    r"|deprecated|removed|added|fixed|requires?|expects?|called|named|there(?:'s| is| are| isn't)|(?:is|was"
    r"|are) an?\b|'s an?\b|by \w+ing\b|solved|you might"
    r"|isn't|doesn't|don't|won't|not)\b|n't\b"
    r"|\b\w+\.\w+\b|\b\w+[_-]\w+\b|\b(?-i:[a-z]+[A-Z])\w*|[:：=]\s|\b\d+(?:\.\d+)+"
    r"|[\u3400-\u9fff]",
    re.IGNORECASE,
)
_LEAD = r"^\W*(?:(?:ok(?:ay)?|yeah|yes|yep|ah+|oh+|well|hm+|argh|true|right|wow|:\w+:)[\s,.!-]+)*"
# An opinion, or something of himself; not how he did it, nor what "you" should do.
_OPINES = re.compile(
    _LEAD
    + r"(?:i|we) (?:think|believe|guess|feel|agree|wonder|wish|like|love|kind of agree|would do|had no idea)\b"
    r"|\bwas thinking (?:more )?(?:about|of)\b|\bi have no(?:t| idea)\b"
    rf"|{_LEAD}(?:that's what i did|sounds like|huge interest|(?:looks"
    rf"|seems) like (?:an? )?(?:\w+ ){{0,2}}(?:error|issue|bug|problem)\W*$)"
    rf"|{_LEAD}(?:i|we)(?:'m|'ve|'ll|'d| am| are| have| had| was| were| will| would| always| never| forgot)\b"
    r"(?!.*\b(?:you|your|by|using|used?|solved|fixed|because|found|trick|workaround|run|ran|set|need(?:ed)?"
    r"|had to|add(?:ed)?"
    r"|chang(?:e|ed)|install(?:ed)?|remov(?:e|ed)|updat(?:e|ed)|upgrad(?:e|ed)|cannot|can't|file|copy|report)\b)",
    re.IGNORECASE,
)


def _informs(told: str) -> bool:
    """Whether a short text advises, explains or shows something: more than a remark or an opinion."""
    if "```" in told or "~~~" in told or "://" in told:
        return True
    return any(
        _INFORMS.search(each) and not _OPINES.search(each)
        for each in re.split(r"(?<=[.!?])\s+|\n+", said(told))
    )


def _only_asks(told: str, *, confirmed: bool) -> bool:
    """Whether nothing is left but questions that suggest nothing."""
    if "```" in told or "://" in told or (confirmed and _holds_matter(told)):
        return False
    asked = [each for each in re.split(r"(?<=[.!?。！？])\s*|\n+", told) if each.strip()]
    return all(each.endswith(("?", "？")) for each in asked) and not suggests(told)


def _says_something(text: str, *, most_small: int) -> bool:
    telling = len(set(words(text)))
    enough = telling >= most_small or (
        telling == most_small - 1 and len(text.split()) > most_small
    )  # "Use port 2."
    return enough and re.search(r"[^\W\d_]", text) is not None


def _without_places(text: str) -> str:
    return _PLACE.sub(" ", text)


def _holds_matter(text: str) -> bool:
    return "`" in text or "~~~" in text or "://" in text


# ---- that held --------------------------------------------------------------------------------------------


def confirmed_by(
    thread: Thread,
    solution: Message,
    *,
    closed_at: datetime | None = None,
    heard: Sequence[Message] | None = None,
) -> tuple[Confirmation, ...]:
    """Who said that ``solution`` holds: the asker's words, ✅ and 👍 by others than its author, whom else it helped.

    Empty where the asker ends with that it is still broken, unless there is a ✅. ``heard``: as for `worth`.
    """
    reacted = tuple(_reactions(solution, closed_at))
    ticked = any(each.how is How.TICKED or each.by == thread.asker for each in reacted)
    if not ticked and _ends_broken(thread, solution):
        return ()
    return (*_words_of(thread, solution, heard), *reacted)


def _reactions(solution: Message, closed_at: datetime | None) -> Iterator[Confirmation]:
    for each in solution.reactions:
        known = each.at is None or closed_at is None or each.at <= closed_at
        name = reaction_name(each.name)
        if known and each.user != solution.user and name in LIKES:
            how = How.TICKED if name in TICKS else How.LIKED
            yield Confirmation(by=each.user, how=how, message=solution.id)


def _words_of(thread: Thread, solution: Message, heard: Sequence[Message] | None) -> Iterator[Confirmation]:
    said_so = {each.id for each in (confirming(thread, solution) if heard is None else heard)}
    for message in (solution, *after(thread, solution)):
        if message.id in said_so:
            yield Confirmation(by=message.user, how=How.SAID, message=message.id)
        elif message is not solution and _worked_for_another(thread, solution, message):
            yield Confirmation(by=message.user, how=How.ALSO, message=message.id)


def _worked_for_another(thread: Thread, solution: Message, message: Message) -> bool:
    """Whether somebody else says that it helped him, too: in short, and before anybody else answered."""
    if message.user in (thread.asker, solution.user) or not is_human(message):
        return False
    said_between = after(thread, solution)[: after(thread, solution).index(message)]
    if any(
        is_substantive(each.text) and each.user not in (thread.asker, solution.user) for each in said_between
    ):
        return False
    helped = says_thanks(message.text) and is_solved(message.text)
    if is_still_broken(message.text) or is_question(message.text) or len(message.text) > MOST_ALSO:
        return False
    return helped or _FOR_ME.search(said(message.text)) is not None


_FOR_ME = re.compile(
    r"\b(?:(?:works|worked|fixed it|solved it|helped) (?:for )?(?:me|us|here)|(?:helped|fixed"
    r"|solved)\b.{0,20}\btoo)\b|亲测|我也(?:好|可以)了",
    re.IGNORECASE,
)


def _did_not_hold(thread: Thread, solution: Message, confirmed: Sequence[Confirmation]) -> Why | None:
    if confirmed:
        return None
    if _ends_broken(thread, solution) and not any(
        is_content(word.text) for word in words_after(thread, solution)
    ):
        return Why.STILL_BROKEN
    return Why.CONTRADICTED if _contradiction(thread, solution) else None


def _ends_broken(thread: Thread, solution: Message) -> bool:
    return ends_broken(words_after(thread, solution))


def _of_other_talk(
    thread: Thread, problem: Sequence[Message], solution: Message, confirmed: Sequence[Confirmation]
) -> Why | None:
    if confirmed or solution.user == thread.asker:
        return None
    distance = thread.messages.index(solution)
    asked = [each for each in thread.messages[:distance] if each.user == thread.asker]
    far = distance >= FAR  # so far on, what the asker says meanwhile may belong to the other talk, too
    return Why.OTHER_TALK if other_talk(problem if far else asked, solution, distance) else None


def after(thread: Thread, message: Message) -> Sequence[Message]:
    """What was said in ``thread`` after ``message``."""
    return thread.messages[thread.messages.index(message) + 1 :]


# ---- contradicted -----------------------------------------------------------------------------------------

_WRONG = re.compile(
    r"^\W*(?:(?:hm+|no|nope|sorry|i'm sorry|well|wait|actually|careful|ehm?|but|i think|i'm afraid"
    r"|unfortunately)\W+)*"
    r"(?:that|this|it|earshot|(?:the|that|this|my|your) (?:old |other )?(?:above|answer|bot|suggestion"
    r"|advice|command|link|doc|info\w*|way|post))"
    r"(?:'s| is| was| looks)? (?:(?!not )\w+ )?(?:wrong|incorrect|not (?:correct|right|true|how|the right"
    r"|valid|relevant|related|applicable)"
    r"|outdated|out of date|out-of-date|obsolete|deprecated|no longer"
    r"|dangerous|misleading|unrelated|irrelevant|bad advice|doesn't apply|does not apply|isn't (?:right"
    r"|correct|true|relevant|how))"
    r"|\b(?:please |pls )?(?:don't|do not|never) (?:do|run|use|follow|try|apply) (?:that|this|it)\b"
    r"|\bignore (?:the bot|that|this|the above|my|mine|it|earshot)\b|\bscratch that\b|\b(?:i|the bot"
    r"|earshot) (?:was|is) (?:wrong|mistaken)\b"
    r"|\b(?:this|that|it|which) (?:no longer works|doesn't work (?:any ?more|since|in|with)|was (?:removed"
    r"|replaced|changed) in|only (?:works|applied) (?:in|to|before))"
    r"|\bthat(?:'s| is) (?:for|from) (?:an? )?(?:old|older|previous|different|another)\b|\bold advice\b"
    r"|^\W*(?:no|nope)[,.! ]+(?:use|you|it|the|that|this|please|instead|don't)\b"
    r"|(?:这个|这|上面|那个|答案|机器人|它)?(?:回答|说的|方法|建议)?(?:是)?(?:不对|错了|错的|不正确|有误|过时了|已经过时|已过时|不适用|没有关系|不相关)"
    r"|^(?:不是这样|别(?:用|这样)|不要(?:用|这样)|千万(?:别|不要)|忽略)|应该(?:用|是).{1,30}而不是",
    re.IGNORECASE,
)
_SAYS_HOW = re.compile(
    r"\b(?:should i|is (?:that|this|it) (?:wrong|right|correct|outdated))\b|吗[？?]|\?\s*$", re.IGNORECASE
)


def _contradiction(thread: Thread, answer: Message) -> Message | None:
    """What a person soon says against ``answer``; its author may take it back himself."""
    near = [message for message in after(thread, answer) if is_human(message)][:NEAR]
    return next((message for message in near if says_wrong(message.text)), None)


def corrected(thread: Thread, solution: Message) -> Message:
    """The message that tells at length what is right where it says that ``solution`` is wrong; else ``solution``."""
    right = _contradiction(thread, solution)
    if right is None or right.user == thread.asker or len(right.text) < LEAST_CORRECTION:
        return solution
    return solution if teaches_nothing([right]) else right


def says_wrong(text: str) -> bool:
    """Whether it says that what was answered is wrong, outdated or not to be done: a statement, not a question."""
    spoken = re.sub(r"[ \t]+", " ", said(text))
    sentences = [each for each in re.split(r"(?<=[.!?。！？])\s*|\n+", spoken) if each.strip()]
    return any(
        _WRONG.search(each) and not _SAYS_HOW.search(each) for each in sentences[:4]
    ) and is_substantive(text)
