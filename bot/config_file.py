"""config.yaml read: the settings or all that is wrong, with lines; edits taken up while running."""

import asyncio
import difflib
import hashlib
import logging
import re
import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import tzlocal
import yaml
from pydantic import ValidationError
from watchfiles import awatch

from bot.config import (
    EPHEMERAL,
    NOT_YET,
    Config,
    KeyPath,
    Secrets,
    Section,
    key_text,
    known_keys,
    secret_names,
)
from bot.config_values import Refused

log = logging.getLogger(__name__)


# ------------------------------------------------------------------------------------------------- problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong, where (lines count from 1) and what to do. ``value`` is as written, without secrets."""

    path: Path
    line: int | None = None
    key: str | None = None
    what: str
    value: str | None = None
    remedy: str

    def __str__(self) -> str:
        place = str(self.path) if self.line is None else f"{self.path}:{self.line}"
        said = self.what if self.value is None else f"{self.value} {self.what}"
        return ": ".join(part for part in (place, self.key, said) if part) + f"; {self.remedy}"


class ConfigError(Exception):
    """The settings cannot be used. ``problems`` has all that is wrong, by line; str() one a line."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def problems_to_run(config: Config, secrets: Secrets) -> tuple[Problem, ...]:
    """What keeps the enabled platforms from starting. Not part of ``load``: only running needs tokens."""
    found = [*_lark_problems(config, secrets), _key_problem(config, secrets)]
    return tuple(problem for problem in (*_slack_problems(config, secrets), *found) if problem is not None)


def _slack_problems(config: Config, secrets: Secrets) -> list[Problem | None]:
    """Whoever connects needs the app-level token; whoever is posted to must know who signed."""
    if not config.slack.enabled:
        return []
    bot = _token_problem("slack_bot_token", secrets.slack_bot_token, "xoxb-", "xapp-")
    if config.slack.mode == "http":
        return [bot, _signing_problem(secrets)]
    return [bot, _token_problem("slack_app_token", secrets.slack_app_token, "xapp-", "xox")]


def _signing_problem(secrets: Secrets) -> Problem | None:
    if secrets.slack_signing_secret is not None:
        return None
    remedy = "set it as Basic Information, App Credentials shows it, or set slack.mode: socket"
    return Problem(path=Path("environment"), key="SLACK_SIGNING_SECRET", what="is not set", remedy=remedy)


def _lark_problems(config: Config, secrets: Secrets) -> list[Problem | None]:
    """Without a list of apps the environment names the one. Over HTTP it has the one token of the one app."""
    if not config.lark.enabled:
        return []
    http = _lark_http_problems(config, secrets) if config.lark.mode == "http" else []
    if config.lark.apps:
        return http
    remedy = "set it as Credentials & Basic Info of the app says, or set lark.enabled: false"
    given = {"LARK_APP_ID": secrets.lark_app_id, "LARK_APP_SECRET": secrets.lark_app_secret}
    return [
        Problem(path=Path("environment"), key=name, what="is not set", remedy=remedy)
        for name, value in given.items()
        if value is None
    ] + http


def _lark_http_problems(config: Config, secrets: Secrets) -> list[Problem | None]:
    place = Path("environment")
    if len(config.lark.apps) > 1:
        what = "has several apps, and lark.mode: http takes the events of one"
        return [Problem(path=place, key="lark.apps", what=what, remedy="set lark.mode: ws, or name one app")]
    if secrets.lark_verification_token is not None:
        return []
    remedy = "set it as Events & Callbacks, Encryption Strategy shows it, or set lark.mode: ws"
    return [Problem(path=place, key="LARK_VERIFICATION_TOKEN", what="is not set", remedy=remedy)]


def _key_problem(config: Config, secrets: Secrets) -> Problem | None:
    writers = {"writer": config.writer, "night.writer": config.night.writer}
    named = [f"{name}: extractive" for name, writer in writers.items() if writer == "claude"]
    if not named or secrets.anthropic_api_key is not None:
        return None
    remedy = f"set it to a key from the Claude Console, or set {' and '.join(named)}"
    return Problem(path=Path("environment"), key="ANTHROPIC_API_KEY", what="is not set", remedy=remedy)


def _token_problem(name: str, token: str | None, right: str, wrong: str) -> Problem | None:
    """``wrong``: how the other token begins, which is easily taken for this one."""
    if token is not None and not token.startswith(wrong):
        return None
    what = "is not set" if token is None else f"begins with {wrong}, so it is the other token"
    remedy = f"set it to the {right}… token of your app at api.slack.com/apps, or set slack.enabled: false"
    return Problem(path=Path("environment"), key=name.upper(), what=what, remedy=remedy)


# ------------------------------------------------------------------------------------------ reading a file

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_TOKEN = re.compile(r"\b(xox[a-z]|xapp|sk-ant)-[0-9A-Za-z][0-9A-Za-z_-]*")
_TOKEN_HOME = MappingProxyType({"xapp": "SLACK_APP_TOKEN", "sk-ant": "ANTHROPIC_API_KEY"})
_URL_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^\s]*@")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_SHOWN = 60  # characters of a value in a message


def without_secrets(text: str) -> str:
    """``text`` with tokens and passwords in URLs cut out."""
    return _URL_PASSWORD.sub(r"\1:…@", _TOKEN.sub(r"\1-…", text))


@dataclass(slots=True)
class _Source:
    """The text of a config.yaml while it is read: what stands where, and what is wrong so far."""

    path: Path
    text: str
    environ: Mapping[str, str]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)  # as in the file, before ${NAME} is replaced
    texts: dict[KeyPath, str] = field(default_factory=dict)  # scalars, after it
    problems: list[Problem] = field(default_factory=list)
    settled: set[KeyPath] = field(default_factory=set)  # have a problem already; a second says nothing new

    def line_of(self, path: KeyPath) -> int:
        """The line of the key or list item, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def report(self, path: KeyPath, what: str, remedy: str, value: str | None = None) -> None:
        """Note what is wrong at ``path``."""
        self.problems.append(
            Problem(
                path=self.path,
                line=self.line_of(path),
                key=without_secrets(key_text(path)) or None,
                what=what,
                value=None if value is None else _shown(value),
                remedy=remedy,
            )
        )

    def settle(self, path: KeyPath, what: str, remedy: str, value: str | None = None) -> None:
        """As ``report``, where no more is to be said about the value at ``path``."""
        self.settled.add(path)
        self.report(path, what, remedy, value)


