"""`earshot demo`: an invented support channel plays in the terminal, then whoever sits there may join in."""

import asyncio
import tempfile
from collections import Counter
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
from sqlalchemy import Connection, Row

from bot import ledger
from bot.adapters import room
from bot.adapters.acts import Post, Say, Whisper
from bot.adapters.slack_wire import provenance
from bot.app import App, assemble, open_database
from bot.card import lines_in
from bot.clock import RecordedClock
from bot.config import Config
from bot.learning import Learnt, learn_path
from bot.replay import advance, arrivals
from bot.scorer import Action
from knowledge.embed import Embedder
from knowledge.recordings import Recording, read_recording
from knowledge.search import Knowledge
from knowledge.thread import Message, Reaction, Role

SHOWN = 400  # characters of a message; who wants the rest opens the file
_COLOURS = {Role.ANALYST: "cyan", Role.BOT: "magenta", Role.CUSTOMER: "yellow", Role.UNKNOWN: "yellow"}

HELP = """\
Write a line to ask as a customer. Other things to type:
  /analyst TEXT   answer in the last conversation as an analyst     /reply TEXT   go on in it as the customer
  /up   /down     thumb Earshot's last answer                       /why          why it spoke, or kept silent
  /help           this                                              /quit         leave"""


class Demo:
    """A practice room on a store that is thrown away."""

    def __init__(self, config: Config, embedder: Embedder, console: Console) -> None:
        self._config = config
        self._embedder = embedder
        self._console = console
        self._seen = 0
        self._spoken: list[Post] = []
        self._silent: Counter[str] = Counter()
        self._heard: dict[str, Message] = {}

    async def play(self, *, once: bool) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="earshot-demo-") as folder,
            as_file(files("bot.practice")) as content,
        ):
            database = open_database(f"sqlite:///{Path(folder) / 'demo.db'}", durable=False)
            knowledge = Knowledge(database, self._embedder, None)
            await knowledge.open(None)
            today = read_recording(content / "today.jsonl")
            self._console.print(f"[dim]{await self._study(knowledge, content)}[/dim]\n")
            clock = RecordedClock(today.messages[0].at)
            channels = {info.id: room.channel(info.id, name=info.name) for info in today.channels.values()}
            adapter = room.RoomAdapter(channels, self._on_post, on_say=self._on_say)
            app = assemble(
                lambda: self._config, database, knowledge, [adapter], clock=clock, settle=timedelta()
            )
            await self._play_day(app, clock, today)
            self._summary(today)
            if not once:
                await Visit(self, app, clock, today.messages[-1].channel, self._console).talk()
            await knowledge.close()
            database.close()

    async def _study(self, knowledge: Knowledge, content: Path) -> str:
        learnt = Learnt()
        for path in (content / "docs", content / "past.jsonl"):
            close_after = self._config.tickets.close_after
            learnt += await learn_path(knowledge, path, "workspace", close_after, lambda *_: None, content)
        return (
            f"Before the day begins Earshot has read {learnt.files} documents and {learnt.threads} closed threads: "
            f"{learnt.added} entries. No key, no account, nothing leaves this machine."
        )

    async def _play_day(self, app: App, clock: RecordedClock, today: Recording) -> None:
        for arrival in arrivals(today.messages):
            await advance(app, clock, arrival.at)
            await self._show_decisions(app)
            if "message" in arrival.payload:
                self._show_message(
                    next(m for m in today.messages if m.id == arrival.payload["message"]["id"])
                )
            await app.accept(arrival)
            await app.drain()
            await self._show_decisions(app)
        await advance(app, clock, clock.now() + timedelta(minutes=30))
        await self._show_decisions(app)

    def _show_message(self, message: Message) -> None:
        self._heard[message.id] = message
        text = message.text if len(message.text) <= SHOWN else message.text[:SHOWN] + " …"
        who = f"[bold {_COLOURS[message.role]}]{escape(message.user)}[/] [dim]({message.role})[/dim]"
        said = Text.from_markup(f"[dim]{message.at:%H:%M}[/dim]  {who}  {escape(text)}")
        self._show(said, message)

    async def _show_decisions(self, app: App) -> None:
        for row in await app.bot.database.run(self._new_decisions):
            message = self._heard[row.message_id]
            late = (
                "" if message is list(self._heard.values())[-1] else f" on {message.user} {message.at:%H:%M}"
            )
            if row.action == Action.SILENT:
                name, text = ledger.first_reason(row)
                self._silent[name] += 1
                self._show(Text(f"       · silent{late}: {name}: {text}", style="dim"), message)
            elif row.action == Action.WAIT:
                self._show(Text("       · could help; people get a moment first", style="dim"), message)

    def _show(self, text: Text, message: Message) -> None:
        """One line of the channel; replies stand to the right of what they reply to."""
        reply = message.thread not in ("", message.id)
        self._console.print(Padding(text, (0, 0, 0, 4 if reply else 0)))

    def _new_decisions(self, connection: Connection) -> list[Row[Any]]:
        rows = ledger.decisions_after(connection, self._seen)
        self._seen = rows[-1].id if rows else self._seen
        return rows

    def _on_post(self, post: Post) -> None:
        self._spoken.append(post)
        body = Text(post.suggestion.text)
        for citation in post.suggestion.citations:
            body.append(
                f"\n[{citation.number}] {citation.title} · {provenance(citation, post.now)}", style="dim"
            )
        asker = self._heard[post.reply_to].user
        whose = "your" if asker == "you" else f"{asker}'s"
        title = f"[bold green]Earshot[/] in {whose} thread, {post.now:%H:%M}"
        self._console.print(
            Panel(body, title=title, title_align="left", border_style="green", padding=(0, 1))
        )

    def _on_say(self, said: Say | Whisper) -> None:
        """What is said in words of its own: in a thread, or to one person alone."""
        told = said.text.split("\n") if said.card is None else lines_in(said.card)
        if isinstance(said, Whisper) and said.suggestion is not None:
            told = [*told, said.suggestion.text]
        whom = f" to {escape(said.user)} alone" if isinstance(said, Whisper) else ""
        title = f"[bold green]Earshot[/]{whom}, {said.now:%H:%M}"
        body = Text("\n".join(line for line in told if line))
        self._console.print(
            Panel(body, title=title, title_align="left", border_style="green", padding=(0, 1))
        )

    def _summary(self, today: Recording) -> None:
        reasons = ", ".join(f"{name} {count}" for name, count in self._silent.most_common())
        self._console.print(
            f"\n[bold]The day:[/bold] {len(today.messages)} messages heard, {len(self._spoken)} answered with sources. "
            f"Silent: {reasons}.",
            highlight=False,
        )

    # ---- for a visitor

    @property
    def last_post(self) -> Post | None:
        return self._spoken[-1] if self._spoken else None

    async def hear(self, app: App, clock: RecordedClock, message: Message) -> None:
        """A visitor's message: the people's time to answer passes at once."""
        clock.move_to(message.at)
        self._heard[message.id] = message
        await app.accept(room.said(message))
        await app.drain()
        await self._show_decisions(app)
        await advance(app, clock, clock.now() + timedelta(minutes=3))
        await self._show_decisions(app)


