"""What every table holds of people and of what they said, and so how it is forgotten.

Each column that can hold text is named once or more; a test fails for a table or column that is not, so that nothing
new is kept without saying how it goes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Columns = tuple[str, ...]

JSON = frozenset({"payload", "reasons", "content", "doubts", "report"})  # columns whose words stand in JSON
PARTLY = frozenset({"source", "channel", "subject"})  # columns of which only some are, or hold, a person's id


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Columns by what they hold.

    ``his``, ``naming``, ``of_message``, ``of_conversation``, ``of_suggestion``, ``of_channel``: the row goes with the
    person whose id it is, with the person whose id is a part of it, with the message, with any message of the
    conversation, with the channel's suggestion, with the channel. ``unlinked``: the row stays, an id of his in it
    becomes one that leads nowhere (in ``audit`` a channel's too). ``told``: words (or JSON with words) in which he may
    be named, which is masked. ``payload``: deliveries as they came. ``unlearnt``: goes as ``knowledge.unlearn`` says.
    ``along``: stays or goes with its row, because it holds no words of anybody and no person's id.
    """

    his: Columns = ()
    naming: Columns = ()
    of_message: Columns = ()
    of_conversation: Columns = ()
    of_suggestion: Columns = ()
    of_channel: Columns = ()
    unlinked: Columns = ()
    told: Columns = ()
    payload: Columns = ()
    unlearnt: Columns = ()
    along: Columns = ()

    @property
    def persons(self) -> Columns:
        """The columns that are a person's id."""
        return (*self.his, *(name for name in self.unlinked if name not in PARTLY))

    @property
    def columns(self) -> frozenset[str]:
        """Every column that is named."""
        gone = (*self.his, *self.naming, *self.of_message, *self.of_conversation, *self.of_suggestion)
        stay = (*self.of_channel, *self.unlinked, *self.told, *self.payload, *self.unlearnt, *self.along)
        return frozenset((*gone, *stay))


# Rows that point at others stand before them, so that they are counted and not taken along by the database.
HELD: Mapping[str, Held] = {
    "inbox": Held(
        naming=("key", "content_key"),
        of_message=("message_id",),
        told=("error",),
        payload=("payload",),
        along=("adapter", "conversation", "state"),
    ),
    "reactions": Held(his=("user",), of_message=("message_id",), along=("name",)),
    "decisions": Held(
        of_message=("message_id",), told=("reasons",), along=("action", "weights", "considered", "features")
    ),
    "outcomes": Held(of_message=("message_id",), of_channel=("channel",), along=("outcome",)),
    "messages": Held(
        his=("user",),
        of_message=("id",),
        of_channel=("channel",),
        told=("text",),
        along=("conversation", "root", "role", "link"),
    ),
    "quoted": Held(of_message=("source",), of_suggestion=("suggestion_id",), along=("entry_id",)),
    "further_parts": Held(of_suggestion=("suggestion_id",), along=("posted_id",)),
    "streams": Held(of_suggestion=("suggestion_id",), along=("message_id",)),
    "votes": Held(his=("user",), of_suggestion=("suggestion_id",), along=("source", "reason")),
    "corrections": Held(
        his=("user",), of_suggestion=("suggestion_id",), told=("text",), along=("message_id", "state")
    ),
    "drafts": Held(
        of_suggestion=("suggestion_id",),
        unlinked=("channel",),  # a draft may have gone to one person
        told=("status",),
        along=("conversation", "message_id", "state"),
    ),
    "outbox": Held(
        naming=("suggestion_id", "channel"),  # a whisper is called after whom it is for
        of_suggestion=("suggestion_id",),
        told=("error",),
        along=("kind", "state"),
    ),
    "whispers": Held(
        his=("user",),
        naming=("id",),
        of_channel=("channel",),
        told=("text",),
        along=("reply_to", "about", "suggestion_id", "respond_to"),
    ),
    "past_votes": Held(his=("user",), of_suggestion=("suggestion_id",), along=("source", "reason")),
    "quoted_before": Held(of_suggestion=("suggestion_id",), along=("entry_id",)),
    "doubted": Held(of_message=("source",), of_suggestion=("suggestion_id",)),
    "revisions": Held(of_suggestion=("suggestion_id",), told=("note", "content"), along=("why", "state")),
    "answer_sources": Held(of_message=("source",), along=("answer_id",)),
    "answers": Held(
        of_channel=("channel",),
        unlinked=("user",),
        told=("content",),
        along=("id", "message_id", "conversation", "reply_to", "kind", "posted_id"),
    ),
    "suggestions": Held(
        of_channel=("channel",),
        told=("content",),
        along=("id", "message_id", "conversation", "posted_id"),
    ),
    "tickets": Held(of_channel=("channel",), unlinked=("asker",), along=("conversation", "state")),
    "mutes": Held(of_channel=("target",), unlinked=("by", "source")),
    "first_answers": Held(of_channel=("channel",), along=("conversation",)),
    "calibrations": Held(of_channel=("channel",), along=("weights", "moves")),
    "group_members": Held(his=("user",), along=("group",)),
    "optouts": Held(his=("user",)),
    "people": Held(his=("id",), along=("name", "mail_domain")),
    "channels": Held(of_channel=("id",), told=("name",), along=("kind",)),
    "presences": Held(of_channel=("channel",), along=("standing",)),
    "channel_names": Held(of_channel=("channel",), told=("name",)),
    # Ids of channels, as in `erased`. Without them what is still to be taken back there would not be found.
    "channel_ids": Held(along=("alias", "channel")),
    # What is not to be taken in again: ids of messages, which name a place and a time.
    "erased": Held(along=("message_id", "conversation")),
    "nights": Held(told=("report", "before"), along=("date", "state", "owner")),
    "night_changes": Held(
        told=("why", "doubts"),
        along=("night", "kind", "subject", "other", "before", "after", "state"),
    ),
    "cards": Held(
        naming=("id", "place"),  # a report may have gone to one person
        of_channel=("channel",),
        told=("content",),
        along=("kind", "subject", "message_id"),
    ),
    "presses": Held(unlinked=("by",), along=("night", "about", "verb", "subjects")),
    "saved": Held(of_message=("message_id",), unlinked=("by",), along=("entry_id",)),
    "workspaces": Held(along=("id",)),
    "drifts": Held(of_channel=("channel",), told=("why",), along=("night", "settings", "checked")),
    "link_domains": Held(his=("user",), of_conversation=("conversation",), along=("domain",)),
    "told_solutions": Held(his=("user",), of_conversation=("conversation",), along=("sketch",)),
    # A thread of which something is forgotten is taken out by `batches.forget_threads`: its results are dropped.
    "distil_batches": Held(along=("key", "batch_id", "night", "threads", "state")),
    # Its rows stay for good; a number, an entry's id and a hash say nothing of anybody.
    "audit": Held(
        unlinked=("subject", "actor", "channel"), along=("kind", "detail", "nonce", "seal", "chain")
    ),
    "readings": Held(of_channel=("channel",), along=("purpose", "cursor", "threads")),
    "spending": Held(of_channel=("channel",), along=("day",)),
    # Of the app and its tokens, of nobody else: they go when it is taken out of the workspace.
    "slack_installations": Held(
        along=("id", "name", "user", "bot", "url", "scopes", "token", "refresh_token", "trouble")
    ),
    "slack_teams": Held(along=("team", "installation")),
    "slack_states": Held(along=("state",)),
    "entries": Held(unlearnt=("id", "title"), along=("kind", "origin", "audience", "state", "successor")),
    "passages": Held(unlearnt=("entry_id", "text", "source", "author", "link"), along=("kind", "role")),
    "views": Held(unlearnt=("text_hash",), along=("scheme",)),
    "vectors": Held(unlearnt=("text_hash", "vector"), along=("fingerprint",)),
    "changes": Held(along=("entry_id",)),
    "migrations": Held(along=("name", "applied_at")),
}