def _shown(value: str) -> str:
    flat = " ".join(without_secrets(value).split())
    return flat if len(flat) <= _SHOWN else flat[: _SHOWN - 1] + "…"


def load(path: Path, environ: Mapping[str, str], required: bool = True) -> Config:
    """The settings in ``path``, with each ``${NAME}`` replaced from ``environ``.

    Raises ConfigError with every problem at once. A file that does not exist means the defaults, unless it is
    ``required``.
    """
    return _parse(path, _content_of(path, required), environ)


def _content_of(path: Path, required: bool) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        if not required:
            return b""
        remedy = "create it, or name another with --config PATH"
        problem = Problem(path=path, what="does not exist", remedy=remedy)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        problem = Problem(path=path, what=what, remedy="give a file that can be read")
    raise ConfigError((problem,))


def _parse(path: Path, content: bytes, environ: Mapping[str, str]) -> Config:
    try:
        return _read_config(path, content.decode("utf-8"), environ)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        remedy = "save the file as UTF-8"
        problem = Problem(path=path, line=line, what="is not UTF-8 text here", remedy=remedy)
    raise ConfigError((problem,))


def _read_config(path: Path, text: str, environ: Mapping[str, str]) -> Config:
    source = _Source(path=path, text=text, environ=environ)
    config = _validated(_read_tree(source), source)
    _report_not_yet(source)
    if config is not None and config.timezone is None:
        _report_lost_zone(source)
    _report_drafts(source)
    if source.problems or config is None:
        raise ConfigError(tuple(sorted(source.problems, key=lambda problem: problem.line or 0)))
    return config


