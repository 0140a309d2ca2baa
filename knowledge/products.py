"""Which products in which versions a text is about. Pure."""

import re
from collections.abc import Iterator, Sequence

from knowledge.entry import KnowledgeEntry, PassageKind

_NUMBER = r"v?\d{1,5}(?:\.\d{1,8}){1,3}(?:[-+.]?[A-Za-z]{1,8}\.?\d{0,8})?(?![\w%])"
_NAMED = re.compile(
    r"(?<![\w./@-])(?P<name>[A-Za-z][\w+#-]{0,40}(?:\.[A-Za-z]\w{0,20})?(?: (?!v\d)[A-Z][\w+#-]{0,40})?)"
    r"(?:[ :=@/(-]{1,3})(?P<word>(?:(?:is|at|on) )?(?:(?:version|ver\.?|release|版本)[ :=]{0,3}(?:is |号?是?[：:]?)?)?)"
    rf"(?P<number>{_NUMBER})"
)
_MAJOR = re.compile(
    r"\b(?P<name>python|node(?:\.?js)?|java|jdk|ubuntu|debian|centos|rhel|windows|macos|postgres(?:ql)?|mysql|mariadb"
    r"|mongodb|redis|docker|kubernetes|chrome|firefox|safari|angular|react|vue|django|rails|php|ruby"
    r"|elasticsearch|kafka"
    r"|spark)[ -]v?(?P<number>\d{1,2})(?![\w%]|[.:,]\d)",
    re.IGNORECASE,
)
_ALONE = re.compile(r"(?<![\w./@-])v\d{1,4}(?:\.\d{1,8}){1,3}(?:[-+.]\w{1,12})?(?![\w/])")
# What stands before a number and is no product: "took 2.5", "page 3.1", "from 1.2".
_NO_NAMES = frozenset(
    re.findall(
        r"\w+",
        """
        a an the version versions ver release is in on at to of from than by with for and or about around took
        takes after before every least most over under up within approximately roughly only line lines page
        section chapter step table figure fig equals value score ratio ip port was are be v using use used
        running run upgraded upgrade updated downgraded downgrade since until size factor rate time times
        costs cost between level vs through via as have has had got get i we it this that build error my our
        your also still both now not latest yes no however instant tested deployed self hosted but then when
        which that these those like currently before earlier newer older new old current previous stable
        http https sleeping checkout read
        """,
    )
)
_DATE = re.compile(r"(?:19|20)\d\d\.(?:\d{1,2}\.\d{1,2}|0[1-9]|1[0-2])$")
# What an installation prints of packages that nobody asked about, and names of pictures.
_NOISE = re.compile(
    r"^[^\n]*(?:\bnpm warn\b|\bwarning [\w@/. >-]+ > |\bdeprecated \S+@)[^\n]*$"
    r"|[^\s/()\[\]]+\.(?:png|jpe?g|gif|webp|bmp)\b|\bscreen[ -]?shot[^\n]{0,60}?\d\.\d+\S*",
    re.IGNORECASE | re.MULTILINE,
)


def products_in(entry: KnowledgeEntry) -> tuple[str, ...]:
    """Products with their versions named in the problem and the solution, as ``Python 3.9``, each once, in order."""
    telling = (p.text for p in entry.passages if p.kind in (PassageKind.PROBLEM, PassageKind.SOLUTION))
    return products_of([entry.title, *telling])


def products_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Products with their versions in ``texts``; a version without a name only if no product has it."""
    found = [product for text in texts for product in _products(text)]
    named = {product.rsplit(" ", 1)[-1] for product in found if " " in product}
    told = [product for product in found if " " in product or product.removeprefix("v") not in named]
    return tuple({product.casefold(): product for product in reversed(told)}.values())[::-1]


def _products(text: str) -> Iterator[str]:
    text = _NOISE.sub(lambda noise: " " * len(noise[0]), text)
    found = {
        **{match.start(): match[0] for match in _ALONE.finditer(text)},
        **{match.start(): f"{match['name']} {match['number']}" for match in _MAJOR.finditer(text)},
        **{match.start(): _product(match) for match in _NAMED.finditer(text)},
    }
    return (found[start] for start in sorted(found) if found[start])


def _product(match: re.Match[str]) -> str:
    """Name and version; the version alone where no name is before it; "" if it is neither."""
    number = match["number"].rstrip(".")
    kept = [word for word in match["name"].split(" ") if word.lower() not in _NO_NAMES]
    kept = (
        kept if kept[:1] and kept[0][0].isupper() else kept[-1:]
    )  # "Notebook Gallery", but not "health Redash"
    if not kept:
        return number if number.startswith("v") else ""
    return f"{' '.join(kept)} {number.removeprefix('v')}" if _is_version(match, kept[0]) else ""


def _is_version(match: re.Match[str], name: str) -> bool:
    """Whether it is a version and no amount, date or address."""
    number = match["number"]
    is_called = (
        re.search(r"version|ver\b|release|版本", match["name"] + match["word"], re.IGNORECASE) is not None
    )
    is_address = number.count(".") == 3 and number.replace(".", "").isdigit() and not is_called
    certain = number.startswith("v") or number.count(".") >= 2 or is_called
    return not is_address and _DATE.match(number) is None and (certain or name[0].isupper())