class Visit:
    """A person at the prompt, as customer or analyst."""

    def __init__(self, demo: Demo, app: App, clock: RecordedClock, channel: str, console: Console) -> None:
        self._demo = demo
        self._app = app
        self._clock = clock
        self._channel = channel
        self._console = console
        self._count = 0
        self._thread = ""
        self._last = ""

    async def talk(self) -> None:
        self._console.print(f"\n{HELP}", highlight=False)
        while (line := await self._read()) not in (None, "/quit"):
            if line:
                await self._do(str(line))

    async def _read(self) -> str | None:
        try:
            return (await asyncio.to_thread(self._console.input, "\n[bold]you>[/] ")).strip()
        except (EOFError, KeyboardInterrupt):
            return None

    async def _do(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        match command:
            case "/help":
                self._console.print(HELP, highlight=False)
            case "/up" | "/down":
                await self._vote("+1" if command == "/up" else "-1")
            case "/why":
                await self._why()
            case "/analyst" | "/reply" if rest:
                await self._say(rest, Role.ANALYST if command == "/analyst" else Role.CUSTOMER, self._thread)
            case _ if line.startswith("/"):
                self._console.print(
                    f"{command} is not known, or needs a text; /help lists what is", highlight=False
                )
            case _:
                await self._say(line, Role.CUSTOMER, "")

    async def _say(self, text: str, role: Role, thread: str) -> None:
        self._count += 1
        message_id = f"you-{self._count}"
        self._thread = thread or message_id
        self._last = message_id
        at = self._clock.now() + timedelta(minutes=1)
        user = "you" if role is Role.CUSTOMER else "an analyst"
        message = Message(
            id=message_id, channel=self._channel, thread=self._thread, user=user, at=at, text=text, role=role
        )
        await self._demo.hear(self._app, self._clock, message)

    async def _vote(self, name: str) -> None:
        post = self._demo.last_post
        if post is None:
            self._console.print("Earshot has not answered anything yet.")
            return
        at = self._clock.now() + timedelta(seconds=5)
        self._clock.move_to(at)
        await self._app.accept(
            room.reacted(room.post_id(post.id), Reaction(name=name, user="you", at=at), at)
        )
        await self._app.drain()
        for entry in sorted({citation.entry for citation in post.suggestion.citations}):
            trust = await self._app.bot.knowledge.trust_in(entry)
            if trust is not None:
                self._console.print(f"[dim]trust in {entry} is now {trust.mean:.2f}[/dim]", highlight=False)

    async def _why(self) -> None:
        last = self._last
        row = await self._app.bot.database.run(lambda connection: ledger.last_decision(connection, last))
        if row is None:
            self._console.print("Nothing was said yet.")
            return
        self._console.print(
            f"{row.action}, score {row.score:.2f}, threshold {row.threshold:.2f}", highlight=False
        )
        for text in ledger.reason_lines(row):
            self._console.print(f"  {text}", highlight=False, markup=False)
