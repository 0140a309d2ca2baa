"""Links in text, and what may be wrong with them: where they really lead. Pure."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from publicsuffixlist import PublicSuffixList
from rapidfuzz.distance import OSA

from knowledge.credentials import words_of
from knowledge.lettering import skeleton

_SUFFIXES = PublicSuffixList()
_URL = re.compile(
    r"(?<![\w@])(?:h(?:tt|xx)ps?|ftp)://[^\s<>\"'`|{}，。；！？、（）《》「」“”]+", re.IGNORECASE
)
_BARE = re.compile(
    r"(?<![\w@/.:=-])(?:[\w-]{1,63}\.){1,5}(?:com|org|net|io|dev|app|cn|co|info|xyz|top|site|online|ru"
    r"|me|cc|tk|link"
    r"|click|shop|live|support|help|cloud|ai|eu|de|uk|us|tech|pro|biz"
    r"|download)(?![\w.-]*[\w(=-])(?:[/?#][^\s<>\"'`|，。；）]*)?",
)
_AUTHORITY = re.compile(
    r"^(?:[a-z][a-z+.-]*://)?(?:(?P<user>[^/@\s?#]*)@)?(?P<host>\[[0-9a-f:.]+\]|[^/:?#\\\s]+)", re.IGNORECASE
)
_SHOWN = (  # what is shown, and where it leads
    re.compile(r"(?<!!)\[(?P<shown>[^\]\[\n]{1,300})\]\(\s{0,3}<?(?P<target>[^)\s>]+)"),
    re.compile(
        r"<a\s[^>]*?href\s*=\s*[\"']?(?P<target>[^\"'\s>]+)[^>]*>(?P<shown>.*?)</a>",
        re.IGNORECASE | re.DOTALL,
    ),
    re.compile(
        r"(?<![\w.:/-])(?P<shown>(?:https?://)?(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?:/\S{0,300})?) \((?P<target>https?://[^\s)]+)\)",
        re.IGNORECASE,
    ),
    re.compile(r"<(?P<target>https?://[^|>\s]+)\|(?P<shown>[^>\n]+)>", re.IGNORECASE),
)
_SCRIPTED = re.compile(
    r"(?:\]\(|href\s*=\s*[\"']?|src\s*=\s*[\"']?|<)\s*(?:javascript|vbscript|data:text/html)\b"
    r"|\bdata:(?:text/html|application/(?:javascript|x-msdownload|octet-stream|x-sh))[;,][^\s]{8,}"
    r"|\bjavascript:\s*(?!void|;|\s|history\.|window\.print)[\w(!~'\"\[]*(?:eval|fetch|document\."
    r"|location|atob|import|XMLHttp|\$\.get)",
    re.IGNORECASE,
)
SHORTENERS = words_of(
    "bit.ly bitly.com tinyurl.com goo.gl t.co is.gd v.gd ow.ly buff.ly rebrand.ly cutt.ly shorturl.at "
    "t.ly rb.gy tiny.cc s.id bl.ink tny.im 2no.co adf.ly soo.gd shorte.st clck.ru qps.ru grabify.link "
    "iplogger.org u.to x.co dwz.cn t.cn suo.im suo.nz url.cn w.url.cn 0rz.tw reurl.cc t.hk lnk.to "
    "short.io tr.im chilp.it da.gd dub.sh shrtco.de urlz.fr ouo.io bc.vc mcaf.ee"
)
# Sites that an imitation would trade on in any workplace, whatever is spoken of there.
WELL_KNOWN = words_of(
    "github.com githubusercontent.com github.io github.dev gitlab.com gitlab.io bitbucket.org "
    "sourceforge.net gitee.com docker.com docker.io quay.io ghcr.io pypi.org pythonhosted.org python.org "
    "npmjs.com npmjs.org nodejs.org yarnpkg.com rubygems.org ruby-lang.org crates.io rust-lang.org "
    "rustup.rs golang.org go.dev maven.org apache.org conda.io anaconda.com anaconda.org conda-forge.org "
    "debian.org ubuntu.com launchpad.net canonical.com redhat.com fedoraproject.org centos.org "
    "archlinux.org kernel.org gnu.org opensuse.org brew.sh microsoft.com azure.com windows.com "
    "windows.net github.blog office365.com live.com office.com visualstudio.com google.com google.cn "
    "googleapis.com googleblog.com gstatic.com youtube.com youtu.be amazon.com amazonaws.com aws.com "
    "cloudflare.com apple.com icloud.com mozilla.org w3.org w3schools.com wikipedia.org wikimedia.org "
    "stackoverflow.com stackexchange.com serverfault.com superuser.com askubuntu.com reddit.com "
    "medium.com readthedocs.io readthedocs.org slack.com slack-edge.com feishu.cn larksuite.com "
    "discord.com discord.gg gitter.im telegram.org zoom.us dropbox.com twitter.com facebook.com "
    "linkedin.com okta.com auth0.com atlassian.com atlassian.net jira.com trello.com notion.so figma.com "
    "heroku.com herokuapp.com netlify.com netlify.app vercel.com digitalocean.com kubernetes.io helm.sh "
    "terraform.io hashicorp.com vaultproject.io grafana.com grafana.net prometheus.io elastic.co "
    "elasticsearch.com datadoghq.com sentry.io pagerduty.com postgresql.org mysql.com mariadb.org "
    "mongodb.com redis.io sqlite.org oracle.com java.com jetbrains.com letsencrypt.org openssl.org "
    "openssh.com nginx.org nginx.com salesforce.com stripe.com paypal.com alipay.com aliyun.com "
    "alibaba.com taobao.com tencent.com qq.com weixin.com baidu.com tsinghua.edu.cn ustc.edu.cn "
    "npmmirror.com huggingface.co openai.com anthropic.com claude.ai wordpress.com imgur.com pastebin.com "
    "jsfiddle.net codepen.io plnkr.co gist.github.com unpkg.com jsdelivr.net cdnjs.com angular.io "
    "angularjs.org reactjs.org vuejs.org localhost.com"
)
_LURES = words_of(
    "login signin support help helpdesk secure security safe update updates upgrade download downloads "
    "install installer setup official verify verification account accounts auth sso portal mirror fix "
    "patch service services recovery unlock wallet admin team get my the hotfix release releases files dl "
    "cdn packages pkg repo"
)
_DISTINCT = 5  # letters; names that are shorter are near too many others


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """An address in a text. ``host`` is in small letters, without a trailing dot; punycode is undone."""

    url: str
    user: str
    host: str

    @property
    def domain(self) -> str:
        """What somebody registered: ``docs.example.co.uk`` -> ``example.co.uk``; else the host itself."""
        return domain_of(self.host)


@lru_cache(maxsize=4096)
def domain_of(host: str) -> str:
    return _SUFFIXES.privatesuffix(host) or host


def links_in(text: str) -> Iterator[Link]:
    """The web addresses in ``text``, also those without ``https://``."""
    taken: list[tuple[int, int]] = []
    for found in _URL.finditer(text):
        taken.append(found.span())
        if link := _link(_trimmed(found[0])):
            yield link
    for found in _BARE.finditer(text):
        if not any(start <= found.start() < end for start, end in taken) and (
            link := _link(_trimmed(found[0]))
        ):
            yield link


