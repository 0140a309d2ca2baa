"""Secrets in text: keys, tokens, passwords, private keys and what connection strings hold. Pure.

Tokens with a shape of their own come from detect-secrets' detectors (only their patterns: nothing is ever verified
over the network); added are newer shapes, and what only its surroundings tell, such as ``password=…``.
"""

import re
from collections.abc import Iterator

from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector


def words_of(listed: str) -> frozenset[str]:
    """The words of a list that is written as a text."""
    return frozenset(listed.split())


_LISTS = (
    AWSKeyDetector.denylist[:1],  # the second wants quotes around; see _ASSIGNED
    DiscordBotTokenDetector.denylist,
    GitHubTokenDetector.denylist,
    GitLabTokenDetector.denylist,
    MailchimpDetector.denylist,
    OpenAIDetector.denylist,
    PypiTokenDetector.denylist,
    SendGridDetector.denylist,
    SlackDetector.denylist,
    SquareOAuthDetector.denylist,
    StripeDetector.denylist,
    TelegramBotTokenDetector.denylist,
    TwilioKeyDetector.denylist,
)
_NEWER = (
    r"github_pat_\w{20,}",
    r"sk-(?:ant|proj|svcacct|or)-[\w-]{16,}",
    r"sk-[A-Za-z0-9]{32,}",
    r"xapp-\d-[\w-]{10,}",
    r"xox[a-z]-[\w-]{10,}",
    r"npm_[A-Za-z0-9]{30,}",
    r"AIza[\w-]{35}",
    r"ya29\.[\w-]{20,}",
    r"GOCSPX-[\w-]{20,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"do[opr]_v1_[0-9a-f]{64}",
    r"shp(?:at|ca|pa|ss)_[0-9a-f]{32}",
    r"[sr]k_(?:live|test)_\w{10,}",
    r"whsec_[A-Za-z0-9+/=]{20,}",
    r"hv[sb]\.[\w-]{20,}",
    r"dapi[0-9a-f]{32}",
    r"dckr_pat_[\w-]{20,}",
    r"lin_api_\w{30,}",
    r"NRAK-[A-Z0-9]{27}",
    r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    r"ATATT3[\w=-]{20,}",
    r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    r"LTAI[A-Za-z0-9]{12,26}",
    r"AKID[A-Za-z0-9]{32}",
    r"eyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?",  # a JSON web token
)
_SHAPES = tuple(
    re.compile(rf"(?<![A-Za-z0-9_])(?:{pattern})(?![A-Za-z0-9_])")
    for pattern in (*(each.pattern for those in _LISTS for each in those), *_NEWER)
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"
    r"|PuTTY-User-Key-File-\d:.*?(?:Private-MAC: \w+|\Z)",
    re.DOTALL,
)

