"""Whether a paraphrase is wider, narrower, surer or weaker than its source: conditions, guesses, duties. Pure.

English and Chinese. Each reading compares words, so it is precise rather than complete.
"""

import re
from collections.abc import Sequence

from knowledge.wording import CLAUSE_END, NOT, nearest, sentences_of, simple, terms_of

# ---- conditions -------------------------------------------------------------------------------------------

_RESTRICTS = re.compile(
    r"\b(?:only(?= (?:if|when|after|for|in|on|with|during|while|by)\b)|only(?!(?: \w+)?(?: \w+)? (?:\d"
    r"|once\b))|solely|exclusively|unless|except|other than|apart"
    r" from)\b|只有|仅|只(?!要|是)|除非|除了|除\S{1,12}外|才(?=能|可|会|需)"
)
_NEEDS = re.compile(r"\b(?:must|needs?|requires?d?|has to|have to)\b|需要|必须")
_STATES_CONDITION = re.compile(
    r"(?:^|[,(]|\b(?:and|but|this|only|even)\b)\s*(?:if|when|whenever|in case|as long as|provided(?:"
    r" that)?)\b(?P<en>[^,.;()]+)"
    r"|\b(?:if|as long as|provided that|in case)\b(?P<late>[^,.;()]+)"
    r"|(?:如果|若是?|假如|只要)(?P<zh>[^，,。；]+)"
)
COVERED = 0.5  # of the words of a condition


def changes_condition(claim: str, source: str, told: str) -> bool:
    """Whether a limit ("only", "unless", "除非") was added or dropped, or a condition dropped that nobody fulfils."""
    near = nearest(claim, source)
    if _RESTRICTS.search(simple(claim)):
        limits = (*sentences_of(told), *sentences_of(source))
        return not any(map(_RESTRICTS.search, limits)) and not any(map(_LIMITS, limits))
    widened = not _NEEDS.search(simple(claim)) and any(map(_RESTRICTS.search, _parts(claim, near)))
    return widened or any(_leaves_out(claim, line, told) for line in near)


# What a paraphrase may say with "only".
_LIMITS = re.compile(
    rf"{NOT}|\b(?:once|single|just|at most|at least|must|needs?|require\w*|own|otherwise|instead|up to"
    rf"|until|limit\w*|maximum)\b"
    r"|需要|必须|最多|单次|一次"
).search


def _parts(claim: str, near: Sequence[str]) -> list[str]:
    """Of ``near`` the clause that each clause of the claim was made from."""
    theirs = [clause for line in near for clause in CLAUSE_END.split(line) if clause and terms_of(clause)]
    found = []
    for line in sentences_of(claim):
        for clause in filter(None, CLAUSE_END.split(line)):
            shares = [len(terms_of(clause) & terms_of(other)) for other in theirs]
            if max(shares, default=0):
                found.append(theirs[shares.index(max(shares))])
    return found


def _leaves_out(claim: str, line: str, told: str) -> bool:
    """Whether a condition of a sentence of the source is neither in the claim nor what the conversation tells."""
    known = terms_of(simple(claim)) | terms_of(simple(told))
    for found in _STATES_CONDITION.finditer(line):
        condition = terms_of(found["en"] or found["late"] or found["zh"] or "")
        if condition and len(condition & known) < COVERED * len(condition):
            return True
    return False


# ---- strength ---------------------------------------------------------------------------------------------

_HEDGED = re.compile(
    r"\b(?:may|might|maybe|perhaps|probably|possibly|i think|i guess|i believe|not sure|likely|seems?"
    r"|apparently|looks? like|should (?:fix|help|work|do)|could be|could also"
    r"|suspect|presumably)\b|可能|也许|大概|或许|似乎|好像|估计|应该是|不确定"
)
_SOMETIMES = re.compile(
    r"\b(?:sometimes|usually|often|occasionally|mostly|typically|(?<!at )most|some|normally|generally)\b"
    r"|有时|通常|偶尔|一般|大多"
)
_ALWAYS = re.compile(
    r"\b(?:always|every(?!one| one|body)|all|any|everywhere|guarantee\w*|certainly|definitely|completely"
    r"|immediately|at once|instantly)\b|总是|所有|全部|一定|任何|始终|必定|立即|立刻|每次|完全"
)
_MUST = re.compile(
    r"\b(?:must|have to|has to|required|mandatory|necessary|needs? to|essential)\b|必须|务必|一定要|强制"
)
_MAY = re.compile(
    r"\b(?:may|can|could|might|¬ (?:need|have|required)\w*|if you like|recommended|advisable|feel free)\b"
    r"|可以|可选|建议"
)
_IF_YOU_LIKE = re.compile(
    r"\b(?:may(?! \w+ at most)|might|if you like|if you want|feel free|¬ (?:need|required))\b|可选|¬ 需要"
)


def changes_strength(claim: str, source: str, told: str) -> bool:
    """Whether a guess became a fact, "sometimes" became "always", or "may" became "must", or the other way round."""
    mine, theirs = simple(claim), "\n".join(nearest(claim, source))
    if not theirs:
        return False
    whole = simple(source) + simple(told)
    if _ALWAYS.search(mine) and not _same_words(_ALWAYS, mine, whole):
        return True
    if _SOMETIMES.search(theirs) and not (_SOMETIMES.search(mine) or _HEDGED.search(mine)):
        return True
    if _HEDGED.search(theirs) and not (_HEDGED.search(mine) or _SOMETIMES.search(mine) or _MAY.search(mine)):
        return True
    if _HEDGED.search(mine.replace("may", "")) and not (
        _HEDGED.search(whole) or _SOMETIMES.search(whole) or _MAY.search(whole)
    ):
        return True
    musts = _MUST.search(mine) is not None, _MUST.search(theirs) is not None
    mays = _MAY.search(mine) is not None, _MAY.search(theirs) is not None
    weakened = _IF_YOU_LIKE.search(mine) is not None and not _IF_YOU_LIKE.search(theirs)
    return (musts == (True, False) and mays[1]) or (musts[1] and weakened)


_ALIKE = ("all", "every", "any", "always", "everywhere", "所有", "全部", "任何", "总是", "每次", "始终")


def _same_words(pattern: re.Pattern[str], mine: str, theirs: str) -> bool:
    """Whether each word of ``pattern`` in mine is in theirs, or one that means as much."""
    there = {found[0] for found in pattern.finditer(theirs)}
    alike = any(word in _ALIKE for word in there)
    return all(found[0] in there or (found[0] in _ALIKE and alike) for found in pattern.finditer(mine))
