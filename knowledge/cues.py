"""What a message does, read from its words: asks, thanks, reports, answers. English and Chinese, no model. Pure.

Each cue is precise rather than complete: where the words leave it open, the answer is False.
"""

import re
from collections.abc import Iterator, Mapping

# ---- what somebody says himself -------------------------------------------------------------------------------

_NOT_SAID = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|(?:https?|ftp)://\S+|^[ \t]*(?:>|&gt;)[^\n]*$",
    re.DOTALL | re.MULTILINE,
)
_MENTION = re.compile(r"<@[^>\s]+>|(?<![\w@])@[\w.-]+(?:[ ](?=[A-Z])[A-Z][\w-]+)?")
_EMOJI_NAME = re.compile(r":[a-z0-9_+-]+:")
_SENTENCE_END = re.compile(r"(?<=[。！？])|(?<=[.!?…])\s+|\n+")


def said(text: str) -> str:
    """``text`` without code, quotes and addresses: what its author says himself; typographic quotes made plain."""
    return _NOT_SAID.sub(" ", text).replace("’", "'").replace("‘", "'")


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE_END.split(said(text)):
        if sentence.strip():
            yield sentence.strip()


# ---- questions and problems -----------------------------------------------------------------------------------

_ASKS = re.compile(
    r"""
      [?？](?!\w)
    | ^\W*(?:(?:so|and|but|or|ok|okay|hi|hey|hello|also|now|then|well|all|there|everyone|guys)[\s,!]+)*(?:
        (?:how|what|why|where|when|who|which)(?:'s|\s+(?:is|are|was|do|does|did|can|could|should|would|will|to|about|come)\b)
      | (?:is|are|was|does|did|can|could|would|will|has|should)\s+
        (?:there|it|this|that|these|anyone|anybody|someone|somebody|you|i|we|the|my)\b
      | (?:do|have)\s+(?:you|we|i|they|any(?:one|body))\b
      | any(?:one|body)?\s+(?:ideas?|idea|clues?|hints?|suggestions?|thoughts|pointers|help|advice|way|knows?|update|news)\b
      )
    | \b(?:i\s+(?:wonder|was\s+wondering|am\s+wondering)|wondering\s+(?:if|how|why|what|whether)|i'm\s+wondering)\b
    | \b(?:would|i'd)\s+like\s+to\s+know\b | \bdoes\s+any(?:one|body)\s+know\b | \bhow\s+(?:do|can|should|could)\s+(?:i|we|you)\b
    | \b(?:not\s+sure|no\s+idea|don't\s+know|can't\s+figure\s+out|trying\s+to\s+(?:find|figure)\s+out)\s+(?:how|why|what|where)\b
    | 请问|请教|吗\s*$|吗[。！~]|怎么(?!样都)|如何|为什么|为啥|是否|有没有|有人.{0,6}(?:知道|遇到)|哪里(?:能|可以|有)
    | 能不能|可不可以|是不是|求助|呢\s*$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_REQUESTS = re.compile(
    r"""
      \b(?:please|pls|plz|kindly)\b (?!.*\bfind\s+attached\b)
    | \b(?:let\s+me\s+know|help\s+me|need\s+(?:some\s+|your\s+|a\s+)?help|looking\s+for|i\s+need|i\s+want\s+to)\b
    | 帮(?:忙|我|看)|请(?!求|假)|麻烦
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NO_PROBLEM = re.compile(
    r"""
      \b(?:no|not\s+a|without(?:\s+any)?|zero|any\s+more|never\s+(?:a|any))\s+(?:more\s+)?(?:problems?|issues?|errors?|bugs?|failures?|crash(?:es)?)\b
    | \b(?:fix(?:ed|es)?|solv(?:ed|es)|resolv(?:ed|es)|clos(?:ed|es))\s+(?:\w+\s+){0,3}(?:problems?|issues?|errors?|bugs?)\b
    | \b(?:problems?|issues?|errors?|bugs?)\s+(?:\w+\s+){0,2}(?:solved|fixed|resolved|gone)\b
    | \b(?:no\s+longer)\s+\w+ | \bif\b[^.,!?]*\b(?:fail\w*|crash\w*|broken|error\w*|problems?|issues?)\b
    | \b(?:create|open|file|raise|report|submit|post)\w*\s+(?:\w+\s+){0,3}(?:issue|bug|ticket)s?\b | \bissue\s+tracker\b
    | 没(?:有)?(?:什么)?(?:问题|错误|报错|异常) | 问题(?:已经|已)?解决
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PROBLEM = re.compile(
    r"""
      \b(?:errors?|exceptions?|traceback|stack\s?trace|crash(?:e[sd]|ing)?|segfaults?|panics?|bugs?|broken|stuck|freezes?|frozen)\b
    | \b(?:fail(?:s|ed|ing|ure|ures)?|hangs?|hanging|timeouts?|timed\s+out|times\s+out|unreachable|unresponsive|corrupt(?:ed)?)\b
    | \b(?:problems?|issues?|trouble|wrong|weird(?:ly)?|strange(?:ly)?|incorrect(?:ly)?|unexpected(?:ly)?|unable|denied|refused)\b
    | \b(?:is|are|do|does|did|was|were|wo|ca|could|would|has|have)n't\b | \b(?:cannot|can't)\b
    | \b(?:is|are|does|do|did|was|will|could)\s+not\s+(?:\w+ing|work|start|load|show|find|run|open|connect|build|compile|appear|be)\b
    | \bnot\s+(?:working|loading|showing|found|responding|starting|updating|able|possible|available)\b
    | \b(?:stopped|stops|quit)\s+(?:working|loading|responding) | \bnothing\s+(?:happens|shows|appears|works)\b
    | \b(?:is|are|went|goes|was|been|seems)\s+(?:down|slow|missing|empty|blank|black)\b | \bno\s+(?:luck|response|output|effect)\b
    | \b(?:4\d\d|50\d)\s+(?:error|forbidden|not\s+found|bad\s+gateway|internal)\b | \bHTTP\s?[45]\d\d\b
    | 报错|出错|错误|失败|异常|崩溃|闪退|无法|打不开|连不上|起不来|卡住|卡死|超时|没反应|不工作|不生效|有问题|挂了|坏了|不行|不了(?!解)|丢失|不显示
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Whether it asks something, with a question mark or without."""
    return any(_ASKS.search(sentence) for sentence in _sentences(text))


def is_problem_report(text: str) -> bool:
    """Whether it tells that something does not work (not that it works again, nor what to do if it fails)."""
    return _PROBLEM.search(_NO_PROBLEM.sub(" ", said(text))) is not None and not is_solved(text)


# ---- thanks and small words -----------------------------------------------------------------------------------

_THANKS = re.compile(
    r"""
      (?<!no\s) \b(?: thanks | thank\s*(?:you|u|s) | thanx | thx | thnx | tnx | tks | ty | cheers | kudos )\b
        (?! \s+to \s+ (?! you\b|your\b|@|<@|all\b|every|both\b|for\b) ) (?! \s+but\s+no\s+thanks ) (?! \s+for\s+(?:any|asking)\b )
    | \b(?:much|really|greatly|very)\s+appreciated\b | \bappreciate\s+(?:it|your|the|that|all)\b(?!\s+if) | \b(?:life\s?saver|you\s+rock)\b
    | 谢谢|多谢|感谢(?!信)|谢了|谢啦|感激|太感谢
    """,
    re.VERBOSE | re.IGNORECASE,
)
_IN_ADVANCE = re.compile(
    r"""
      \bin\s+advance\b | \b(?:would|will)\s+be\s+(?:\w+\s+)?appreciated\b | \bany\s+(?:help|advice|\w+)\s+(?:is\s+|are\s+)?(?:\w+\s+)?appreciated
    | \bappreciate\s+any\b | 提前(?:感谢|谢)|先(?:谢|感谢)|(?:不胜|将)感激
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SMALL = re.compile(
    r"""(?: [\W\d_]+ | \b(?:
      ok|okay|okey|k|kk|yes|yep|yeah|yup|no|nope|sure|right|exactly|indeed|agreed?|same|here|too|also|me|us|same\s+here|i|have|the|this|that|it|
      is|was|sounds?|looks?|good|great|nice|cool|perfect|awesome|excellent|super|fine|got|gotcha|noted|understood|see|will|let|try|do|
      done|roger|ack|wow|lol|haha+|hehe|hmm+|ah+|oh+|hi|hey|hello|morning|bye|welcome|forums?|to|and|all|guys|everyone|folks|team|
      np|problem|worries|you|youre|re|my|pleasure|glad|happy|helped?|bump|up|plus|one|please|pls|so|very|much|a|lot|again|then|now|
      interested|following|subscribed|in|for|your|reply|answer|help|quick|fast|thanks|thank|thx|thnx|cheers|ty|later|today|tomorrow|soon|
      there|any|update|updates|news|progress|on|s|ll|ve|m|d|nvm|nevermind|never|mind
    )\b | 好的|好|收到|明白|了解|知道了|嗯+|哦+|行|可以|同问|同求|顶|我也是|一样|是的|对|没错|辛苦了?|谢谢你?|多谢|感谢|您|你|了|啊|呀|哈+|吧|我|试试|看看|稍等|马上|不客气|大家|早 )*""",
    re.VERBOSE | re.IGNORECASE,
)
_CHASES = re.compile(
    r"""
      \bany\s+(?:update|updates|news|progress|luck|thoughts|solution|answer|eta)\b | \b(?:bump|ping)\b | \banyone\s*\?*\s*$
    | \bstill\s+(?:waiting|no\s+(?:answer|reply|response))\b | \bdid\s+(?:you|anyone)\s+(?:ever\s+)?(?:find|figure|solve|manage|get)\b
    | \bhow\s+did\s+you\s+(?:solve|fix|resolve)\b | \b(?:having|have|facing|got|same)\s+(?:the\s+)?(?:exact\s+)?same\s+(?:problem|issue|error|question)\b
    | \bme\s+too\b | \+1\b | 有进展|有更新|有结果|有人吗|同问|同求|我也(?:是|遇到)|怎么解决的
    """,
    re.VERBOSE | re.IGNORECASE,
)


def says_thanks(text: str) -> bool:
    """Whether somewhere in it somebody is thanked for what he did. Thanks after a question are for an answer to come."""
    asked = False
    for sentence in _sentences(text):
        if _THANKS.search(sentence) and not _IN_ADVANCE.search(sentence) and not asked:
            return True
        asked = asked or bool(_ASKS.search(sentence) or _REQUESTS.search(sentence))
    return False


def is_thanks(text: str) -> bool:
    """Whether to thank is its point: nothing more is asked, nothing is still broken."""
    return says_thanks(text) and not is_question(text) and not is_still_broken(text)


def is_ack(text: str) -> bool:
    """Whether it says no more than "ok", "+1", "me too", "got it", thanks or a name: nothing one could use."""
    return _SMALL.fullmatch(_bare(text)) is not None and not _holds_matter(text)


def is_chaser(text: str) -> bool:
    """Whether it only asks on: "any update?", "same problem here", "how did you solve it?"."""
    return _CHASES.search(said(text)) is not None and len(said(text)) < 200 and not _holds_matter(text)


def _bare(text: str) -> str:
    """What is said, without names and emoji."""
    return _EMOJI_NAME.sub(" ", _MENTION.sub(" ", said(text))).strip()


def _holds_matter(text: str) -> bool:
    """Whether it holds what ``said`` leaves out and yet may be an answer: code or an address."""
    return "`" in text or "~~~" in text or "://" in text


# ---- how it went ----------------------------------------------------------------------------------------------

_SOLVED = re.compile(
    r"""
      \b(?:it|that|this|these|those|which|everything|all|both|now|code|solution|fix|trick|one|suggestion|approach|way|method|change)
        \s+(?:really\s+|just\s+|now\s+|also\s+|actually\s+|finally\s+|totally\s+)?
        (?:works|worked|work\s+now|did\s+(?:it|the\s+(?:trick|job))|fixe[sd]\s+(?:it|the|my)|solve[sd]|resolved|helped|was\s+it|was\s+the\s+(?:problem|issue|cause|reason))\b
    | \b(?:works|working|worked|runs|running|compiles|builds)\s+(?:now|again|fine|great|perfectly|well|nicely|flawlessly|beautifully|like\s+a\s+charm|as\s+(?:expected|wanted))\b
    | \bnow\s+(?:it\s+|everything\s+|all\s+)?(?:works|work|working|compiles|builds|runs|is\s+(?:ok|fine|working|good))\b
    | ^\W*(?:works|worked|fixed|solved|resolved|sorted)\b(?!\s+(?:for|on|only|in))
    | \b(?:problem|issue|bug|error|case|it|this|that|question|mystery)(?:'s|\s+(?:is|was|has\s+been|got|now|seems))?\s+(?:now\s+|finally\s+|completely\s+|been\s+)*(?:solved|fixed|resolved|gone|sorted)\b
    | \b(?:solved|fixed|resolved|sorted)\s+(?:it|this|that|my|the|out)\b
    | \bgot\s+(?:it|this|that|everything)\s+(?:working|to\s+work|running|to\s+run|to\s+build|to\s+compile|fixed|sorted|now|solved)\b
    | \bthat(?:'s|\s+is|\s+was)\s+(?:it|what\s+i\s+(?:was\s+looking\s+for|needed|wanted)|exactly\s+what)\b | \b(?:did|does)\s+the\s+(?:trick|job)\b
    | \bexactly\s+what\s+i\s+(?:was\s+looking|needed|wanted|need)\b | \b(?:it|that|this|all|everything)(?:'s|\s+is)\s+(?:all\s+)?(?:working|good\s+now|ok\s+now|fine\s+now)\b
    | 解决了|已解决|搞定|(?<!不)可以了|(?<!不)好了(?:[，。！!]|$)|成功了|没问题了|正常了|能用了|恢复了
    """,
    re.VERBOSE | re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:if|whether|hope|hopefully|until|unless|not|n't|never|should|would|could|might|may|must|supposed|how|once|before|"
    r"can\s+be|to\s+be|wish|as\s+long\s+as|make\s+sure)\b|n't\b|如果|希望|是否|没(?:有)?(?=解决)|应该|怎么|未",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;，；]|\bbut\b", re.IGNORECASE)
_STILL = re.compile(
    r"""
      \bstill\s+(?:\w+\s+)?(?:not|no|n't|isn't|don't|doesn't|didn't|can't|cannot|won't|get|gets|getting|got|have|has|having|see|seeing|fail\w*|crash\w*|
        the\s+same|broken|happen\w*|there|persist\w*|stuck|wrong|same|an?\s+(?:issue|problem|error)|exist\w*|occur\w*|show\w*|facing|remain\w*|unable)\b
    | \b(?:it|that|this|those|these|which|solution|suggestion|code|fix|trick)\s+(?:just\s+|also\s+|unfortunately\s+)?(?:doesn't|didn't|does\s+not|did\s+not|don't|won't|isn't|wasn't|hasn't)\s+
        (?:really\s+|seem\s+to\s+|even\s+|actually\s+)?(?:work|help|fix|solve|change|make\s+(?:a|any)\s+difference|working|do\s+(?:it|anything|the\s+trick)|have\s+any\s+effect)
    | \b(?:no|without)\s+(?:luck|effect|difference|change|success|avail)\b | \bto\s+no\s+avail\b | \bnothing\s+(?:has\s+)?(?:changed|changes|works|worked|helped|helps)\b
    | \b(?:the\s+|exact\s+)same\s+(?:error|problem|issue|result|behaviou?r|exception|message)\b | \b(?:problem|issue|error)\s+(?:persists?|remains?|is\s+still|still)\b
    | \bnot\s+work(?:ing)?\b | \bdoes(?:n't|\s+not)\s+work\b | \bdid(?:n't|\s+not)\s+(?:work|help)\b
    | 还是(?:不|报|一样|没|失败|有问题|会|同样)|仍然|依然|依旧|没用|没有用|不管用|无效|没(?:有)?解决|不起作用|同样的(?:错误|问题|报错)|还没好
    """,
    re.VERBOSE | re.IGNORECASE,
)
_OWN = re.compile(
    r"""
      \b(?:i|we|i've|we've|i\s+have|i\s+just|i\s+finally|i\s+think\s+i|i\s+also|finally|just)\s+(?:have\s+|just\s+|finally\s+|actually\s+|already\s+|also\s+|now\s+|then\s+|even\s+)*
        (?:fixed|solved|resolved|sorted|figured|managed|worked\s+around|ended\s+up|realized|realised|found\s+(?:out|it|that|the|a|my|an|why|where|how|this)|got\s+(?:it|this|that|everything)|discovered|noticed\s+that|was\s+(?:missing|forgetting|using\s+the\s+wrong)|forgot|had\s+(?:to|forgotten)|was\s+able\s+to|made\s+it\s+work|solved\s+it|decided\s+to)\b
    | \bturn(?:s|ed)\s+out\b | \bfigured\s+(?:it\s+|that\s+|this\s+)?out\b | ^\W*(?:found|fixed|solved|solution|resolved|answer|update|edit|success|victory)\b
    | \b(?:problem|issue|cause|culprit|reason|solution|fix|answer|error|mistake|bug|trick|key|workaround)\s+(?:here\s+)?(?:was|were|is\s+that|was\s+that|came\s+from)\b
    | \bmy\s+(?:bad|mistake|fault|own\s+(?:question|solution|problem)|solution)\b | \bnever\s?mind\b | \bnvm\b | \bdisregard\b
    | \bfor\s+(?:anyone|others|people|those|future\s+reference|the\s+record)\b | \b(?:in\s+case|if)\s+any(?:one|body)(?:'s|\s+is|\s+else)?\b
    | \bgot\s+(?:it|this|that|\w+)\s+(?:working|to\s+work|running)\b | \bend(?:ed)?\s+up\b | \bafter\s+(?:chang|add|remov|updat|upgrad|install|delet|set|switch|restart|replac)\w*ing\b
    | 我(?:自己|已经|已)?(?:解决|找到|搞定|发现)|原来是|原因是|问题(?:出)?在|是因为|自己解决|找到(?:原因|解决|问题)|已解决|解决(?:方法|办法|方案)
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_solved(text: str) -> bool:
    """Whether it says that it works now; what should, might or would work if … does not count."""
    return _last_solved(text) > max(_last(_STILL, said(text)), -1)


def is_still_broken(text: str) -> bool:
    """Whether it says that it still does not work; the last word on it in the message counts."""
    broken = _last(_STILL, said(text))
    return broken >= 0 and broken >= _last_solved(text)


def is_solved_by_asker(text: str) -> bool:
    """Whether its author tells how he came to the solution himself: "it turned out that …", "I fixed it by …"."""
    return any(
        _OWN.search(sentence) and not _ASKS.search(sentence) for sentence in _sentences(text)
    ) and not is_still_broken(text)


def is_substantive(text: str) -> bool:
    """Whether it holds something to learn: more than small words, thanks, a question back or asking on."""
    if _holds_matter(text):
        return True
    telling = [
        sentence for sentence in _sentences(text) if not _ASKS.search(sentence) and not _is_small(sentence)
    ]
    return bool(telling) and not is_chaser(text)


def _is_small(sentence: str) -> bool:
    return _SMALL.fullmatch(_bare(sentence)) is not None


def _last(cue: re.Pattern[str], text: str) -> int:
    """Where the last match begins; -1 if there is none."""
    return max((found.start() for found in cue.finditer(text)), default=-1)


def _last_solved(text: str) -> int:
    spoken, position = said(text), -1
    for found in _SOLVED.finditer(spoken):
        before = _CLAUSE.split(_SENTENCE_END.split(spoken[: found.start()])[-1])[-1]
        after = _SENTENCE_END.split(spoken[found.start() :])[0]
        if not _UNSURE.search(before[-40:]) and not after.rstrip().endswith(("?", "？")):
            position = found.start()
    return position