_PASSWORD = r"passwords?|passcodes?|passwd|passphrase|pass|pwd|密码|口令"
_KEY = (
    r"(?:api|access|secret|private|encryption|signing|account|shared|auth|master|license)[_-]?(?:access[_-]?)?key"
    r"|secret|token|credentials?|密钥|令牌"
)
_VALUE = (
    r"(?:\"(?P<double>[^\"\n]{4,})\"|'(?P<single>[^'\n]{4,})'|`(?P<back>[^`\n]{4,})`"
    r"|(?P<bare>[^\s\"'`,;&<>()]{4,}))"
)
_ASSIGNED = re.compile(
    rf"(?P<name>(?:[A-Za-z][\w.-]{0, 40}?)?(?:(?P<password>{_PASSWORD})|{_KEY}))[\"'`]?"
    rf"(?P<by>\s*(?:=>|:=|[=:：])\s*|\s+(?:is|was|为)\s+(?:now\s+)?|是|为)"
    rf"(?:(?:bearer|basic|token)\s+)?{_VALUE}",
    re.IGNORECASE,
)
_OPTION = re.compile(
    rf"(?<!\S)--?(?:[a-z]+-)*(?P<name>(?P<password>{_PASSWORD})|{_KEY})(?P<by>\s+){_VALUE}", re.IGNORECASE
)
_HEADER = re.compile(
    r"\b(?:bearer|basic|apikey|(?<=authorization: )token)\s+(?P<bare>[\w.~+/=-]{12,})", re.IGNORECASE
)
_QUERY = re.compile(
    r"[?&](?:key|sig|signature|code|auth|[\w-]*(?:token|secret|apikey|api_key|password"
    r"|pwd))=(?P<bare>[^\s&#\"'`<>\[\])]{6,})",
    re.IGNORECASE,
)
# Who has the address of a shared dashboard sees it.
_SHARED = re.compile(r"/public/(?:dashboards|queries|embed)/(?P<bare>(?=[\w-]*\d)[\w-]{20,})")
_USER_INFO = re.compile(
    r"\b[a-z][a-z0-9+.-]{0,20}://[^\s:/@\"'`]*:(?P<bare>[^\s\"'`/]+)@(?=[\w\[])", re.IGNORECASE
)
_COMMAND = re.compile(
    r"\b(?:curl|wget|http)\b[^\n]*?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<curl>[^\s\"']+)"
    r"|\b(?:mysql|mysqldump|mariadb)\b[^\n]*?\s-p(?P<mysql>[^\s\"']{4,})"
    r"|\bsshpass\s+-p\s*[\"']?(?P<ssh>[^\s\"']+)"
    r"|\b(?:redis-cli)\b[^\n]*?\s-a\s+[\"']?(?P<redis>[^\s\"']+)"
)
# What stands for a value instead of being one: variables, templates, calls, paths, dots, "xxx", "your-token".
_NO_VALUE = re.compile(
    r"[“”‘’]?(?:[*x.]+|[Xx]{3,})[“”‘’]?$|[$<{%\[(/~.@|\\]|[A-Za-z_.]+\[|\S*(?:…|\.{3})|\*+$|x{3,}|\.{3}|…|(?:your|my|the|some|example|changeme|change-me|redacted|none|null|nil|true|false|undefined"
    r"|env|os|process|vault|config|secrets?|file|https?)(?:$|[-_.:])|\w+\(|\w+\.\w+\.\w+$|[A-Z]+(?:_[A-Z]+)+$",
    re.IGNORECASE,
)
_ORDINARY = re.compile(r"[a-z]+(?:[-_.][a-z]+)*[.!?:]?$|[A-Z]?[a-z]+[.!?:]?$|[A-Z]+[.!?]?$|\d{1,5}$|\W+$")
_ERROR_CODE = re.compile(r"[A-Z]{2,}-?\d{1,5}[.:]?$")
_WORDS = words_of(
    "required expired invalid missing wrong empty unset string text optional hidden expires true "
    "false none null prompt incorrect unknown number integer boolean bytes failed rejected denied "
    "accepted rotated stored"
)

_NAMED = words_of(
    "password pass passwd pwd secret token user username pw"
)  # in a template: user:password@host


def secrets_in(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand in ``text``, as (start, end); they may overlap."""
    yield from (found.span() for found in _PRIVATE_KEY.finditer(text))
    yield from (found.span() for shape in _SHAPES for found in shape.finditer(text))
    yield from _surrounded(text)


def _surrounded(text: str) -> Iterator[tuple[int, int]]:
    """Values that only what stands around them tells to be secret."""
    for pattern in (_USER_INFO, _COMMAND, _HEADER, _QUERY, _SHARED):
        for found in pattern.finditer(text):
            group = str(found.lastgroup)
            if not _NO_VALUE.match(found[group]) and found[group].lower() not in _NAMED:
                yield found.span(group)
    for pattern in (_ASSIGNED, _OPTION):
        for found in pattern.finditer(text):
            group = next(name for name in ("double", "single", "back", "bare") if found[name] is not None)
            start, end = found.span(group)
            end -= len(found[group]) - len(found[group].rstrip(".。，、")) if group == "bare" else 0
            if not _NO_VALUE.match(found[group]) and _is_secret(found, text[start:end]):
                yield start, end


def _is_secret(found: re.Match[str], value: str) -> bool:
    """Whether the ``value`` that is assigned may be one: not a word, a name of a variable or a description."""
    if value.lower() in _WORDS or _ERROR_CODE.match(value) or len(value) < 4:
        return False
    if found["password"] and found["by"] in ("=", ":", ": ", "：", " = ") and " " not in value:
        return found["by"] == "=" or not _ORDINARY.match(value) or found["bare"] is None
    return " " not in value and len(value) >= 6 and _is_mixed(value)


def _is_mixed(value: str) -> bool:
    """Whether it has a digit or a sign within, or changes its case, as words do not."""
    return not _ORDINARY.match(value) and re.search(r"\d|[^\w.-]|[a-z][A-Z]", value) is not None