def _read_tree(source: _Source) -> object:
    try:
        # BaseLoader: no implicit types, so every scalar stays the text that it is.
        root = yaml.compose(source.text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.lines[()] = mark.line + 1 if mark else 1
        what = without_secrets(f"not valid YAML: {error.problem or error.context}")
        source.report((), what, "check the indentation, colons and quotes here and just above")
    except yaml.reader.ReaderError as error:
        source.lines[()] = source.text.count("\n", 0, error.position) + 1
        source.report((), f"not valid YAML: {error.reason}", "take the character out")
    except RecursionError:
        source.report((), "is nested too deeply", "settings need four levels at most")
    else:
        return _read_root(root, source)
    raise ConfigError(tuple(source.problems))


def _read_root(root: yaml.Node | None, source: _Source) -> object:
    if isinstance(root, yaml.MappingNode):
        return _read_node(root, (), source, frozenset())
    if root is not None and not (isinstance(root, yaml.ScalarNode) and _is_empty(root)):
        source.lines[()] = root.start_mark.line + 1
        source.report((), "does not begin with a key", "write keys and colons, such as 'writer: extractive'")
    return {}


def _read_node(node: yaml.Node, path: KeyPath, source: _Source, around: frozenset[int]) -> object:
    """The node as dicts, lists and texts; None if empty. ``around``: id() of what it is part of."""
    if id(node) in around:
        source.settle(path, "is an alias of what it is part of", "write it out")
        return None
    inside = around | {id(node)}
    if isinstance(node, yaml.MappingNode):
        source.written[path] = "a section"
        return _read_mapping(node, path, source, inside)
    if isinstance(node, yaml.SequenceNode):
        source.written[path] = "a list"
        return _read_list(node, path, source, inside)
    return _read_scalar(node, path, source) if isinstance(node, yaml.ScalarNode) else None


def _read_mapping(
    node: yaml.MappingNode, path: KeyPath, source: _Source, inside: frozenset[int]
) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        below = (*path, name)
        first = source.lines.get(below)
        source.lines[below] = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            source.settle(below, "is not a key", "write one word before the colon")
        if first is not None:
            source.report(below, f"is given twice, first in line {first}", "keep one of the two")
        read = _read_node(value, below, source, inside)
        if read is not None:  # a key without a value has its default
            entries[name] = read
    return entries


def _read_list(
    node: yaml.SequenceNode, path: KeyPath, source: _Source, inside: frozenset[int]
) -> list[object]:
    items: list[object] = []
    for position, item in enumerate(node.value):
        below = (*path, position)
        source.lines[below] = item.start_mark.line + 1
        items.append(_read_node(item, below, source, inside))
        if items[-1] is None and below not in source.settled:
            source.settle(below, "is empty", "take it out, or if it begins with # put it in quotes")
    return items


# A channel may be written here, and `drafts_to: #team` is, to YAML, an empty value and a comment.
_PLACES = frozenset({("drafts_to",), ("channels", "*", "drafts_to"), ("night", "digest_to")})


def _is_empty(node: yaml.ScalarNode) -> bool:
    return node.value == "" or (node.style is None and node.value in _NULL)


def _read_scalar(node: yaml.ScalarNode, path: KeyPath, source: _Source) -> str | None:
    if _is_empty(node):
        _report_comment_as_value(node, path, source)
        return None
    raw = str(node.value)
    source.written[path] = raw
    token = _TOKEN.search(raw)
    if token is not None and path[:2] != ("redact", "patterns"):
        home = _TOKEN_HOME.get(token[1], "SLACK_BOT_TOKEN")
        remedy = f"put it in the environment, such as {home}, and take it out here"
        source.settle(path, "looks like a secret", remedy, value=raw)
        return None
    source.texts[path] = _REFERENCE.sub(lambda reference: _resolved(reference, path, source), raw)
    return source.texts[path]


def _resolved(reference: re.Match[str], path: KeyPath, source: _Source) -> str:
    name = reference[1]
    value = source.environ.get(name, "")
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        source.settle(path, "is not the name of a variable", "write ${NAME}", value=reference[0])
    elif not value:
        remedy = f"set {name}, or take ${{{name}}} out"
        source.settle(path, "is not set in the environment", remedy, value=reference[0])
    return value


def _report_comment_as_value(node: yaml.Node, path: KeyPath, source: _Source) -> None:
    rest = source.text[node.start_mark.index :].partition("\n")[0]
    comment = re.match(r"\s*(#\S+)", rest)
    if comment is not None and _as_pattern(path) in _PLACES:
        source.settle(path, "is a comment to YAML", f"put it in quotes: '{comment[1]}'", value=comment[1])


def _validated(tree: object, source: _Source) -> Config | None:
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            path = _place_of(detail["loc"], source)
            if path not in source.settled:
                _report_invalid(path, detail["type"], detail.get("ctx", {}).get("error"), source)
    return None


def _place_of(location: KeyPath, source: _Source) -> KeyPath:
    """The path in the file of what pydantic calls ``location``."""
    if location[-1:] == ("[key]",):  # the key itself, not what stands under it
        path = location[:-1]
        source.written[path] = str(path[-1])
        return path
    if isinstance(location[-1], int) and location not in source.lines:  # one text where a list may be
        return location[:-1]
    return location


def _report_invalid(path: KeyPath, kind: str, cause: object, source: _Source) -> None:
    if isinstance(cause, Refused):
        source.report(path, cause.what, cause.remedy, value=source.written.get(path))
    elif kind == "extra_forbidden":
        source.report(path, "is not a known key", _nearest_key(path))
    elif kind == "missing":
        source.report(path, "is missing", f"give it, or take {key_text(path[:-1])} out")
    elif len(path) == 2 and path[0] == "channels":
        remedy = "write the channel and put this under it; because of its # a name needs quotes: '#support':"
        source.report(path, "is not the settings of a channel", remedy, value=source.written.get(path))
    else:
        listed = kind.startswith(("tuple", "list", "frozen_set"))
        shape, remedy = _LIST if listed else _SECTION
        source.report(path, f"stands where {shape} belongs", remedy, value=source.written.get(path))


_LIST = ("a list", "give items, each after a dash")
_SECTION = ("a section of keys", "give its keys, indented, one a line")


def _nearest_key(path: KeyPath) -> str:
    """Advice for a key that nobody knows: the secret's variable, a key of its section, or one elsewhere."""
    wanted = str(path[-1])
    variable = difflib.get_close_matches("_".join(map(str, path)).lower(), secret_names(), n=1, cutoff=0.85)
    if variable:
        return f"secrets come from the environment: set {variable[0].upper()}"
    around = _as_pattern(path[:-1])
    keys = tuple(known_keys())
    siblings = dict.fromkeys(key[len(around)] for key in keys if key[: len(around)] == around)
    near = difflib.get_close_matches(wanted, siblings, n=1) or [key for key in siblings if wanted in key]
    if near:
        return f"did you mean {key_text((*path[:-1], near[0]))}?"
    elsewhere = {key[-1]: key for key in reversed(keys) if "*" not in key and "[]" not in key}
    far = difflib.get_close_matches(wanted, elsewhere, n=1, cutoff=0.75)
    if far:
        return f"did you mean {key_text(elsewhere[far[0]])}?"
    return f"take it out; known here: {', '.join(siblings)}"


def _as_pattern(path: KeyPath) -> KeyPath:
    """("channels", "#a", "mode") as ("channels", "*", "mode"), and positions in lists as "[]"."""
    marked = tuple("[]" if isinstance(part, int) else part for part in path)
    return ("channels", "*", *marked[2:]) if len(marked) > 1 and marked[0] == "channels" else marked


def _report_not_yet(source: _Source) -> None:
    for path, text in source.texts.items():
        for entry in NOT_YET:
            if entry.key == _as_pattern(path) and re.fullmatch(entry.values, text, re.IGNORECASE):
                what = f"is refused because {entry.name} is not in this version yet"
                source.report(path, what, entry.remedy, value=source.written[path])


_MODES = (("defaults", "mode"), ("channels", "*", "mode"))
_DRAFTS_TO = (("drafts_to",), ("channels", "*", "drafts_to"))


def _report_drafts(source: _Source) -> None:
    """Drafts need a place to go to, and those that are shown to each analyst need analysts."""
    remedy = "set drafts_to to the channel of the analysts, such as drafts_to: '#drafts', or to ephemeral"
    for path, text in source.texts.items():
        placed = ("drafts_to",) in source.texts or (*path[:-1], "drafts_to") in source.texts
        if _as_pattern(path) in _MODES and text.casefold() == "draft" and not placed:
            source.report(path, "has nowhere to put its drafts", remedy, value=source.written[path])
        if _as_pattern(path) in _DRAFTS_TO and text == EPHEMERAL and not _lists_analysts(source):
            source.report(
                path, "shows drafts to analysts, and none are listed", "list their ids under analysts"
            )


def _lists_analysts(source: _Source) -> bool:
    return any(path[0] == "analysts" for path in source.texts)


def _report_lost_zone(source: _Source) -> None:
    try:
        tzlocal.get_localzone()
    except zoneinfo.ZoneInfoNotFoundError as error:
        what = f"is not set, and the machine's own cannot be told ({' '.join(str(error).split())})"
        source.report(("timezone",), what, "set it, such as timezone: Europe/Berlin")


# ------------------------------------------------------------------------------------- edits while running

# Connections and models are made once, at the start.
RESTART = ("slack", "lark", "store", "index", "embedder", "writer", "console")
_RECHECK_MS = 2_000  # also looks by itself: network folders and containers do not always report an edit


def changed_keys(old: Section, new: Section, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The keys (``defaults.precision``) whose values differ; ``channels`` and lists as one."""
    changed: list[str] = []
    for name in type(old).model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if isinstance(before, Section):
            changed += changed_keys(before, after, (*above, name))
        elif before != after:
            changed.append(key_text((*above, name)))
    return tuple(changed)


def take_up(old: Config, new: Config) -> tuple[Config, tuple[str, ...]]:
    """What holds after an edit without a restart: ``new``, with the old values of the keys that need one.

    The second result names those of them that were edited.
    """
    held = new.model_copy(update={name: getattr(old, name) for name in RESTART})
    return held, changed_keys(held, new)


class Edits(Protocol):
    """Who is told of edits: the keys that changed, or how many problems there were; and the file's SHA-256."""

    async def taken_up(self, keys: Sequence[str], sha256: str) -> None: ...

    async def refused(self, problems: int, sha256: str) -> None: ...


class ConfigFile:
    """A config.yaml in use. ``current`` is what holds; ``follow`` keeps it up with the file.

    Raises ConfigError if the settings cannot be used at the start.
    """

    def __init__(self, path: Path, environ: Mapping[str, str], required: bool = True) -> None:
        self.path = path
        self._environ = environ
        self._seen = _content_of(path, required)
        self._refused = 0  # problems of the edit that was read last
        self.current = _parse(path, self._seen, environ)

    async def follow(
        self, on_change: Callable[[Config], None], stop: asyncio.Event, edits: "Edits | None" = None
    ) -> None:
        """Take up edits until ``stop``; ``on_change`` gets the settings each time that they change.

        A bad edit is logged with every problem and the old settings stay. ``edits`` is told of either.
        """
        # Editors replace the file and a mounted ConfigMap swaps a link beside it: only the folders tell.
        folders = {self.path.absolute().parent, self.path.resolve().parent}
        changes = awatch(
            *folders,
            watch_filter=None,
            stop_event=stop,
            rust_timeout=_RECHECK_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async for _ in changes:
            self._refused = 0
            config = await asyncio.to_thread(self._reread)
            sha256 = hashlib.sha256(self._seen).hexdigest()
            if self._refused and edits is not None:
                await edits.refused(self._refused, sha256)
            if config is not None and config != self.current:
                keys = changed_keys(self.current, config)
                log.info("%s: taken up: %s", self.path, ", ".join(keys))
                self.current = config
                on_change(config)
                if edits is not None:
                    await edits.taken_up(keys, sha256)

    def _reread(self) -> Config | None:
        """The settings after an edit; None if there was none, or a bad one."""
        content = _content_now(self.path)
        if content == self._seen:
            return None
        self._seen = content
        if not content.strip():
            # Between an editor's truncating and its writing; it must not mean "all defaults" for that moment.
            log.warning("%s: is empty or gone; the old settings stay", self.path)
            return None
        try:
            config, held_back = take_up(self.current, _parse(self.path, content, self._environ))
        except ConfigError as error:
            log.error("%s: this edit is refused and the old settings stay:\n%s", self.path, error)
            self._refused = len(error.problems)
            return None
        if held_back:
            names = ", ".join(held_back)
            log.warning("%s: the old value stays until a restart: %s", self.path, names)
        return config


def _content_now(path: Path) -> bytes:
    """The file's content; empty if it cannot be read at this moment."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