class Aged(StrEnum):
    """What becomes of the words in a column once the messages they come from are older than ``retention.days``."""

    GOES = "its row goes with the message"
    EMPTIED = "is emptied once it is as old itself, and its conversation is gone"
    NAMES_STAY = "keeps the names of the reasons, loses their texts"
    KNOWLEDGE = "is knowledge, or how it was come by, and stays"
    OURS = "are words of ours, names or numbers, and stay"


# Every column that holds words (`told`, `payload`, `unlearnt`) says so here; a test fails for one that does not, and
# another looks for the words afterwards.
AGED: Mapping[str, Mapping[str, Aged]] = {
    "inbox": {"payload": Aged.EMPTIED, "error": Aged.EMPTIED},
    "messages": {"text": Aged.GOES},
    "decisions": {"reasons": Aged.NAMES_STAY},
    "suggestions": {"content": Aged.EMPTIED},
    "answers": {"content": Aged.EMPTIED},
    "revisions": {"note": Aged.EMPTIED, "content": Aged.EMPTIED},
    "corrections": {"text": Aged.EMPTIED},
    "whispers": {"text": Aged.EMPTIED},
    "outbox": {"error": Aged.EMPTIED},
    "drafts": {"status": Aged.OURS},
    "channels": {"name": Aged.OURS},
    "channel_names": {"name": Aged.OURS},
    "nights": {"report": Aged.OURS, "before": Aged.OURS},
    "night_changes": {"why": Aged.OURS, "doubts": Aged.OURS},
    "cards": {"content": Aged.OURS},
    "drifts": {"why": Aged.OURS},
    "entries": {"id": Aged.KNOWLEDGE, "title": Aged.KNOWLEDGE},
    "passages": dict.fromkeys(("entry_id", "text", "source", "author", "link"), Aged.KNOWLEDGE),
    "views": {"text_hash": Aged.KNOWLEDGE},
    "vectors": {"text_hash": Aged.KNOWLEDGE, "vector": Aged.KNOWLEDGE},
}
