"""What of a message a reader needs who was not there: its telling sentences, as they were said. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from knowledge.cues import (
    error_codes,
    has_caveat,
    is_ack,
    is_chaser,
    is_deferral,
    is_problem_report,
    is_question,
    is_solved,
    is_still_broken,
    says_thanks,
)
from knowledge.lexical import words
from knowledge.sentences import Span, SpanKind, sentences

TITLE_LENGTH = 120  # characters
LEAST_TITLE = 6  # characters; "uhh" names nothing
MOST_ASIDE = 220  # characters; a longer sentence says something else, too


class Part(StrEnum):
    """What a message is read as. What is broken right now is the point of a problem and no part of a solution."""

    PROBLEM = "problem"
    SOLUTION = "solution"


class Left(StrEnum):
    """Why a sentence is left out."""

    SMALL = "it says nothing"
    THANKS = "it thanks or wishes"
    SIGNED = "it is a signature"
    QUOTED = "it repeats what another message says"
    PERSON = "it sends to a person"
    ELSEWHERE = "it points to what was said elsewhere"
    PASSING = "it was true for that day only"
    BY_HAND = "somebody did it and does not say how"
    TICKET = "it only names a ticket"
    ASKS_BACK = "it asks back"
    REMARK = "it is a remark"
    PICTURE = "it is a picture"
    BLANK = "it is a form left blank"
    POLICY = "it says what is supported, or where troubles are told"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sifted:
    """``text``: the spans that are kept, in order; those that stood side by side stay as they stand."""

    text: str
    left_out: frozenset[Left]


def distil(text: str, part: Part, earlier: tuple[str, ...] | None = None) -> str:
    """The spans of ``text`` that a reader months later needs, verbatim; "" if it has none.

    ``earlier``: what others said before; only what stands there is left out as a quotation. None: whatever looks so.
    """
    return sift(text, part, earlier).text or sift(text, part).text


@lru_cache(maxsize=1024)  # a thread's messages are judged and then told
def sift(text: str, part: Part, earlier: tuple[str, ...] | None = None) -> Sifted:
    """The spans that are kept, and why the others are not. Code, logs and commands are always kept, whole."""
    body, signed = _unsigned(text)
    spans = _uncoloned(body, _spans(body))
    trimmed = [_trimmed(body, span) for span in spans]
    each_left = [_left(body, span, told, part, earlier) for span, told in zip(spans, trimmed, strict=True)]
    if part is Part.SOLUTION:
        each_left = _with_their_questions(body, trimmed, each_left)
    kept = [span for span, left in zip(trimmed, each_left, strict=True) if left is None]
    reasons = {left for left in each_left if left is not None} | ({Left.SIGNED} if signed else set())
    return Sifted(text=_joined(body, kept), left_out=frozenset(reasons))


_CONDITION = re.compile(
    r"\W*(?:if (?:so|not|yes|no|you do|it does|it is)|in that case|then)\b|如果(?:是|不是|有|没有)",
    re.IGNORECASE,
)
MOST_FRAGMENT = 6  # words; "Bitnami? AWS?" goes on from a question


def _with_their_questions(
    text: str, spans: Sequence[Span], reasons: Sequence[Left | None]
) -> list[Left | None]:
    """The reasons once more: what cannot be understood without a question stays or goes with it."""
    told = [text[span.start : span.end] for span in spans]
    left = list(reasons)
    for place, span in enumerate(spans):
        after = told[place + 1] if place + 1 < len(told) else ""
        if left[place] is Left.ASKS_BACK and _CONDITION.match(after):
            left[place] = None
        elif left[place] is None and place and left[place - 1] is Left.ASKS_BACK:
            if span.kind is SpanKind.CODE:  # what was to be run to answer it; the advice may follow
                is_last = all(each.kind is SpanKind.CODE for each in spans[place:])
                left[place] = Left.ASKS_BACK if is_last else None
            elif _is_fragment(told[place]):
                left[place] = Left.ASKS_BACK
        elif left[place] is None and _is_fragment(told[place]) and _is_fragment(after):
            left[place] = Left.ASKS_BACK
    return left


def _is_fragment(sentence: str) -> bool:
    """Whether it is a few words of a question that make no suggestion."""
    short = sentence.rstrip().endswith(("?", "？")) and len(sentence.split()) <= MOST_FRAGMENT
    return short and not _holds_matter(sentence) and _SUGGESTS.search(sentence) is None


LEAST_LINES = 4  # in a row that end as lines of code do


def _spans(text: str) -> list[Span]:
    """The sentences of ``text``; lines of code that nobody fenced are one span, as if they were."""
    spans = sentences(text)
    for start, end in _unfenced(text):
        within = [span for span in spans if start <= span.start and span.end <= end]
        across = any(span.start < end and start < span.end for span in spans if span not in within)
        if within and not across:
            spans = [span for span in spans if span not in within]
            spans = sorted([*spans, Span(start, end, SpanKind.CODE)], key=lambda span: span.start)
    return spans


def _unfenced(text: str) -> Iterator[tuple[int, int]]:
    """Where at least so many lines in a row, but for empty ones, end in a bracket, a comma or a semicolon."""
    start, end, count, brackets, at = 0, 0, 0, False, 0
    for line in [*text.splitlines(keepends=True), "."]:
        told = line.strip()
        if told.endswith(("{", "}", "[", "]", ",", ";")):
            start = start if count else at + len(line) - len(line.lstrip())
            end, count, brackets = at + len(line.rstrip()), count + 1, brackets or told[-1] != ","
        elif told:
            if count >= LEAST_LINES and brackets:
                yield start, end
            count, brackets = 0, False
        at += len(line)


def _joined(text: str, spans: Sequence[Span]) -> str:
    """The spans as they stand where only blanks are between them, else each on a line of its own."""
    pieces: list[str] = []
    for before, span in zip((None, *spans), spans, strict=False):
        gap = "" if before is None else text[before.end : span.start]
        pieces += [gap if not gap.strip() else "\n", text[span.start : span.end]]
    return "".join(pieces)


def _left(text: str, span: Span, trimmed: Span, part: Part, earlier: tuple[str, ...] | None) -> Left | None:
    """Why the span is left out; None if it stays."""
    whole = text[span.start : span.end]
    if _PLACES.fullmatch(whole):
        return Left.SIGNED
    if span.kind is SpanKind.CODE:
        return Left.QUOTED if _is_quoted_block(text, span) and _was_said(whole, earlier) else None
    if _SAID_BY.match(whole) or (_is_quoted(text, span) and _was_said(whole, earlier)):
        return Left.QUOTED
    told = text[trimmed.start : trimmed.end]
    if earlier is not None:
        told = re.sub(r"(?m)^[ \t]*>+[ \t]?", "", told)  # a prompt, or a sign of the author's own
    if earlier and len(told) >= LEAST_QUOTE and not _holds_matter(told) and _was_said(told, earlier):
        return Left.QUOTED
    return reason_to_leave(told, part) if re.search(r"\w", told) else Left.SMALL


# ---- quotes, signatures, what a form left blank -----------------------------------------------------------

_SAID_BY = re.compile(
    r"^\W*(?:[\w.@<> *-]{2,60}? (?:said|wrote)|(?:on |am ).{6,80}(?:wrote|schrieb)|[\w<> ]{1,30}(?:说"
    r"|写道))\W*(?:\(https?://\S+\)\W*)?[:：]\s*$",
    re.IGNORECASE,
)
_SIGNATURE = re.compile(
    r"(?<!\n)\n+[ \t]*(?:"
    r"--[ \t]*\n[^`]{0,400}"
    r"|sent from my \w+[^\n]{0,30}"
    r"|(?:(?:kind|best|warm|many|with)[ \t]+(?:\w+[ \t]+)?(?:regards|wishes|greetings)|regards|best|cheers"
    r"|sincerely|br|rgds|kr|greetings|yours"
    r"|mit freundlichen gr(?:ü|ue)(?:ß|ss)en|viele gr(?:ü|ue)(?:ß|ss)e|此致|祝好)"
    r"(?:[ \t]*[,.!，。]+[ \t]*|[ \t]*(?=\n|\Z))(?:\n+[ \t]*)?[–—~-]*[ \t]*(?:<name \d+>"
    r"|@?[\w.'-]{1,20}(?:[ \t][\w.'-]{1,20})?)?[ \t.!]*(?:\n+[^\n`]{0,60}){0,3}"
    r"|(?:(?:many )?thanks|thank you|thx|谢谢)[ \t]*[,.!，。]*[ \t]*\n+[ \t]*[–—~-]*[ \t]*(?:<name \d+>"
    r"|[\w.'-]{2,20})[ \t.]*"
    r"|[–—~-]*[ \t]*<name \d+>[ \t.]*"
    r"|[–—~-]+[ \t]*[A-Z][a-z]+[ \t.]*"
    r")\s*\Z",
    re.IGNORECASE,
)
_PLACES = re.compile(r"(?:[\W_]*<[a-z]+ \d+>)+[\W_]*")  # "<name 1>" alone; to `sentences` it is a tag
_FIRST_NAME = re.compile(r"(?<=[.?!。？！)])[ \t]*\n[ \t]*\n+[ \t]*[A-Z][a-z]{2,12}[ \t]*\Z")
_LABEL_ALONE = re.compile(r"^[A-Z][\w /?'’-]{2,50}[:：]$")
_LABEL = re.compile(r"^[A-Z][\w /?'’-]{2,50}[:：]")


def _unsigned(text: str) -> tuple[str, bool]:
    """``text`` before its signature, and whether there is one."""
    found = _SIGNATURE.search(text) or _FIRST_NAME.search(text)
    if found is None or not re.search(r"\w", text[: found.start()]):
        return text, False
    return text[: found.start()], True


LEAST_QUOTE = 25  # characters; shorter ones are said by chance


def _was_said(quoted: str, earlier: tuple[str, ...] | None) -> bool:
    """Whether it stands in what was said before; taken for granted where that is not known."""
    if earlier is None:
        return True
    told = _flat(re.sub(r"(?m)^[ \t>]+|^\W*quote\b", "", quoted)).strip("`~ ")
    return bool(told) and any(told in _flat(each) for each in earlier)


@lru_cache(maxsize=1024)
def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


def _is_quoted(text: str, span: Span) -> bool:
    line = text[text.rfind("\n", 0, span.start) + 1 : span.end]
    return re.match(r"\s*>", line) is not None


def _is_quoted_block(text: str, span: Span) -> bool:
    block = text[span.start : span.end]
    if re.match(r"(?:`{3,}|~{3,})\s*quote\b", block):
        return True
    line = text[text.rfind("\n", 0, span.start) + 1 : span.start]
    return re.match(r"\s*>(?!>)", line) is not None


def _uncoloned(text: str, spans: Sequence[Span]) -> list[Span]:
    """The spans without labels of a form that nothing was written to."""
    kept: list[Span] = []
    told = [text[span.start : span.end] for span in spans]
    for place, span in enumerate(spans):
        last = place + 1 == len(spans)
        beside = told[place - 1 if last else place + 1]  # "Run this:" may end a message, alone
        if not (len(spans) > 1 and _LABEL_ALONE.match(told[place]) and _LABEL.match(beside)):
            kept.append(span)
    return kept


# ---- the beginning and the end of a sentence --------------------------------------------------------------

_WHOM = (
    r"(?:all|everyone|everybody|there(?![ \t]+(?:is|are|was|were|seems?)\b)|guys|folks|team|again|both"
    r"|friends|experts?|devs?|community"
    r"|people|mates?|sir|madam|ladies|gentlemen|@?<name \d+>|earshot)"
)
_GOES_ON = (  # what follows a greeting that nothing but a blank ends
    r"(?=[ \t]*$|[ \t]*\n|[ \t]+(?!world\b)(?:(?-i:[A-Z])|(?:i|i'm|i've|we|we're|my|our|how|what|why|where"
    r"|can|could"
    r"|does|do|did|is|are|has|have|when"
    r"|after|any|anyone|anybody|just|got|getting|trying|quick|a quick|so|it|this|in|on|for|since|not sure"
    r"|please|not)\b))"
)
_OPENING = re.compile(
    r"\s*(?:"
    rf"(?:hi|hello|hey|hallo|hiya|greetings|howdy|yo)(?:[ \t]+(?:dear[ \t]+)?{_WHOM})*"
    rf"(?:[ \t]+\w+[ \t]+(?:team|community|folks|guys|experts?|devs?|people|friends))?"
    rf"[ \t]*(?:[,.!:;–—-]+(?:[ \t]*[:;]-?[)D])?[ \t]*|{_GOES_ON})"
    rf"|(?:hi|hello|hey|dear)[ \t]+(?-i:[A-Z]\w+(?:[ \t]+[A-Z]\w+)?)[ \t]*[,!]"
    rf"|dear[ \t]+(?:\w+[ \t]+)?{_WHOM}(?:[ \t]+and[ \t]+\w+)?[ \t]*[,.!:]*"
    rf"|good[ \t]+(?:morning|afternoon|evening|day)(?:[ \t]+(?:dear[ \t]+)?{_WHOM})*[ \t]*[,.!:–—-]*"
    rf"|(?:g'?day|morning)(?:[ \t]+{_WHOM})?[ \t]*[,.!]+"
    r"|(?:大家好|各位(?:好|大佬|老师|同学|同事)*|你好|您好|哈喽|嗨|早上好|下午好|晚上好|早|各位早)(?:[，,！!。：:～~\s]+|(?=请问|请教|我|有|想))"
    r"|(?:请教|请问)(?:一?下)?(?:大家|各位)?[，,：:\s]+"
    r"|@\*\*[^*\n]{1,60}\*\*[,:，：]?(?=[ \t])"
    r"|<@<name \d+>>[,:，：]?|@?<name \d+>(?:[ \t]*(?:[,:，：]|[–—-](?=[ \t]))|(?<=@<name \d>)(?=[ \t])"
    r"|(?<=@<name \d\d>)(?=[ \t]))"
    r"|<@[\w]+>[,:，：]?|@[\w-]+[,:，：]|@(?:here|channel|all|everyone)\b[,:，：]?"
    r")[ \t]*",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:[,;–—-]+[ \t]*|[ \t]+(?=thanks[.!]*$|thx[.!]*$))(?:and[ \t]+)?(?:many[ \t]+|big[ \t]+)?(?:thanks"
    r"|thank[ \t]+you|thx|ty|cheers)"
    r"(?:[ \t]+(?:in[ \t]+advance|a[ \t]+lot|so[ \t]+much|very[ \t]+much|again|all|guys|everyone|you"
    r"|@?<name \d+>|for[ \t]+(?:any|your|the)[ \t]+help))*[ \t]*[.!:)]*$"
    r"|(?<=[.!?)])[ \t]+(?:best|cheers|regards|(?:best|kind)[ \t]+regards),?[ \t]+<name \d+>[.! ]*$"
    r"|[,;]?[ \t]+any[ \t]+(?:help|ideas?|advice|suggestions?|pointers)(?:[ \t]+(?:is|are|would[ \t]+be"
    r"|will[ \t]+be))?(?:[ \t]+(?:much|greatly|highly|very))?[ \t]+(?:appreciated|welcome)[ \t]*[.!]*$"
    r"|[,，]?(?:先|提前)?(?:谢谢|多谢|感谢)(?:各位|大家|了|啦|您|你|<name \d+>)*[！!。~～]*$"
    r"|[ \t]*(?<!\w):[a-z][a-z0-9_+-]*:$",
    re.IGNORECASE,
)


def _trimmed(text: str, span: Span) -> Span:
    """The span without the greeting it begins and the thanks it ends with."""
    if span.kind is SpanKind.CODE:
        return span
    start = _opened(text, span)
    end = start + len(_unclosed(text[start : span.end]))
    return Span(start, end, span.kind)


def _opened(text: str, span: Span) -> int:
    """Where what is said begins, behind greetings and mentions."""
    start = span.start
    while (found := _OPENING.match(text, start, span.end)) and found.end() > start:
        start = found.end()
    return start


def _unclosed(sentence: str) -> str:
    found = _CLOSING.search(sentence)
    return sentence[: found.start()].rstrip() if found else sentence


# ---- sentences that go ------------------------------------------------------------------------------------


def _any(*alternatives: str) -> re.Pattern[str]:
    """One pattern of several; a space stands for any blanks."""
    return re.compile("|".join(alternatives).replace(" ", r"\s+"), re.IGNORECASE)


_SOMEBODY = r"(?:<name \d+>|@<name \d+>|@\w[\w.-]*|him|her|them|me|us)"
_NOW = (
    r"(?:right now|at the moment|currently|at present|now|today|tonight|tomorrow|this (?:morning|afternoon"
    r"|evening|week)"
    r"|later|soon|asap|shortly|in a (?:bit|minute|moment|few|sec)|on monday|by eod|after lunch"
    r"|in \d+ ?(?:min|minutes|h|hours))"
)
_THANKS = _any(
    r"\bthanks?\b.{0,40}\bin advance\b|^\W*(?:many |a lot of |big )?(?:thanks|thank you|thx|cheers"
    r"|kudos)\b[^:]{0,50}$",
    r"\b(?:any|your|some) (?:\w+ ){0,4}(?:is|are|would be|will be)? ?(?:much |greatly |highly |very "
    r"|really )?(?:appreciated|welcome)\b",
    r"\b(?:appreciate|be grateful for) (?:any|your|the|all)\b.{0,60}$|\bi(?:'d"
    r"| would) (?:really )?appreciate (?:it|any)\b",
    r"^\W*(?:so,? )?(?:i )?(?:hope|hoping|hopefully) (?:this|that|it|you|someone|somebody|everyone"
    r"|for)\b.{0,80}$",
    r"^\W*(?:please |pls |plz )?(?:help|advise|assist|suggest)(?: me| us| out| needed| please| on this"
    r"| with this)*\W*$",
    r"^\W*(?:can|could|would|will) (?:any(?:one|body)|some(?:one|body)|you) (?:\w+ )?(?:help|assist|advise|guide)"
    r"(?: (?:me|us|please|out|here|on this|with this|with that))*\W*$",
    r"^\W*(?:can|could|would|will) you (?:please |maybe |perhaps )?(?:(?:have|take) a look|look (?:at"
    r"|into) (?:it|this|that)|chime in"
    r"|weigh in|comment|check (?:it|this|that))(?: please| at (?:it|this|that))?\W*$",
    r"^\W*any (?:ideas?|help|thoughts|suggestions?|hints?|advice|pointers?|clues?|feedback)(?: please| here"
    r"| on this| about this)?\W*$",
    r"\b(?:let me|let us) know (?:if|how|whether|what) (?:you|it|this|that|there|anything|i|we|more"
    r"|any)\b.{0,80}$",
    r"\bfeel free to\b.{0,80}$|\bhappy to (?:help|answer|assist)\b|\bglad (?:to|it|that|i|you)\b.{0,60}$",
    r"^\W*(?:you(?:'re| are) welcome|no (?:problem|worries)|np|my pleasure|good luck|have fun|have a (?:nice"
    r"|good|great)\b.*|"
    r"enjoy|welcome(?: to (?:the |our )?(?:forum|community|channel|group|slack|\w+ forum))?.{0,20}"
    r"|happy \w+ing!?)\W*$",
    r"^\W*(?:(?:hmm*|ah+|oh+|yes|yeah|ok)\W+)?(?:great|good|nice|excellent|interesting|fair) (?:question"
    r"|point|catch|find|idea|job"
    r"|work)\W*(?:<name \d+>\W*)?$",
    r"^\W*(?:sorry|apologi[sz]e|apologies|i'm sorry)\b.{0,90}\b(?:late|delay|slow|confusion|noise|question"
    r"|english|bother|trouble|spam|missed|inconvenience)\b.{0,40}$",
    r"^\W*i(?:'m| am) (?:very |quite |totally |completely |a )?(?:new|newbie|noob|beginner)(?: to| at| with"
    r"| in| here)?\b.{0,60}$",
    r"^\W*(?:hope|hoping) (?:you(?:'re| are)|all|everyone)\b|^\W*(?:happy|merry) (?:new year|holidays"
    r"|christmas|friday|monday)\b",
    r"^\W*(?:it(?:'s| is) )?(?:very |quite |super )?urgent\W*$",
    r"^\W*(?:first of all,? )?(?:thank you|thanks|kudos) (?:all |guys |so much |very much "
    r"|a lot )*for\b.{0,100}$",
    r"^(?:(?:先|提前|非常|十分)?(?:谢谢|多谢|感谢|谢过)|求助|求(?:大佬|各位|帮)|麻烦(?:了|大家|各位)|有(?:人|大佬).{0,6}(?:帮|指点)|(?:希望|但愿)(?:能"
    r"|可以)?(?:帮|对)"
    r"|不客气|有(?:问题|疑问).{0,4}(?:再|随时|可以)|辛苦|祝|在线等|急|新人|萌新|各位大佬.{0,6}$).{0,25}$",
)
_PERSON = _any(
    rf"\b(?:ask|ping|dm|pm|poke|contact|cc|cc'ing|ccing|tag|tagging|summon(?:ing)?|e-?mail|call|text|adding"
    rf"|loop(?:ing)? in) {_SOMEBODY}(?!\w)(?! out\b)",
    rf"\b(?:message|write|write to|talk to|speak (?:to|with)|check with|get in touch with|reach out to"
    rf"|(?:get|ask) (?:a )?hold of|follow up with|coordinate with) {_SOMEBODY}(?!\w)(?! (?:out|down|in|to|as"
    rf"|into)\b)",
    rf"^\W*cc\W*{_SOMEBODY}",
    r"^\W*(?:please |just |maybe |you (?:could|can|should) )?(?:ask|ping|contact|dm|talk to"
    r"|check with) (?-i:[A-Z][a-z]+)\W*$",
    r"@?<name \d+>,? (?:can|could|would|will|do|did|any|please|pls|what|thoughts|you|may|might)\b.{0,120}\?$",
    r"<name \d+>,? (?:might|may|will|would|should|probably|can|knows?)(?: probably| surely)? ?(?:know|help"
    r"|have (?:an|some|more) (?:idea|insight|info\w*))?\b.{0,60}$",
    r"(?:私聊|私信|私我|加我|找我|联系我|问我)|(?:联系|问一?下|找|问问|叫|艾特|抄送)(?:@|<name|小[\u4e00-\u9fff]|老[\u4e00-\u9fff])"
    r"|@<name \d+> ?(?:看|帮|来|麻烦|你|请)",
)
_ELSEWHERE = _any(
    r"^\W*here(?:'s| is| are) (?:a few|some|an?|the|a couple of) (?:\w+ )?(?:posts?|threads?|links?"
    r"|topics?)\b[^:]{0,90}$",
    r"^\W*(?:please )?(?:see|check|check out|read|follow) (?:this|that) (?:thread|topic|post|issue"
    r"|discussion)\W*:.{3,90}$",
    r"^.{0,30}\b(?:as|like) (?:we |i |you |just |already |was )*(?:discussed|mentioned|said|talked|agreed"
    r"|explained|noted|written|stated|told)\b(?: (?:above|before|earlier|yesterday|on the (?:call|phone)"
    r"|in (?:the|our|my) \w+|offline|previously|in dm))*\W*$",
    r"^\W*(?:please )?(?:see|look|check|read|refer to|cf\.?) (?:at )?(?:above|below|my (?:previous|last"
    r"|earlier|other|dm|message|comment|reply)|the (?:message|post|comment|answer|reply|thread) (?:above"
    r"|below|before))\b.{0,60}$",
    r"\b(?:sent|send|wrote|replied to|answered|messaged|dm'?d|pm'?d|e-?mailed|pinged) (?:you|u|him|her"
    r"|them)\b(?! (?:out|down|as|into)\b).{0,60}$|\bcheck your (?:dms?|pms?|inbox|mail|e-?mail|messages)\b",
    r"\b(?:replied|answered|continued?|responded|commented|moved|posted) (?:here|there|in (?:the|your|my"
    r"|another|an?) (?:other )?(?:thread|channel|dm|topic|issue|ticket|meeting))\b.{0,40}$",
    r"^.{0,12}\b(?:replied|answered|responded|commented|wrote) (?:on|in|to) (?:the|your|that|this|my"
    r"|our)\b.{0,40}"
    r"\b(?:discussion|thread|topic|channel|issue|ticket|dm|message|mail|question)\b",
    r"^.{0,60}\b(?:see|check|check out|refer to|look at|read|follow|in|try|have a look at"
    r"|take a look at) (?:out )?(?:the )?(?:\w+ )?(?:in )?"
    r"(?:this|that|these) (?:\w+ )?(?:threads?|posts?|links?|issues?|prs?|pages?|docs?|documentation"
    r"|articles?|discussions?|answers?"
    r"|guides?|blogs?|videos?|examples?|comments?)(?: (?:for|here|about|on|it|that|which|to|by|post"
    r"|first)\b.{0,60})?\W*$",
    r"\b(?:let's|we can|let us) (?:take|continue|discuss|talk|move|do) (?:this|it|that)? ?(?:offline"
    r"|in (?:a )?dm|privately|on (?:a|the) call|in private|over (?:zoom|the phone)|there)\b",
    r"\b(?:shared|posted|put) (?:it|that|this|the \w+) (?:in|to|on) (?:our|the) (?:drive|channel|wiki|folder"
    r"|dm|group)\b.{0,30}$",
    r"^(?:如上|见上|同上|参(?:考|见)上(?:文|面)|上面(?:说|讲|提)|看上面|之前(?:说|讲|聊)过|刚才(?:说|电话)|已(?:私信|私聊|发你|回复你|邮件)"
    r"|按(?:我们)?(?:会上|电话里|昨天|之前)).{0,20}$",
)
_PASSING = _any(
    r"^\W*(?:ok(?:ay)?,? |sure,? |great,? )*(?:i'll |i will |we'll |will |let me )(?:give (?:it|that"
    r"|this) a (?:try|go|shot)|try (?:it|that|this)"
    r"(?: out)?|do (?:that|so)|(?:have|take) a look|check(?: it| that| this)?)\b.{0,30}$",
    r"\b(?:should be|is|are) (?:much |a lot |all )?(?:improved|better|fixed|resolved|ok|okay|fine|working"
    r"|stable) (?:again )?now\b.{0,60}$",
    r"\bgot (?:things|it|everything|the \w+) back (?:to|up|online)\b.{0,160}$",
    rf"^\W*(?:will|gonna|going to) (?:deploy|release|roll|restart|fix|check|merge|push|ship|patch|upgrade"
    rf"|look|investigate|try)"
    rf"\b.{{0,60}}\b{_NOW}\W*$",
    rf"\b(?:is|are|was|were|seems?|looks?|went|be|it's|that's) (?:\w+ )?(?:down|offline|unavailable"
    rf"|unreachable|broken|overloaded|slow|under maintenance|in maintenance) {_NOW}",
    r"\b(?:currently|right now|at the moment) (?:\w+ )?(?:down|offline|unavailable|unreachable|investigating"
    r"|looking|restarting|deploying|experiencing|working on)\b",
    r"\b(?:is|are|it's|we're|should be|be|came|everything's) back (?:up|online|to normal|again"
    r"|in business)\b(?:.{0,40}(?:since|now|again|\d\d?:\d\d).*)?\W*$",
    r"\bback (?:up |online )?(?:since|as of) \d|^\W*(?:all |and )?back (?:up|online)(?: again| now)?\W*$",
    rf"\b(?:i|we|they|ops|someone|somebody|team)(?:'ll| will|'m going to| am going to|'re going to"
    rf"| are going to| plan to| shall) (?:\w+ ){{0,2}}(?:deploy|release|roll|restart|reboot|fix|check|merge"
    rf"|push|ship|patch|upgrade|investigate|look|update you|update this|post an update|report back|keep you"
    rf"|try|get|do|have|take|send|add|change|revert|bump|increase|run|test)\b.{{0,90}}\b{_NOW}\b.{{0,20}}$",
    r"^\W*(?:i|we)(?:'ll| will|'m going to| shall) (?:keep you (?:posted|updated)|let you know|report back"
    r"|update (?:you|this|here|the thread)|get back to you|follow up|try (?:it|that|this)|have a look"
    r"|take a look|look (?:at|into) (?:it|this|that)|check|see)\b.{0,60}$",
    r"^\W*(?:ok(?:ay)?,? |sure,? |thanks,? |yes,? )*(?:i'm|i am|we're|we are) (?:on it|looking|checking"
    r"|investigating|working on (?:it|this|that)|restarting|deploying|rolling|in a meeting|afk|out|away"
    r"|debugging|trying)\b.{0,60}$",
    r"^\W*(?:deploy|release|restart|rollback|rollout|fix|reboot|migration)(?:ing)? (?:is |are )?(?:now"
    r"|in progress|underway|ongoing|running|started|under way|being rolled out|rolling out|tonight"
    r"|tomorrow)\b.{0,40}$",
    r"^\W*(?:deploying|restarting|rebooting|rolling (?:back|out)|investigating|looking into (?:it|this)"
    r"|checking|working on (?:it|this))\b.{0,40}$",
    r"^\W*(?:please |just |pls )?(?:wait|stand by|standby|hang on|hold on|hold tight|bear with|one (?:moment"
    r"|sec|second|min|minute)|just a (?:moment|sec|min\w*)|give (?:me|us) (?:a|some|\d+)|brb"
    r"|stay tuned)\b.{0,40}$",
    rf"\b(?:should|will|'ll) be (?:fixed|back|up|done|resolved|available|deployed|live|ready|out|ok"
    rf"|fine) (?:again )?{_NOW}",
    r"\b(?:incident|outage|maintenance|downtime) (?:is |has been |was )?(?:over|ongoing|resolved|finished"
    r"|started|in progress)\b.{0,30}$",
    r"^.{0,12}(?:正在(?:处理|排查|看|查|修|部署|重启|恢复)|稍等|等一?下|马上(?:就)?(?:好|处理|看|修)|我(?:先|来|去)?(?:看一?下|看看|查一?下|在看|在查"
    r"|试试)|处理中|排查中|已(?:经)?恢复|恢复了|待会|一会儿?)"
    r"(?!.{0,10}(?:发现|原因)).{0,20}$",
    r"(?:今晚|明天|下午|下周|稍后|晚点|今天|晚上).{0,10}(?:上线|发布|部署|修复|重启|处理|看一?下|发版).{0,12}$",
    r"(?:现在|目前|暂时|当前).{0,12}(?:挂了|宕机|不可用|维护中|连不上)了?[。！!]?$",
)
_THING = (
    r"(?:it|that|this|them|everything|(?:your|his|her|their) [\w -]{2,40}|you\b[\w -]{0,40}"
    r"|<name \d+>[\w -]{0,30}"
    r"|the (?:server|service|box|job|jobs|pod|pods|db|database|node|nodes|instance|worker|workers|queue"
    r"|cluster|machine|container"
    r"|app|site|gate|scheduler|host|vm|account|permissions?|quota|<host \d+>)|<host \d+>)"
)
_DID = (
    r"(?:fixed|restarted|rebooted|granted|added|enabled|approved|unlocked|cleared|bumped|increased|kicked"
    r"|killed|updated"
    r"|resolved|repaired|corrected|done|re-?ran|whitelisted|provisioned|invited|removed|deleted|recreated|synced)"
)
_BY_HAND = _any(
    rf"^\W*(?:ok(?:ay)?,? |alright,? |hi,? |so |now |and )*(?:i|we|i've|we've|i have|we have)(?: (?:just|now"
    rf"|already|have|also|manually|went ahead and))* (?:{_DID}|reset) {_THING}(?: (?:for you|now|on (?:our"
    rf"|my) (?:side|end)|again|manually|back|today|up|to the \w+(?: \w+)?|access(?: to [\w -]+)?))*\W*$",
    rf"^\W*{_DID}(?: {_THING})?(?: (?:for you|now|on (?:our|my) (?:side|end)|again"
    rf"|manually))*(?:,? (?:please |pls )?(?:try|check|retry)(?: (?:it|again|now|once more))*)?\W*$",
    r"\b(?:fixed|restarted|restart|done|changed|reset|updated|resolved) (?:it |that |this "
    r"|is )?(?:now )?(?:for you|on (?:our|my) (?:side|end)|done on (?:our|my) (?:side|end))\b.{0,40}$",
    r"^\W*(?:restart|reboot|reset|fix|rollback|cleanup|deployment|update|upgrade)(?: is| was|'s)? (?:done"
    r"|finished|complete[d]?)\b.{0,40}$",
    r"^\W*(?:it|that|this|you|everything|all)? ?(?:should|must|ought to) (?:\w+ )?(?:work|be (?:ok|okay|fine"
    r"|good|fixed|working|back|resolved|able to (?:log in|login|access|see)[\w ]{0,20})|have (?:access"
    r"|permissions?))(?: (?:now|again|for you|then|fine|there|already|properly|too|for everyone)){0,3}\W*$",
    r"^\W*(?:please |pls |can you |could you )?(?:try|retry|check)(?: (?:it|again|now|once more|please|that"
    r"|this))+\W*$",
    r"^(?:我)?(?:已经?|刚刚?|帮你|给你|这边)(?:已经?|刚刚?|帮你|给你|这边)*(?:重启|修复|修好|处理|改好|开通|加上?|授权|重置|解决|恢复|弄好|搞定|开好|加好)(?:了"
    r"|好了|过了|权限)*[，,。！!]?(?:你)?(?:再)?(?:试试|试一下|看看|看一下|重试)?(?:吧|看|了)?[。！!]?$",
    r"^(?:你)?(?:现在|再)(?:可以)?(?:再)?(?:试试|试一下|看看|重试)(?:吧|看)?[。！!]?$",
)
_TICKET = re.compile(r"<ticket \d+>")
_TICKET_ONLY = _any(
    r"^\W*(?:\w+\W+){0,9}<ticket \d+>(?:\W+\w+){0,3}\W*$",
)
_ABOUT_TICKET = _any(
    r"\b(?:ticket|tracked|tracking|track|filed|opened|raised|created|logged|reported|see|follow|jira|issue"
    r"|case|bug|incident|duplicate|related|ref|reference|per|under|via|closing|closed)\b"
    r"|^\W*<ticket \d+>\W*$|工单|单号|任务|跟进|跟踪|见|提了",
)
_ASKS_BACK = _any(
    r"\b(?:what|which) (?:\w+ ){0,2}?(?:versions?|os|operating system|browser|distro|release|platform"
    r"|command|query|type|kind|error|errors|message|setup|environment|database|data ?source|log|output"
    r"|settings?|config\w*|model|account|user|cluster|machine|node|script|file|path|url|package|env\w*"
    r"|kernel)\b[^.]{0,80}\?",
    r"\bwhat (?:do|does|did|is|are|was|were|exactly|happens|happened|else|about|would|have|has)\b[^.]{0,120}\?",
    r"\b(?:can|could|would|will|may) (?:you|u)(?: (?:please|also|maybe|perhaps|possibly|then|just|pls|tell"
    r"|show))* (?:post|share|send|paste|provide|show|tell|give|attach|upload|describe|draw|explain|elaborate"
    r"|clarify|confirm|report|dm|pm|email|open|file|create|point|include|add (?:more|some|a|the) (?:detail"
    r"|info|context|log|screenshot)|say|reproduce|check (?:if|whether|what|that))\b",
    r"\b(?:please |pls |kindly )(?:post|share|send|paste|provide|show|tell|attach|upload|describe|explain"
    r"|elaborate|clarify|confirm)\b(?:.{0,60}(?:log|logs|error|screenshot|version|output|config\w*|detail"
    r"|details|info\w*|stack ?trace|query|more)\b)?.{0,40}$",
    r"\b(?:do|did|are|were|have|is|was|does) (?:you|it|that|this|there|the|your)\b[^.`]{0,100}\?\W*$",
    r"\b(?:how|when|where|who|since when|why) (?:do|did|are|were|have|is|was|does|exactly|long|many|much"
    r"|often|big|come)\b[^.`]{0,120}\?\W*$",
    r"^\W*(?:any|still|anything|which one|really|why|how so|how|where|who|and)\b[^.`]{0,60}\?\W*$",
    r"(?:什么|哪个|哪些|哪种|多少).{0,6}(?:版本|系统|环境|报错|错误|日志|配置|命令|情况|浏览器|数据库|现象)|(?:能|可以|方便|麻烦).{0,4}(?:发|贴|提供|截"
    r"|给).{0,12}(?:吗|么|[？?]|一?下|日志|截图|报错)"
    r"|(?:发|贴|截)(?:一?下|个|张)(?:日志|截图|报错|图|完整|配置|代码)|(?:吗|呢|么)[？?]\s*$|怎么(?:操作|配置|报|复现)的[？?]",
)
# Questions that are answers: a try, a guess, a hint.
_SUGGESTS = _any(
    r"\b(?:have|did) you (?:tried?|considered?|restart\w*|set|enable\w*|check\w*|look\w* (?:at|into)"
    r"|install\w*|updat\w*|upgrad\w*|clear\w*|add\w*|remov\w*|configur\w*|use|us(?:ed|ing)|run|make sure"
    r"|forg[eo]t\w*|mean)\b",
    r"\b(?:can|could|would) you (?:please |maybe |perhaps |also |just )*(?:try|use|run|set|change|restart"
    r"|add|remove|update|upgrade|switch|replace|install|delete|move|increase)\b",
    r"\b(?:why not|how about|what about|what if|could it be|might it be|maybe|perhaps|isn't it"
    r"|does it (?:work|help) if|do you need|(?:are|were) you (?:sure|certain)|could you have"
    r"|is it possible(?! (?:for you )?to (?:share|post|send|provide|show|paste|get|see)))\b"
    r"|试试|是不是|有没有(?:试|设|开|配"
    r"|加|装)|会不会|要不",
)
_POLICY = _any(
    r"\bwe (?:\w+ )?(?:only )?(?:update|support|maintain|patch) (?:only )?the latest\b.{0,100}$",
    r"\bif (?:(?:this|that|the|your) (?:issue|problem|bug|error)|this|it|that) (?:still )?(?:reproduces|persists"
    r"|happens|occurs)\b.{0,60}"
    r"\b(?:open|file|create|report|raise)\b.{0,40}\b(?:issues?|bugs?|tickets?)\b",
    r"\b(?:please |can |could |should |may |might |to )(?:\w+ )?(?:create|open|file|raise|submit|report) "
    r"(?:it |this |that )?(?:as )?(?:a |an )?(?:new |github |bug |feature )*(?:issue|bug|bug report|request|ticket)"
    r"(?: (?:here|there|for (?:it|this|that)|about (?:it|this|that)|on github|in the tracker))*\W*$",
    r"\bwe use github issues\b.{0,60}$",
)
_SLIP = re.compile(
    r"^\W*(?:\*\w[\w' -]{0,30}|\w[\w'-]{0,20}(?: \w[\w'-]{0,20})?\*)\W*$"  # "*their", what was meant to be typed
    r"|^\W*(?:maybe |perhaps )?i(?:'m| am)(?: probably)? (?:explaining|describing|saying|phrasing) (?:this|that"
    r"|it|myself) (?:badly|poorly|wrong)\b.{0,40}$",
    re.IGNORECASE,
)
_REMARK = _any(
    r"^\W*(?:(?:yes|ah|oh|ok|cool|great),? )?(?:i'm |i am |very |so |it's )*(?:happy|good|nice|glad|great|sorry) to"
    r" (?:hear|know|see)\b.{0,60}$",
    r"\bdid the trick for (?:me|us)\b",
    r"^(?!.*\b(?:you|try|use|because)\b)\W*(?:i|we)(?:'ve| have)? (?:also )?never (?:seen|had|met) (?:that|this"
    r"|such)\b",
    r"^\W*i(?:'ve| have)? never (?:seen|had|met) (?:that|this|such) particular\b",
    r"\blet's (?:jump|hop|get) on (?:a )?(?:\w+ )?(?:chat|call|zoom)\b.{0,90}$",
    r"^\W*(?:hm+,? |yes,? |that |this |it )*(?:sounds|looks|seems) like (?:an? )?(?:[\w-]+ ){0,3}(?:issue|bug"
    r"|problem)\W*$",
    r"^(?!.*\b(?:you|use|try|instead)\b).{0,120}\bwould be (?:very |really |much |also )?(?:appreciated|good"
    r"|nice|great"
    r"|cool|awesome)\W*$",
    r"\bi(?:'m| am) (?:\w+ )?scheduling\b.{0,60}$|\bi(?:'ve| have)? just sent (?:it|that|you|the invit\w+)\b.{0,80}$",
    r"\bi(?:'d| would) (?:love|like) to (?:attend|join|come|participate)\b.{0,80}$",
    r"\bwould you be (?:willing|able|interested|open) (?:to|in)\b.{0,120}$",
    r"\b(?:will|let's|try to|going to|we can|i can) (?:\w+ )?(?:set (?:something|a (?:call|meeting)) up"
    r"|set up (?:something"
    r"|a (?:call|meeting|time))|schedule (?:a|some)|find a time)\b.{0,80}$",
    r"^\W*i will be in touch\W*$",
    r"^.{0,40}\b(?:ignore|disregard|forget) (?:mine|my (?:\w+ )?(?:answer|advice|message|suggestion)"
    r"|what i (?:said|wrote))\b.{0,20}$",
    r"^\W*(?:this|that|it|the) (?:\w+ ){0,2}(?:is|was|looks) (?:\w+ )?(?:great|awesome|cool|amazing|nice"
    r"|perfect|helpful|useful)\W*$",
    r"^\W*(?:sorry,? |hmm,? )*(?:i(?:'m| am) (?:confused|not sure (?:what|i) \w+(?: \w+){0,3})|i (?:don't"
    r"|do not|didn't) (?:quite |really )?(?:understand|get"
    r"|follow)(?: (?:it|this|that|you|the question|what you mean))?)\W*$",
    r"^\W*(?:hmm*|huh|wow|oh|ah|yeah|yes|no|well|ok|interesting|weird|strange|odd|funny|nice|cool|great"
    r"|awesome|lol|haha\w*|true|exactly|indeed|agreed|right)\W*(?:that(?:'s| is) |this is |it(?:'s| is) "
    r"|very |really |so |quite |pretty )*(?:weird|strange|odd|interesting|funny|cool|nice|great|awesome|good"
    r"|bad|sad|annoying|true|right|correct|a bug|a shame|too bad|good to know|my bad)?\W*$",
    r"^\W*(?:(?:hmm*|well|sorry|but|oh|no|ok|ah)\W+)*(?:that(?:'s| is)|this is|it(?:'s| is)|looks|sounds"
    r"|seems) (?:a bit |very |really |so |quite |pretty |kind of )*(?:weird|strange|odd|interesting|funny"
    r"|cool|nice|great|awesome|good|bad|sad|annoying|a shame|too bad|good to know|correct|right|true"
    r"|like fun)(?: indeed| though| to me)?\W*$",
    r"^\W*(?:(?:it|this|that) )?(?:works|worked|works fine|working) (?:fine |well |ok |great )?(?:for me"
    r"|here|on my (?:side|end|machine)|locally)\W*$",
    r"^\W*(?:sorry,? |hmm,? |well,? |honestly,? )*(?:i |we )?(?:have no idea|no idea|no clue|don't know"
    r"|do not know|not sure|dunno|am not sure|i'm not sure|can't (?:help|reproduce|say|tell)"
    r"|cannot reproduce|never (?:seen|had|tried|used) (?:it|this|that))\b.{0,50}$",
    r"^\W*i (?:also |frequently |often |sometimes |too |do )+(?:experience|see|get|have|had) (?:this|that|it"
    r"|the same)\b",
    r"^\W*(?:same|me too|\+1|us too|same (?:here|problem|issue|error|for me|question))\b.{0,30}$",
    r"^(?:奇怪|不知道|不清楚|没(?:遇到|见)过|我这(?:边|里)?(?:正常|没问题|可以)|同样|我也|厉害|有意思|确实|好奇怪).{0,10}$",
)
_PICTURE = re.compile(
    r"^\W*(?:!\[[^\]\n]*\]\([^)\s]*\)|\[?(?:image|screenshot|img|图片|截图"
    r"|photo)\]?(?:[ \t]*[-_:(]?[ \t]*\d[\w×. -]*)?|<image[^>]*>|[\w .@%-]*?\d{2,5}[×x]\d{2,5} [\d.]+ [KM]B"
    r"|[\w().@ -]+\.(?:png|jpe?g|gif|webp|bmp|heic)(?: ?\(?\d*[\w. ]*\)?)?|(?:https?://"
    r"|/user_uploads/)\S+\.(?:png|jpe?g|gif|webp))\W*$"
    r"|^\W*(?:(?:please )?(?:see|check|here(?:'s| is)|attached(?: is)?) )?(?:the |a |my |attached "
    r"|following )*(?:screenshots?|screen ?shots?|pictures?|images?|pics?)(?: (?:below|attached|above|here"
    r"|is attached|for reference))*\W*$"
    r"|^(?:如图|见图|看图|截图(?:如下)?)[：:。]?$",
    re.IGNORECASE,
)
_FORM = re.compile(
    r"^\W*A summary of the issue and the browser/OS environment in which it occurs\W*$|^\W*Issue Summary\W*$"
    r"|^\W*Technical details:?\W*$",
    re.IGNORECASE,
)


_SOUND = re.compile(r"\W*(?:huh|hu?m+|true|none|ah+|oh+|wow|lol|ugh|oops|唉|啊+)\W*", re.IGNORECASE)
_NAME = re.compile(r"<@<name \d+>>|@?<name \d+>")  # cues know mentions


def reason_to_leave(sentence: str, part: Part) -> Left | None:
    """Why a sentence of prose, already without greeting, tells a later reader nothing; None if it stays."""
    if _SOUND.fullmatch(sentence):
        return Left.SMALL
    if is_ack(_NAME.sub("@name", sentence)) and not _VERSION.search(sentence):
        return None if part is Part.PROBLEM and is_question(sentence) else Left.SMALL
    return next((reason for reason in _reasons(sentence, part)), None)


def _reasons(sentence: str, part: Part) -> Iterator[Left]:
    spoken = sentence.replace("’", "'")
    if _PICTURE.search(spoken):
        yield Left.PICTURE
    if _FORM.search(spoken):
        yield Left.BLANK
    if _TICKET.search(spoken) and _TICKET_ONLY.search(spoken) and _ABOUT_TICKET.search(spoken):
        yield Left.TICKET
    if _SLIP.search(spoken):
        yield Left.REMARK
    if len(spoken) > MOST_ASIDE or _holds_matter(spoken):
        return  # what it holds besides is worth more than what is too much in it
    if _is_thanks(spoken):
        yield Left.THANKS
    if _PERSON.search(spoken):
        yield Left.PERSON
    if _ELSEWHERE.search(spoken):
        yield Left.ELSEWHERE
    yield from _of_a_day(spoken) if part is Part.SOLUTION else _of_an_asker(spoken)


def suggests(text: str) -> bool:
    """Whether a question in it is an answer: something to try, a guess, a hint."""
    return _SUGGESTS.search(text.replace("’", "'")) is not None


def _of_a_day(sentence: str) -> Iterator[Left]:
    """What a solution does not need: states, deeds without a how, questions back, remarks."""
    if _PASSING.search(sentence) or _ON_IT.search(sentence) or is_deferral(sentence):
        yield Left.PASSING
    if _BY_HAND.search(sentence):
        yield Left.BY_HAND
    if _ASKS_BACK.search(sentence) and not _SUGGESTS.search(sentence):
        yield Left.ASKS_BACK
    if _POLICY.search(sentence):
        yield Left.POLICY
    if _REMARK.search(sentence):
        yield Left.REMARK


_ON_IT = _any(
    r"^\W*(?:i|we)(?:'ll| will) (?:keep you (?:posted|updated)|let you know|report back|update (?:you|this"
    r"|here))\b.{0,60}$",
    r"\b(?:this|it|that)(?:'s| is) (?:very |quite |super |really )?urgent\b.{0,60}$|^\W*urgent\W*$|\basap\W*$",
    r"^(?:很急|比较急|急急急|在线等).{0,12}$",
)


def _of_an_asker(sentence: str) -> Iterator[Left]:
    if _ON_IT.search(sentence) and not is_problem_report(sentence):
        yield Left.PASSING


def _is_thanks(sentence: str) -> bool:
    tells = is_still_broken(sentence) or _HOW.search(sentence) is not None
    return _THANKS.search(sentence) is not None and not tells


_HOW = _any(
    r"\b(?:by|after) \w+ing\b|\b(?:because|using|instead|had to|turned out)\b", r"通过|因为|改成|重启后"
)


def _holds_matter(sentence: str) -> bool:
    """Whether it holds a command, an address or an error."""
    return "`" in sentence or "://" in sentence or bool(error_codes(sentence))


# ---- the title --------------------------------------------------------------------------------------------

_TRAILING = re.compile(r"[\s,;–-]*[(\[]?<ticket \d+>[)\]]?[.\s]*$")
_MARKS = re.compile(r"^[#>*`\s-]*(?:[\[(]?(?:<ticket \d+>|re|fwd?|aw)[\])]?[:\s–-]+)*", re.IGNORECASE)


def title_of(texts: Sequence[str]) -> str:
    """The line of what was asked that says best what it is about, of at most 120 characters; "" if nothing is said.

    A forum's headline usually does; without one it is a sentence that tells of trouble or a goal, rather an early one.
    """
    lines = [line for text in texts for line in _lines(text)]
    telling = [line for line in lines if len(line) >= LEAST_TITLE and not is_ack(_NAME.sub("@name", line))]
    headed = _has_headline(texts)
    points = {
        line: _points(line, place, headed=headed)
        for place, line in reversed([*enumerate(telling[:MOST_TITLES])])
    }
    best = max(telling[:MOST_TITLES], key=lambda line: points[line], default="")
    return _shortened(best or next(iter(lines), ""))


MOST_TITLES = 6  # sentences that are looked at
_LEANS = _any(  # what cannot be understood without what was said before it
    r"^\W*(?:this|that|it|its|it's|but|and|so|or|above|below|however|also|then|these|those|which|here|there"
    r"|because|when i do"
    r"|any (?:suggestions?|ideas?|chance|way to do|thoughts|help)|is (?:this|that|it(?! possible))|does (?:this"
    r"|that|it)"
    r"|if (?:you|so|not|i do)"
    r"|before i|in (?:this|that|my) case|after that|since then|the (?:problem|issue|error|question|thing) is"
    r"|i expected|for example|e\.g)\b",
    r"^(?:但是?|而且|所以|这|那|另外|然后|因为|上面|以上)",
)
_GOAL = _any(
    r"\b(?:how (?:to|do|can|could|should)|trying to|try to|want to|would like to|need to|is it possible"
    r"|is there (?:a|any) way)\b",
    r"怎么|如何|想要?|需要",
)


def _points(line: str, place: int, *, headed: bool) -> float:
    """How well a line says what it is about; only the order means anything."""
    telling = len(set(words(line)))
    points = 3.0 * (headed and place == 0) + 1.5 * (place == 0) + min(telling, 3) - 0.1 * place
    points += 2.0 * (is_problem_report(line) or is_question(line)) + 0.5 * (_GOAL.search(line) is not None)
    points += 1.0 * bool(error_codes(line)) - 3.0 * (_LEANS.search(line) is not None)
    points -= 4.0 * _is_mostly_address(line) + 3.0 * (_ABOUT_TO_ASK.search(line) is not None)
    points += 0.5 * line.rstrip().endswith(("?", "？")) - 1.0 * (_OWN_VIEW.search(line) is not None)
    return points - 3.0 * (_THANKS.search(line) is not None) - 2.0 * (_PERSON.search(line) is not None)


_ABOUT_TO_ASK = _any(
    r"\bi(?:'ve| have|'d like to ask| want to ask)(?: got)?(?: a| some| one| another)? (?:\w+ )?questions?"
    r"(?: (?:about|on|regarding|for) [^,:?]{0,60})?\W*$",
    r"\b(?:quick|another|simple|stupid|newbie|beginner|dumb) question\W*$|^\W*question (?:about|for) \S+\W*$",
)
_OWN_VIEW = _any(r"^\W*i (?:believe|think|tried|guess|suppose|assume|suspect|wonder whether to)\b")


LEAST_TITLE_WORDS = 3  # beside an address


def _is_mostly_address(line: str) -> bool:
    shown = _shortened(line)
    rest = re.sub(r"<?\bhttps?://\S+", "", shown)
    return len(rest) < len(shown) and len(re.findall(r"\w+", rest)) < LEAST_TITLE_WORDS


def _lines(text: str) -> Iterator[str]:
    """Each span's first line with a word in it, without greeting, thanks and marks."""
    for span in sentences(text):
        trimmed = _trimmed(text, span)
        told = text[trimmed.start : trimmed.end]
        line = next((line for line in told.splitlines() if re.search(r"\w", _MARKS.sub("", line))), "")
        if line := re.sub(r"\s+", " ", _TRAILING.sub("", _MARKS.sub("", line, count=1))).strip():
            yield line


