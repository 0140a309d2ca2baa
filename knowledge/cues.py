"""What a message does, read from its words: asks, thanks, reports, answers. English and Chinese, no model. Pure.

Each cue is precise rather than complete: where the words leave it open, the answer is False.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache


def _cue(*alternatives: str) -> re.Pattern[str]:
    """One pattern of several; a space in it stands for any blanks, so that the patterns read like what is said."""
    pattern = "|".join(alternatives).replace(" ?", r"\s*").replace(" ", r"\s+")
    return re.compile(pattern, re.IGNORECASE)


# ---- what somebody says himself ---------------------------------------------------------------------------

_NOT_SAID = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|(?:https?|ftp)://\S+|^[ \t]*>[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_MENTION = re.compile(r"<@[^>\s]+>|(?<![\w@])@[\w.-]+(?: (?=[A-Z])[A-Z][\w-]+)?")
_EMOJI_NAME = re.compile(r":[a-z0-9_+-]+:")
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?…])\s+|\n+")
_CLAUSE_END = re.compile(r"[,;，；]|\bbut\b", re.IGNORECASE)


@lru_cache(maxsize=4096)
def said(text: str) -> str:
    """``text`` without code, quotes and addresses: what its author says; typographic apostrophes made plain."""
    return _NOT_SAID.sub(" ", text).replace("’", "'").replace("‘", "'")


@lru_cache(maxsize=4096)
def _sentences(text: str) -> tuple[str, ...]:
    return tuple(sentence.strip() for sentence in _SENTENCE_END.split(said(text)) if sentence.strip())


def _bare(sentence: str) -> str:
    """What is said, without names and emoji."""
    return _EMOJI_NAME.sub(" ", _MENTION.sub(" ", sentence)).strip()


def _holds_matter(text: str) -> bool:
    """Whether it holds what ``said`` leaves out and yet may be an answer: code or an address."""
    return "`" in text or "~~~" in text or "://" in text


# ---- questions and problems -------------------------------------------------------------------------------

_LEAD = r"^\W*(?:(?:so|and|but|or|ok|okay|hi|hey|hello|also|now|then|well|all|there|everyone|guys)[\s,!]+)*"
_ASKS = _cue(
    r"？|\?(?![a-z0-9_])",
    _LEAD
    + r"(?:how|what|why|where|when|who|which)(?:'s| (?:is|are|was|do|does|did|can|could|should|would|will)\b)",
    _LEAD + r"(?:how|what|where|which|when) (?:to|about|come)\b",
    _LEAD
    + r"(?:is|are|was|does|did|can|could|would|will|has|should) (?:there|it|this|that|these|any|you|i|we|my)\b",
    _LEAD + r"(?:does|did|can|could|would|will|has|have|do|is) (?:any|some)(?:one|body)\b",
    _LEAD + r"(?:do|have) (?:you|we|i|they)\b",
    _LEAD + r"any (?:ideas?|clues?|hints?|suggestions?|thoughts|pointers|help|advice|way|update|news)\b",
    _LEAD + r"any(?:one|body) (?:know|knows|has|have|had|seen|else|here|able|using)\b",
    r"\b(?:i was wondering|i'm wondering|i am wondering|wondering (?:if|how|why|what|whether))\b",
    r"\b(?:would|i'd) like to know\b|\bwant(?:ed)? to ask\b|\bis (?:it|there) (?:possible|a way|any way)\b",
    r"\bdoes any(?:one|body) know\b|\bi wonder (?:if|whether|how|why|what|where|when|who|which)\b",
    r"\bhow (?:do|can|should|could) (?:i|we|you|one)\b",
    r"\b(?:not sure|no idea|don't know|can't figure out|trying to (?:find|figure) out) (?:how|why|what|where)\b",
    r"请问|请教|吗\s*$|吗[。！~]|怎么|如何|为什么|为啥|是否|有没有|有人.{0,6}(?:知道|遇到)|哪里(?:能|可以|有)",
    r"能不能|可不可以|是不是|求助|呢\s*$",
)
_WONDERS = _cue(r"\W*i wonder\b")
_REQUESTS = _cue(
    r"\b(?:please|pls|plz|kindly)\b(?! find attached)",
    r"\b(?:let me know|help me|need (?:some |your |a )?help|looking for|i need|i want to|i would like|i'd like)\b",
    r"帮(?:忙|我|看)|请(?!求|假)|麻烦",
)
_PROBLEM = _cue(
    r"\b(?:errors?|exceptions?|traceback|stack ?trace|crash(?:e[sd]|ing)?|segfaults?|panics?|bugs?|broken|stuck)\b",
    r"\b(?:freezes?|frozen|fail(?:s|ed|ing|ures?)?|hangs?|hanging|time ?outs?|timed out|times out|unreachable)\b",
    r"\b(?:problems?|issues?|trouble|wrong|weird(?:ly)?|strange(?:ly)?|incorrect(?:ly)?|unexpected(?:ly)?)\b",
    r"\b(?:unable|denied|refused|unresponsive|corrupt(?:ed)?|cannot|can't|won't)\b",
    r"\b(?:is|are|do|does|did|was|were|could|would|has|have)n't\b",
    r"\b(?:is|are|does|do|did|was|will|could) not (?:\w+ing|work|start|load|show|find|run|open|connect|build|be)\b",
    r"\bnot (?:working|loading|showing|found|responding|starting|updating|able|possible|available)\b",
    r"\b(?:stopped|stops|quit) (?:working|loading|responding)",
    r"\bnothing (?:happens|shows|appears|works)\b",
    r"\brefuses to\b|\b(?:dies|died|dying|hung|skipped|missing|vanished|disappear(?:s|ed))\b|\bkeeps? \w+ing\b",
    r"\b(?:is|are|went|goes|was|been|seems) (?:down|slow|missing|empty|blank|black)\b",
    r"\bno (?:luck|response|output|effect)\b",
    r"\bHTTP ?[45]\d\d\b|\b(?:4\d\d|50\d) (?:error|forbidden|not found|bad gateway|internal)\b",
    r"报错|出错|错误|失败|异常|崩溃|闪退|无法|打不开|连不上|起不来|卡住|卡死|超时|没反应|不工作|不生效|有问题|挂了",
    r"坏了|不行|不了(?!解)|丢失|不显示",
)
# What a machine says when something is wrong, in logs that people paste without a word: levels, and codes such as
# KST-4012, ERR_CONNECTION, ENOENT or 0x80070005. Not E_UPDATE: libraries call their events so.
_CODE = re.compile(
    r"\b[A-Z]{2,6}-\d{3,5}\b|\bERR_[A-Z_]{3,}\b|\b0x[0-9A-Fa-f]{8}\b"
    r"|\bE(?:CONN[A-Z]+|NOENT|ACCES|PERM|TIMEDOUT|ADDRINUSE|PIPE|EXIST|HOSTUNREACH|NOSPC|MFILE)\b"
)
_LEVEL = re.compile(
    r"\b(?:ERROR|WARN|WARNING|FATAL|CRITICAL|Traceback|\w*Exception|Segmentation fault|core dumped)\b|\bpanic:"
)
# Words of trouble where there is none: it is gone, it is a case foreseen, or it is a word for a ticket.
_NO_PROBLEM = _cue(
    r"\b(?:no|not a|without(?: any)?|zero|never (?:a|any))(?: more)? (?:problem|issue|error|bug|failure|crash)\w*",
    r"\b(?:fix|solv|resolv|clos)e[sd]? (?:\w+ ){0,3}(?:problems?|issues?|errors?|bugs?)\b",
    r"\b(?:problems?|issues?|errors?|bugs?) (?:\w+ ){0,2}(?:solved|fixed|resolved|gone)\b",
    r"\bno longer \w+",
    r"\bif\b[^.,!?\n]{0,60}?\b(?:fail\w*|crash\w*|broken|error\w*|problems?|issues?)\b",
    r"\b(?:create|open|file|raise|report|submit|post)\w* (?:\w+ ){0,3}(?:issue|bug|ticket)s?\b|\bissue tracker\b",
    r"没(?:有)?(?:什么)?(?:问题|错误|报错|异常)|问题(?:已经|已)?解决",
)


def is_question(text: str) -> bool:
    """Whether it asks something, with a question mark or without."""
    return any(_ASKS.search(sentence) for sentence in _asking(text))


def _asking(text: str) -> Iterator[str]:
    """The sentences that may ask; who has thanked and then wonders asks nobody."""
    thanked = False
    for sentence in _sentences(text):
        if not (thanked and _WONDERS.match(sentence) and not sentence.endswith("?")):
            yield sentence
        thanked = thanked or _THANKS.search(sentence) is not None


def is_problem_report(text: str) -> bool:
    """Whether it tells that something does not work: not that it works again, nor what to do if it fails.

    A pasted log or an error code tells it too.
    """
    if (_LEVEL.search(text) or _CODE.search(text)) and not is_solved(text):
        return True
    spoken = said(text)
    trouble = _last(_PROBLEM, _NO_PROBLEM.sub(lambda found: " " * len(found[0]), spoken))
    # A long report also tells what does work; in a short message the last word on it counts.
    return trouble >= 0 and (len(spoken) > _LONG or trouble > _last_solved(text))


def error_codes(text: str) -> frozenset[str]:
    """The error codes in it, pasted logs included: ``KST-4012``, ``ERR_CONNECTION``, ``0x80070005``."""
    return frozenset(_CODE.findall(text))


def asks_for_help(text: str) -> bool:
    """Whether somebody could answer it: a question, a problem or a request."""
    return is_question(text) or is_problem_report(text) or _REQUESTS.search(said(text)) is not None


# ---- thanks and small words -------------------------------------------------------------------------------

_THANKS = _cue(
    r"(?<!no\s)\b(?:thanks|thank ?(?:you|u|s)|thankyou|thanx|thx|thnx|tnx|tks|ty|cheers|kudos)\b"
    r"(?! to (?!you\b|your\b|@|<@|all\b|every|both\b|for\b))(?! but no thanks)(?! for (?:any|asking)\b)",
    r"\b(?:much|really|greatly|very) appreciated\b",
    r"\bappreciate (?:it|your|the|that|all)\b(?! if)",
    r"\blife ?saver\b|\byou rock\b",
    r"谢谢|多谢|感谢(?!信)|谢了|谢啦|感激",
)
_IN_ADVANCE = _cue(
    r"\bin advance\b",
    r"\b(?:would|will) be (?:\w+ )?appreciated\b",
    r"\bany (?:\w+ ){1,3}appreciated\b",
    r"\bappreciate any\b",
    r"提前(?:感谢|谢)|先(?:谢|感谢)|(?:不胜|将)感激",
)
# Possessive quantifiers: the words never go back, so that long runs of signs cost no time.
_SMALL = re.compile(
    r"(?:[\W\d_]++|\b(?:"
    r"ok|okay|okey|kk?|yes|yep|yeah|yup|no|nope|sure|right|exactly|indeed|agreed?|same|here|too|also|me"
    r"|us|i|have|the|this|"
    r"that|it|is|was|sounds?|looks?|good|great|nice|cool|perfect|awesome|excellent|super|fine|got|gotcha|noted|"
    r"understood|see|will|let|try|do|done|roger|ack|wow|lol|ha(?:ha)+|hehe|hm+|ah+|oh+|hi|hey|hello|morning|bye|"
    r"welcome|forums?|to|and|all|guys|everyone|folks|team|np|problem|worries|you|re|my|pleasure|glad|happy|helped?|"
    r"bump|up|plus|one|please|pls|so|very|much|a|lot|again|then|now|interested|following|subscribed|in"
    r"|for|your|reply|"
    r"answer|help|quick|fast|thanks|thank|thx|thnx|cheers|ty|later|today|tomorrow|soon|there|any|updates?|news|"
    r"progress|on|s|ll|ve|m|d|what|why|nvm|nevermind|never|mind"
    r")\b|好的|好|收到|明白|了解|知道了|嗯++|哦++|行|可以|同问|同求|顶|我也是|一样|是的|对|没错|辛苦|谢谢|多谢|感谢|您|你|了|啊|呀|"
    r"哈++|吧|我|试试|看看|稍等|马上|不客气|大家|早)*+",
    re.IGNORECASE,
)
_CHASES = _cue(
    r"\bany (?:updates?|news|progress|luck|thoughts|solution|answer|eta)\b",
    r"\b(?:bump|ping)\b|\banyone\s*\?*\s*$|\bme too\b|(?<!\w)\+1\b",
    r"\bstill (?:waiting|no (?:answer|reply|response))\b",
    r"\bdid (?:you|anyone) (?:ever )?(?:find|figure|solve|manage|get)\b",
    r"\bhow did you (?:solve|fix|resolve)\b",
    r"\b(?:having|have|facing|got|same) (?:the )?(?:exact )?same (?:problem|issue|error|question)\b",
    r"\bsame (?:problem|issue|error|question) here\b",
    r"有进展|有更新|有结果|有人吗|同问|同求|我也(?:是|遇到)|怎么解决的",
)
_SUFFERS = _cue(
    r"\b(?:same|similar) (?:problem|issue|error|thing|behaviou?r|question|here|situation|boat)\b",
    r"\b(?:i|we|i'm|we're)(?: am| are)? also (?:have|having|see|seeing|get|getting|facing|need|want|looking)\b",
    r"\balso interested in\b|\bme too\b|(?<!\w)\+1\b|同样的?(?:问题|情况)|我也|我们也|同问|同求",
)
_LONG = 200  # characters; who writes more than that tells something else, too


def says_thanks(text: str) -> bool:
    """Whether somebody is thanked in it for what he did; thanks after a question are for an answer to come."""
    for sentence in _sentences(text):
        if _THANKS.search(sentence) and not _IN_ADVANCE.search(sentence):
            return True
        if _ASKS.search(sentence) or _REQUESTS.search(sentence):
            return False
    return False


def is_thanks(text: str) -> bool:
    """Whether to thank is its point: nothing more is asked, nothing is still broken."""
    return says_thanks(text) and not is_question(text) and not is_still_broken(text)


def is_ack(text: str) -> bool:
    """Whether it says no more than "ok", "+1", "me too", "got it", thanks or a name: nothing one could use."""
    return _is_small(said(text)) and not _holds_matter(text)


def is_chaser(text: str) -> bool:
    """Whether it only asks on: "any update?", "same problem here", "how did you solve it?"."""
    return len(text) <= _LONG and _CHASES.search(said(text)) is not None and not _holds_matter(text)


def is_me_too(text: str) -> bool:
    """Whether its author has the same trouble and does not tell a way out."""
    return _SUFFERS.search(said(text)) is not None and not is_solved_by_asker(text)


def is_substantive(text: str) -> bool:
    """Whether it holds something to learn: more than small words, thanks, a question back or asking on."""
    if _holds_matter(text):
        return True
    telling = (
        sentence for sentence in _sentences(text) if not _ASKS.search(sentence) and not _is_small(sentence)
    )
    return any(not _is_thanks_alone(sentence) for sentence in telling) and not is_chaser(text)


def _is_small(sentence: str) -> bool:
    return _SMALL.fullmatch(_bare(sentence)) is not None


def _is_thanks_alone(sentence: str) -> bool:
    return _THANKS.search(sentence) is not None and len(_bare(sentence).split()) <= 8


_DEFERRED = _cue(
    r"\b(?:no|not an?|without an?) (?:answer|cause|reason|fix|solution|workaround|way around|idea"
    r"|clue)(?: \w+){0,3}? "
    r"(?:yet|so far|at the moment|right now)\b",
    r"\b(?:don't|do not|can't|cannot) (?:know|see|tell|reproduce)(?: \w+){0,4} (?:yet|so far|from here)\b",
    r"\bi(?:'ll| will| am going to|'m going to) (?:ask|check|look|investigate|find out|have a look|get back)\b",
    r"\b(?:looking|look) into (?:it|this|that)\b|\bno promises?\b|\bstill (?:looking|investigating|no cause)\b",
    r"\b(?:could not|couldn't|can't|cannot) reproduce\b|\bnever seen (?:it|this|that|one)\b",
    r"(?:我|先)(?:去)?(?:问|查|看)一下|还没有(?:结论|办法|解决)|暂时没有|目前没有",
)


def is_deferral(text: str) -> bool:
    """Whether it puts the answer off: nobody knows yet, somebody will look or ask."""
    return _DEFERRED.search(said(text)) is not None


# ---- how it went ------------------------------------------------------------------------------------------

_IT = (
    r"(?:it|that|this|these|those|which|everything|all|both|now|code|solution|fix|trick|one|suggestion|approach|way"
    r"|change)"
)
_SOON = r"(?: (?:really|just|now|also|actually|finally|totally|indeed|all|been|completely))*"
_TROUBLE = r"(?:problems?|issues?|errors?|bug|question|mystery)"
_SOLVED = _cue(
    rf"\b{_IT}{_SOON} (?:works|worked|work now|did it|did the (?:trick|job)|solved|resolved|helped|was it)\b",
    rf"\b{_IT}{_SOON} (?:fixe[sd]|solve[sd]|resolve[sd]) (?:it|the|my)\b",
    rf"\b{_IT}{_SOON} was the (?:problem|issue|cause|reason)\b",
    r"\b(?:works|working|worked|runs|running|compiles|builds) (?:now|again|fine|great|perfectly|well|nicely)\b",
    r"\b(?:works|worked) (?:flawlessly|beautifully|like a charm|as (?:expected|wanted))\b",
    r"\bnow(?: it| everything| all)? (?:works?|working|compiles|builds|runs|is (?:ok|fine|working|good))\b",
    r"^\W*(?:works|worked|fixed|solved|resolved|sorted)\b(?! (?:for|on|only|in)\b)",
    rf"\b(?:{_TROUBLE}|it|this|that)(?:'s| is| was| has been| got| seems)?{_SOON} (?:solved|fixed|resolved|gone)\b",
    r"\b(?:solved|fixed|resolved|sorted) (?:it|this|that|my|the|out)\b",
    r"\bgot (?:it|this|that|everything) (?:working|to (?:work|run|build|compile)|running|fixed|sorted|now|solved)\b",
    r"\b(?:that's|that is|that was) (?:it\b|what i (?:was looking for|needed|wanted)|exactly what)",
    r"\bexactly what i (?:was looking|needed|wanted|need)\b",
    r"\b(?:it|that|this|all|everything)(?:'s| is) (?:all )?(?:working|good now|ok now|fine now)\b",
    r"\bdid the (?:trick|job|fix)\b",
    r"\bseems? to have (?:worked|fixed|solved|resolved|done the)\b",
    r"\b(?:your|his|her|\w+'s|the (?:first|second|third|last|other)) "
    r"(?:method|suggestion|approach|option|advice|idea|tip|answer|workaround|solution)"
    rf"{_SOON} (?:worked|helped|fixed|solved)\b",
    r"\bi was(?: finally| now)? able to (?!reproduce|replicate|see|confirm|narrow|find)",
    r"解决了|已解决|搞定|(?<!不)可以了|(?<!不)好了(?=[，。！!~\s]|$)|成功了|没问题了|正常了|能用了|恢复了",
)
_UNSURE_BEFORE = _cue(
    r"\b(?:if|whether|hope|hopefully|until|unless|not|never|should|would|could|might|may|must|supposed"
    r"|how|once|when)\b",
    r"\b(?:can be|to be|to get|wish|as long as|make sure|used to|previously|i thought|before)\b|n't\b",
    r"\b(?:old|older|previous|other|earlier|last) |\d\.\d",
    r"如果|希望|是否|没|应该|怎么|未|以前|之前",
)
_UNSURE_AFTER = _cue(
    r"^[^.!?\n]{0,80}[?？]",
    r"^\S*(?: \w+){0,2}? (?:before|until|till|yesterday|last|previously|earlier|locally|except|only)\b",
    r"^\S*(?: \w+)? (?:when|without|in|on|if|for) ",
)
_STILL = _cue(
    r"\bstill (?:\w+ )?(?:not|no|isn't|don't|doesn't|didn't|can't|cannot|won't|gets?|getting|got|have|has|having)\b",
    r"\bstill (?:\w+ )?(?:see|seeing|fail\w*|crash\w*|broken|happen\w*|there|persist\w*|stuck|wrong|(?:the )?same)\b",
    rf"\bstill (?:\w+ )?(?:an? {_TROUBLE}|exist\w*|occur\w*|show\w*|facing|remain\w*|unable)\b",
    rf"\b{_IT}(?: just| also| unfortunately)? (?:doesn't|didn't|does not|did not|don't|won't|isn't|wasn't|hasn't)"
    r"(?: really| seem to| even| actually)? (?:work|help|fix|solve|change|make (?:a|any) difference"
    r"|do (?:it|any|the))",
    r"\bno (?:luck|effect|difference|change|success)\b|\bto no avail\b",
    r"\bnothing (?:has )?(?:changed|changes|works|worked|helped|helps)\b",
    r"(?:^|[,.;:!]|\b(?:the|exact|get|gives?)) ?\bsame (?:error|problem|issue|result|behaviou?r|exception|message)\b",
    r"\b(?:problem|issue|error) (?:persists?|remains?|is still|still)\b",
    r"\b(?:again|still) (?:it )?(?:froze|frozen|freezes|hung|hangs|crashe[sd]|failed|fails|died|dies)\b",
    r"\b(?:froze|frozen|hung|crashed|failed|died) again\b",
    r"\bwhen i (?:try|tried|use|used|run|ran)\b[^.!?\n]{0,80}\bi (?:get|got|receive|see) (?:the|an|this|a) "
    r"(?:\w+ )?(?:error|message|exception)",
    r"\b(?:can't|cannot|can not) see\b[^.!?\n]{0,80}\bany ?more\b",
    r"\bnot (?:shown|displayed|visible) any ?more\b|\bnone (?:of (?:them|these|those|it) )?(?:works?"
    r"|worked|helped)\b",
    r"\bdifferent (?:type of |kind of )?error now\b|\bnow (?:i get |it gives )?(?:a |another )different error\b",
    r"\bnot work(?:ing)?\b|\bdoes(?:n't| not) work\b|\bdid(?:n't| not) (?:work|help)\b",
    r"还是(?:不|报|一样|没|失败|有问题|会|同样)|仍然|依然|依旧|没用|没有用|不管用|无效|没(?:有)?解决|不起作用|同样的(?:错误|问题|报错)|还没好",
)
_MYSELF = r"\b(?:i|we|i've|we've|finally|just)(?: (?:have|just|finally|actually|already|also|now|then|even|think|i))*"
_OWN = _cue(
    rf"{_MYSELF} (?:fixed|solved|resolved|sorted|figured|managed|worked around|ended up|discovered)\b(?! to avoid)",
    rf"{_MYSELF} reali[sz]ed\b(?! (?:that )?(?:i|we) (?:think|need|want|should|do)\b)",
    rf"{_MYSELF} (?:found (?:out|it|that|the|a|my|an|why|where|how|this)"
    r"(?! (?:odd|strange|weird|hard|difficult|easy|easier|confusing|interesting|useful|helpful|surprising"
    r"|counter|a bit))|got (?:it|this|that|everything))\b",
    rf"{_MYSELF} (?:was missing|forgot|had forgotten|had to|was able to|made it work|decided to"
    rf"|was using the wrong)\b",
    r"\band (?:then |now )?(?:fixed|solved|resolved) it\b",
    r"\bturn(?:s|ed) out\b|\bfigured (?:it |that |this )?out\b|\bend(?:ed)? up\b",
    r"^\W*(?:found|fixed|solved|solution|resolved|answer|update|edit|success|victory)\b",
    r"\bto (?:solve|fix|resolve) (?:this|it|that),? (?:i|we)\b|\bmisunderstanding on my (?:part|side)\b",
    r"\bmanaged to (?!avoid)|\bactually worked\b|\bfixed (?:as|because|since|by) (?:we|i|my)\b",
    r"\b\w+ing\b[^.!?\n]{0,60}\bseems? to have (?:worked|fixed|solved|resolved)\b",
    r"\bit was (?:just |only )?(?:an issue|a problem|a matter) (?:with|of)\b",
    r"\b(?:problems?|issues?|errors?|bug|mystery|cause|culprit|reason|solution|fix|answer|mistake|trick"
    r"|key|workaround)(?: here)?"
    r" (?:was|were|is that|came from)\b",
    r"\bmy (?:bad|mistake|fault|own (?:question|solution|problem)|solution)\b",
    r"\bnever ?mind\b|\bnvm\b|\bdisregard\b",
    r"\bfor (?:anyone|others|future reference|the record)\b|\b(?:in case|if) any(?:one|body)\b",
    r"\bgot \w+ (?:working|to work|running)\b",
    r"\bafter (?:\w+ )?(?:chang|add|remov|updat|upgrad|install|delet|sett|switch|restart|replac)\w*ing\b",
    r"我(?:自己|已经|已)?(?:解决|找到|搞定|发现)|原来是|原因是|问题(?:出)?在|是因为|自己解决|找到(?:原因|解决|问题)|已解决",
    r"解决(?:方法|办法|方案)",
)
_OF_ANOTHER = _cue(
    r"\b(?:solution|answer|suggestion|fix|code|advice|workaround) (?:(?:offered|given|posted|provided|suggested|from)"
    r"(?: by)?|by) (?:<?@|you\b)"
)


def is_solved(text: str) -> bool:
    """Whether it says that it works now; what should, might, or used to work does not count."""
    return _last_solved(text) > _last_broken(text)


def is_still_broken(text: str) -> bool:
    """Whether it says that it still does not work; the last word on it in the message counts."""
    return _last_broken(text) > _last_solved(text)


def is_solved_by_asker(text: str) -> bool:
    """Whether its author tells how he solved it himself: "it turned out that …", "I fixed it by …"."""
    told = any(_tells_of_own(sentence) for sentence in _sentences(text))
    return told and not is_still_broken(text)


def _tells_of_own(sentence: str) -> bool:
    own = _OWN.search(sentence) is not None and _OF_ANOTHER.search(sentence) is None
    return own and not _ASKS.search(sentence)


def _last(cue: re.Pattern[str], text: str) -> int:
    """Where the last match begins; -1 if there is none."""
    return max((found.start() for found in cue.finditer(text)), default=-1)


@lru_cache(maxsize=4096)
def _last_broken(text: str) -> int:
    return _last(_STILL, said(text))


@lru_cache(maxsize=4096)
def _last_solved(text: str) -> int:
    spoken = said(text)
    return max(
        (found.start() for found in _SOLVED.finditer(spoken) if _is_certain(spoken, found)), default=-1
    )


def _is_certain(spoken: str, found: re.Match[str]) -> bool:
    before = _CLAUSE_END.split(_SENTENCE_END.split(spoken[max(0, found.start() - 60) : found.start()])[-1])[
        -1
    ]
    after = spoken[found.end() : found.end() + 100]
    return not _UNSURE_BEFORE.search(before) and not _UNSURE_AFTER.search(after)


# ---- agreed, or not quite ---------------------------------------------------------------------------------

_NOT_QUITE = _cue(
    r"\b(?:almost|unfortunately|sadly|alas|not (?:always|quite|exactly|really|yet)|part(?:ial)?ly)\b",
    r"\bthere(?:'s| is| are) (?:just |only |still )?(?:one|a|an|another|some|two) (?:\w+ )?(?:problems?"
    r"|issues?|errors?)\b",
    r"\bi (?:get|got|am getting|keep getting|receive) (?:the|an|this|a) (?:\w+ )?(?:error|exception)",
    r"\b(?:doesn't|didn't|does not|did not) (?:seem|appear)\b|\bconfused\b|\bi (?:still )?need to (?:figure|find)\b",
    r"差不多|可惜|还差",
)
_BUT = _cue(
    r"\bbut\b|\bhowever\b|\balthough\b|n't\b|\b(?:would|should) rather\b|\bprefer\b|但|不过|可是",
)
_NO_BUT = _cue(  # who did not know it has just learnt it
    r"\b(?:did|could|had|have|was|do|would|wo|ca|sha|does|need)n't (?:\w+ )?(?:know|known|realis|realiz"
    r"|notice|think|thought|"
    r"aware|see that|occur|remember|have (?:guessed|found|done|thought|known|figured)|find|found|wait"
    r"|need|matter|come)\w*",
    r"\b(?:why|how) (?:i )?(?:did|do|have)n't|\bcouldn't (?:agree|be)\b",
)
_WILL_TRY = _cue(
    r"\b(?:i|we)(?:'ll| will| shall|'m going to| am going to|'m gonna)(?: \w+){0,2}? (?:try|give|test"
    r"|check|look|have a"
    r"|take a|read|see|do|go|ask|submit|open|play|return|email|learn|investigate|experiment|consider)\b",
    r"\bwill (?:probably |definitely |certainly |surely |also )?(?:try|give|check|test|look|do so"
    r"|take a look|have a look"
    r"|read|keep you)\b",
    r"\b(?:let me|want to|going to|gonna|about to|i (?:can|may|might|could|should)) (?:try|test|check|see"
    r"|give|look)\b",
    r"\b(?:look(?:s|ing)?|sounds?|seems?) (?:\w+ )?(?:promising|forward)\b|\btrying (?:it|that|this)\b"
    r"|\bto try (?:today|out|next)\b",
    r"试试|试一下|看一下|看看",
)
_THANKS_FOR_ASKING = _cue(
    r"\b(?:thanks|thank you|thx|appreciate)(?: (?:so|very) much| a lot| you| all)? (?:for )?(?:"
    r"(?:(?:your|the|this|that|a) )?(?:\w+ )?(?:questions?|reports?|reporting|suggestions?|feedback"
    r"|interest|patience|post)\b"
    r"|(?:writing|raising|thinking|bringing|asking|considering|looking|following|filing|opening|trying|testing"
    r"|posting (?:on|in|it))\b)",
)


def is_not_quite(text: str) -> bool:
    """Whether it says that something is wanting, even where it thanks: "almost", "there is one problem"."""
    return _NOT_QUITE.search(said(text)) is not None


def has_caveat(text: str) -> bool:
    """Whether there is a "but", a "not" or a trouble in it; that somebody did not know it before is none."""
    spoken = _NO_BUT.sub(" ", said(text))
    return (
        _BUT.search(spoken) is not None
        or is_not_quite(text)
        or is_still_broken(text)
        or is_problem_report(spoken)
    )


def will_try(text: str) -> bool:
    """Whether its author only means to try what he was told, or finds it promising."""
    return _WILL_TRY.search(said(text)) is not None


def thanks_for_asking(text: str) -> bool:
    """Whether somebody is thanked for a question, a report or his thoughts: the author is the helper himself."""
    return _THANKS_FOR_ASKING.search(said(text)) is not None


# ---- to whom ----------------------------------------------------------------------------------------------

_GREETING = _cue(r"\s*(?:(?:hi|hey|hello|dear|thanks|thank you|thx)[\s,]+|(?:你好|谢谢|请问)[，,\s]*)")
_END_OF_NAME = r"(?![\w-])"
# What follows a name that is called, without "@" before it.
_CALLED = _cue(
    r"\s*[:：]|\s*[,，]\s*+(?!and\b|\w+\s*,|\w+ and\b)|\s+[-–—]\s|[?？]\s*\S",
    r" (?:can|could|would|will|do|did|have|are) you\b| (?:please|pls|any idea)\b|\s*(?=你|您|请|能|帮|麻烦)",
)
# What follows a name that is only spoken of: "@Bob said …".
_TOLD_OF = _cue(
    r"'s\b| (?:said|says|told|mentioned|suggested|wrote|posted|reported|asked|and|fixed|helped|showed)\b",
    r" (?:is|was|has|had)\b(?! (?:it|there|this|that|the|your|anyone)\b)",
    r"\s*(?:说|提到|建议)",
)
_TOLD_BY = _cue(
    r"(?:\b(?:thanks|thank|by|from|with|cc|per|as|ask|asked|told|said|to|like|and|see|what|for|if)|[/(])\s*$",
    r"(?:谢谢|感谢|跟|和)\s*$",
)
_ASKED_AFTER = _cue(
    r"[\s,，:：]*(?:$|[?!.？！。]+\s*$|你|您|请|能|帮|麻烦)",
    r"[\s,，:：]*(?:(?:can|could|would|will|do|did|have|are) you\b|please\b|any (?:idea|thoughts)\b)",
)


def addressed_to(text: str, names: Mapping[str, str]) -> str | None:
    """The user it is said to by name, or None: "@Bob could you …", "<@U1> …", "Bob: …", "Bob, can you …".

    ``names`` maps what people are called to who they are; a first name will do where only one has it. Somebody
    who is only spoken of ("as @Bob said") or thanked in passing is not addressed.
    """
    users = _called(names, text)
    greeting = _GREETING.match(text)
    opening = text[greeting.end() :] if greeting else text.lstrip()
    for name, user in users:
        if _is_called_first(opening, name, greeted=greeting is not None):
            return user
    called = ((_called_later(text, name), user) for name, user in users)
    return min((item for item in called if item[0] >= 0), key=lambda item: item[0], default=(0, None))[1]


def mentioned(text: str, users: Iterable[str]) -> frozenset[str]:
    """Those of ``users`` whom it names by their id: "@bob", "<@U1>", or "thanks, Bob"."""
    return frozenset(user for user in users if _names(text, user.rpartition("/")[2]))


def opens_to(text: str, users: Iterable[str]) -> str | None:
    """Whom of ``users`` it is said to in its first word; None if it opens otherwise."""
    greeting = _GREETING.match(text)
    opening = text[greeting.end() :] if greeting else text.lstrip()
    called = (user for user in users if re.match(_mention(user.rpartition("/")[2]), opening, re.IGNORECASE))
    return next(called, None)


def _names(text: str, name: str) -> bool:
    if name.lower() not in text.lower():
        return False
    thanked = rf"\b(?:thanks|thank you|thx|cheers)(?: a lot| so much| very much)?[\s,!]+{re.escape(name)}{_end(name)}"
    mention = rf"(?<!\w){_mention(name)}"
    return re.search(f"{mention}|{thanked}" if len(name) > 2 else mention, text, re.IGNORECASE) is not None


def _called(names: Mapping[str, str], text: str) -> list[tuple[str, str]]:
    """What those are called whose names stand in ``text``, the longest first ("Bob Miller" before "Bob")."""
    firsts: dict[str, set[str]] = {}
    for name, user in names.items():
        firsts.setdefault(name.split(" ")[0], set()).add(user)
    alone = {first: min(users) for first, users in firsts.items() if len(users) == 1}
    bare = {user.rpartition("/")[2]: user for user in names.values()}  # "<@U1>" of slack:T1/U1
    every = {**bare, **alone, **names}
    lowered = text.lower()
    here = [(name, user) for name, user in every.items() if len(name) > 1 and name.lower() in lowered]
    return sorted(here, key=lambda item: -len(item[0]))


def _is_called_first(text: str, name: str, *, greeted: bool) -> bool:
    if mention := re.match(_mention(name), text, re.IGNORECASE):
        return _TOLD_OF.match(text, mention.end()) is None
    plain = re.match(re.escape(name) + _end(name), text, re.IGNORECASE)
    return plain is not None and (greeted or _CALLED.match(text, plain.end()) is not None)


def _called_later(text: str, name: str) -> int:
    """Where ``name`` is called within or at the end of ``text``; -1 where it is not."""
    last = re.search(rf"[,，]\s*({re.escape(name)})[\s?!.？！。]*+$", text, re.IGNORECASE)
    if last is not None:
        return last.start(1)
    for found in re.finditer(r"(?<!\w)" + _mention(name), text, re.IGNORECASE):
        before = text[max(0, found.start() - 20) : found.start()]
        if _ASKED_AFTER.match(text, found.end()) and not _TOLD_BY.search(before):
            return found.start()
    return -1


def _mention(name: str) -> str:
    return rf"(?:<@{re.escape(name)}(?:\|[^>]*)?>|@{re.escape(name)}{_end(name)})"


def _end(name: str) -> str:
    """What must follow a name for it to be the whole name; Chinese runs on without a blank."""
    return _END_OF_NAME if name[-1].isascii() else ""