def _trimmed(url: str) -> str:
    """Without what belongs to the sentence: a last full stop, a bracket that was opened before."""
    url = url.rstrip(".,;:!?*_~…")
    while url.endswith((")", "]")) and url.count("([)]"[url[-1] == "]"]) < url.count(url[-1]):
        url = url[:-1].rstrip(".,;:!?*_~")
    return url


def _link(url: str) -> Link | None:
    found = _AUTHORITY.match(url)
    if found is None:
        return None
    host = _read(found["host"].lower().rstrip("."))
    return (
        Link(url=url, user=found["user"] or "", host=host)
        if "." in host or "[" in host or host[:1].isdigit()
        else None
    )


def _read(host: str) -> str:
    """``host`` as a browser may show it."""
    return ".".join(map(_label, host.split(".")))


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label.removeprefix("xn--").encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def domains_in(text: str) -> frozenset[str]:
    """The domains that ``text`` links to."""
    return frozenset(link.domain for link in links_in(text) if not _is_number(link.host))


def is_shortened(link: Link) -> bool:
    return link.domain in SHORTENERS or link.host.removeprefix("www.") in SHORTENERS


def is_numeric(link: Link) -> bool:
    """Whether it leads to a public address without a name, or to one written so that nobody can read it."""
    host = link.host.strip("[]")
    if re.fullmatch(r"0x[0-9a-f]+|\d{5,}", host):
        return True
    try:
        return (IPv6Address(host) if ":" in host else IPv4Address(host)).is_global
    except AddressValueError:
        return False