def _has_headline(texts: Sequence[str]) -> bool:
    """Whether the first message begins with a line of its own above the rest, as a forum's posts do."""
    head, _, rest = texts[0].strip().partition("\n\n") if texts else ("", "", "")
    alone = "\n" not in head and len(head) <= TITLE_LENGTH and not head.endswith((",", ":", "，", "："))
    return bool(rest.strip()) and alone and not is_ack(head) and _OPENING.match(head) is None


def _shortened(text: str) -> str:
    if len(text) <= TITLE_LENGTH:
        return text
    kept = text[: TITLE_LENGTH - 1]
    return (kept[: kept.rfind(" ")] if " " in kept[TITLE_LENGTH // 2 :] else kept).rstrip() + "…"


# ---- what somebody adds, and how he says that it worked ---------------------------------------------------

MOST_ADDED = 800  # characters of what an asker added to his question later


def essentials(text: str, most: int = MOST_ADDED, *, asked: bool = False, questions: bool = False) -> str:
    """Of what an asker adds later: logs, error messages, versions and settings, about ``most`` characters; else "".

    ``asked``: somebody had asked for it; then code counts that shows no error, too, with the sentence that leads to it,
    and so does what is wrong. ``questions``: what he asks counts, with the code beside it.
    """
    told = distil(text, Part.PROBLEM)
    spans = _spans(told)
    kept, used = [], 0
    for place, span in enumerate(spans):
        content = told[span.start : span.end]
        following = told[spans[place + 1].start : spans[place + 1].end] if place + 1 < len(spans) else ""
        before = told[spans[place - 1].start : spans[place - 1].end] if place else ""
        leads = (
            asked
            and place + 1 < len(spans)
            and spans[place + 1].kind is SpanKind.CODE
            and content.endswith(":")
        )
        beside = span.kind is SpanKind.CODE and (_asks(before) or _asks(following))
        wanted = (
            leads or (questions and (_asks(content) or beside)) or _is_essential(content, span, asked=asked)
        )
        if used + len(content) <= most and wanted:
            kept.append(span)
            used += len(content)
    return _joined(told, kept)


def questions(text: str) -> bool:
    """Whether an asker asks more in it: not only whether there is news, nor what was meant."""
    told = distil(text, Part.PROBLEM)
    return any(
        _asks(told[span.start : span.end]) for span in sentences(told) if span.kind is not SpanKind.CODE
    )


_ASKS_PEOPLE = _any(
    r"\b(?:what do you mean|do you (?:mean|know|think)|did you|(?:can|could|would) you (?:please )?(?:have|take"
    r"|look|check|explain"
    r"|help|send|share|elaborate)|any (?:updates?|news|ideas?|thoughts|help)|any(?:one|body) else|were you"
    r"|by the way|btw|joking)\b|\b(?:right|ok|okay|no|really|correct|sure)\s*\?\W*$",
)
LEAST_QUESTION = 5  # words; "Which one?" cannot be understood alone


def _asks(sentence: str) -> bool:
    """Whether it is a question that says what it is about."""
    if not sentence.rstrip().endswith(("?", "？")) or not is_question(sentence) or is_chaser(sentence):
        return False
    long_enough = len(sentence.split()) >= LEAST_QUESTION or re.search(r"[\u3400-\u9fff]{6}", sentence)
    return bool(long_enough) and _ASKS_PEOPLE.search(sentence.replace("’", "'")) is None


def _is_essential(content: str, span: Span, *, asked: bool) -> bool:
    if _LABEL_OF_LOG.fullmatch(content):
        return False
    if span.kind is SpanKind.CODE:
        return asked or is_problem_report(content)
    if is_question(content):
        return False
    if bool(error_codes(content)) or _STATES.search(content):
        return True
    if asked:
        return _VERSION.search(content) is not None or _tells_trouble(content)
    return _NAMES_VERSION.search(content) is not None and _NO_FACT.search(content) is None


def _tells_trouble(sentence: str) -> bool:
    """Whether it says what goes wrong, not only what may."""
    told = sentence.replace("’", "'")
    return is_problem_report(told) and _TROUBLE.search(told) is not None and _NO_FACT.search(told) is None


_TROUBLE = _any(
    r"\b(?:errors?|exception|traceback|crash\w*|fail(?:s|ed|ing)?|hangs?|stuck|time[sd]? ?out|segfault\w*"
    r"|refused|denied)\b"
    r"|\b(?:doesn't|didn't|does not|did not|won't|not) (?:work|load|start|show|run|open|connect|find|help)",
    r"报错|错误|失败|异常|崩溃|无法|超时",
)
_LABEL_OF_LOG = re.compile(r"\W*(?:error|warning|output|log|traceback|result)s?\W*", re.IGNORECASE)
_STATES = _any(
    r"\b(?:the |this |full |exact |an? )(?:error|message|log|exception|output|traceback"
    r"|stack ?trace)\b.{0,20}(?:is|says|was|shows|:)",
    r"\w(?:Error|Exception)\b|(?:报错|日志|错误信息|版本).{0,4}(?:是|为|：|:)",
)
_VERSION = re.compile(r"\bv?\d+(?:\.\d+)+\b|\bversion \d|版本.{0,3}\d", re.IGNORECASE)
_NAMES_VERSION = re.compile(
    r"\b(?i:versions?|release|ver\.?|v)[ :=]*(?:is |are |was )?v?\d+(?:\.\d+)*|\bv\d+(?:\.\d+)+|版本.{0,3}\d"
    r"|\b(?!(?:Section|Chapter|Figure|Table|Step|Page|Line|About|Around"
    r"|Maybe)\b)[A-Za-z]*[A-Z][\w-]+ v?\d+(?:\.\d+)+\b"
    r"|\b\d+\.\d+\.\d+\b"
)
_NO_FACT = _any(
    r"\b(?:section|chapter|figure|table)\b|§|\b(?:maybe|perhaps|probably|not sure|i may|i might|i suspect|could be)\b"
)
MOST_WORDS = 300  # characters of a confirmation


def words_of_success(text: str) -> str:
    """What of a message says that it worked or thanks for it, verbatim; a short message whole, without pictures.

    A caveat beside it is not cut away: then it is the whole paragraph, and nothing if the caveat stands further off.
    """
    spans = [span for span in sentences(text) if not _PICTURE.search(text[span.start : span.end])]
    telling = [span for span in spans if _is_success(text[span.start : span.end])]
    if len(text) <= MOST_WORDS or not telling:
        return _joined(text, spans)
    if not _limits(text, [span for span in spans if span not in telling]):
        return _joined(text, telling)
    around = [span for span in spans if any(_is_beside(text, span, each) for each in telling)]
    return "" if _limits(text, [span for span in spans if span not in around]) else _joined(text, around)


def _limits(text: str, spans: Sequence[Span]) -> bool:
    return any(has_caveat(text[span.start : span.end]) for span in spans)


def _is_beside(text: str, span: Span, other: Span) -> bool:
    """Whether both stand in one paragraph."""
    first, last = sorted((span, other), key=lambda each: each.start)
    return "\n\n" not in text[first.start : last.end]


def _is_success(sentence: str) -> bool:
    return says_thanks(sentence) or is_solved(sentence)