def _is_number(host: str) -> bool:
    return re.fullmatch(r"[\d.]+|0x[0-9a-f]+|\[.*\]", host) is not None


def is_disguised(text: str) -> bool:
    """Whether a link in ``text`` leads elsewhere than it seems: by its label, by a name before an @, or to a script."""
    if _SCRIPTED.search(text) or any(map(_has_false_user, links_in(text))):
        return True
    return any(
        _differ(found["shown"], found["target"]) for pattern in _SHOWN for found in pattern.finditer(text)
    )


def _has_false_user(link: Link) -> bool:
    """``https://github.com@evil.example``, and a backslash, which browsers take for a slash."""
    looks = re.search(r"[\w-]+\.[a-z]{2,}(?::|$)", link.user, re.IGNORECASE) is not None
    return looks or re.match(r"[a-z]+://[^/]*\\", link.url, re.IGNORECASE) is not None


def _differ(shown: str, target: str) -> bool:
    """Whether ``shown`` is an address of another domain than ``target``."""
    told = shown.strip(" *_`")
    seen = [] if " " in told else [*links_in(told)]
    leads = [*links_in(target)]
    return bool(seen and leads) and seen[0].domain != leads[0].domain


def is_imitation(link: Link, known: Set[str]) -> bool:
    """Whether its domain is made to be taken for one of ``known``, or for a well-known one."""
    domain = link.domain
    if _is_number(link.host) or domain in WELL_KNOWN or domain in known:
        return False
    if "." not in domain.strip("."):
        return False
    return _carries(link.host, known) or any(_imitates(domain, other) for other in (*known, *WELL_KNOWN))


def _carries(host: str, known: Set[str]) -> bool:
    """Whether another's name stands before the own: ``github.com.example.net``, ``github-com.example.net``."""
    labels = host.split(".")
    for size in (2, 3):
        for start in range(len(labels) - size):
            inner = ".".join(labels[start : start + size])
            if inner in WELL_KNOWN or inner in known:
                return True
    before = (label for label in labels[:-1] if re.search(r"-(?:com|org|net|io|cn)$", label))
    return any((whole := ".".join(label.rsplit("-", 1))) in WELL_KNOWN or whole in known for label in before)


@lru_cache(maxsize=2**16)
def _imitates(domain: str, other: str) -> bool:
    own, own_end = _parted(domain)
    theirs, end = _parted(other)
    if min(len(own), len(theirs)) < _DISTINCT - 1 or domain == other:
        return False
    if own != theirs and _folded(own) == _folded(theirs):
        return True
    if min(len(own), len(theirs)) < _DISTINCT:
        return False
    if own == theirs:
        return own_end != end and len(own) > _DISTINCT and not _is_country(own_end) and not _is_country(end)
    return _is_near(own, theirs) or _is_baited(own, theirs)


@lru_cache(maxsize=2**14)
def _parted(domain: str) -> tuple[str, str]:
    name, _, end = domain.partition(".")
    return name, end


def _is_country(end: str) -> bool:
    """Whether a brand may well be at home there, too: ``example.de`` beside ``example.com``."""
    return len(end.rpartition(".")[2]) == 2 and end not in (
        "io",
        "co",
        "cc",
        "tk",
        "me",
        "ml",
        "ga",
        "cf",
        "gq",
        "ru",
        "pw",
        "ws",
    )


@lru_cache(maxsize=2**14)
def _folded(name: str) -> str:
    """``name`` as a hurried eye sees it."""
    plain = skeleton(name).replace("rn", "m").replace("vv", "w").replace("cl", "d")
    return plain.translate(str.maketrans("01135|i", "olieslx", "-_")).replace("x", "l").replace("i", "l")


def _is_near(own: str, theirs: str) -> bool:
    """Whether only a letter was added, left out, changed or swapped; in long names two."""
    allowed = 1 if len(theirs) < 10 else 2
    return OSA.distance(own, theirs, score_cutoff=allowed) <= allowed


def _is_baited(own: str, theirs: str) -> bool:
    """``github-login.com``: a known name with a word that lures."""
    if f"-{theirs}-" not in f"-{own}-":
        return False
    return any(word in _LURES for word in f"-{own}-".replace(f"-{theirs}-", "-").split("-"))
