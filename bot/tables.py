"""The tables of the ledger, and how times are kept in them: UTC, as seconds since 1970."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    delete,
)

metadata = MetaData()


class InboxState(StrEnum):
    """States of an inbox row. `waiting` rows do not hold their conversation; `poison` rows wait for a person."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    POISON = "poison"


class Sent(StrEnum):
    """States of an outbox row. `sending` after a crash means: it may have taken effect, read back first."""

    INTENT = "intent"
    SENDING = "sending"
    DONE = "done"
    DROPPED = "dropped"


inbox = Table(
    "inbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("adapter", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("content_key", String, unique=True),
    Column("conversation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("payload", Text),
    Column("message_id", String),
    Column("error", Text),
    Index("inbox_due", "state", "due_at"),
    Index("inbox_order", "conversation", "state", "at", "id"),
)
channels = Table(
    "channels",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("kind", String, nullable=False),
    Column("external", Boolean, nullable=False),
)
people = Table(
    "people",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("asked", Integer, nullable=False, default=0),
    Column("answered", Integer, nullable=False, default=0),
    Column("mail_domain", String),
)
messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("root", String, nullable=False),
    Column("user", String, nullable=False),
    Column("role", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("link", String),
    Index("messages_conversation", "conversation", "at"),
    Index("messages_channel", "channel", "at"),
)
reactions = Table(
    "reactions",
    metadata,
    Column("message_id", String, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("user", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("at", Float),
)
tickets = Table(
    "tickets",
    metadata,
    Column("conversation", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("asker", String, nullable=False),
    Column("state", String, nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("learnt", Boolean, nullable=False, default=False),
    Column("closed_at", Float),
    Index("tickets_quiet", "state", "last_at"),
    Index("tickets_to_learn", "learnt", "state", "last_at", "conversation"),
)
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("message_id", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("action", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("weights", String, nullable=False),
    Column("considered", Text, nullable=False),
    Column("features", Text, nullable=False, server_default="{}"),
    Index("decisions_message", "message_id", "id"),
)
suggestions = Table(
    "suggestions",
    metadata,
    Column("id", String, primary_key=True),
    Column("message_id", String, nullable=False, unique=True),
    Column("channel", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("content", Text),
    Column("posted_id", String, unique=True),
    Column("posted_at", Float),
    Column("removed", Boolean, nullable=False, default=False),
    Column("removed_at", Float),
    Column(
        "version", Integer, nullable=False, server_default="0"
    ),  # the number of the revision that stands there
    Index("suggestions_removed", "removed_at"),
    Index("suggestions_posted", "posted_at"),
    Index("suggestions_channel", "channel", "at"),
    Index("suggestions_conversation", "conversation"),
)
quoted = Table(
    "quoted",
    metadata,
    Column("suggestion_id", String, ForeignKey("suggestions.id", ondelete="CASCADE"), primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("source", String, primary_key=True),
    Index("quoted_entry", "entry_id"),
    Index("quoted_source", "source"),
)
# Of an answer that is too long for one message, those after the first, which `suggestions.posted_id` names.
further_parts = Table(
    "further_parts",
    metadata,
    Column("suggestion_id", String, ForeignKey("suggestions.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("posted_id", String, nullable=False, unique=True),
)
# An answer that was begun to be said paragraph by paragraph; where it stands, once that is known.
streams = Table(
    "streams",
    metadata,
    Column("suggestion_id", String, ForeignKey("suggestions.id", ondelete="CASCADE"), primary_key=True),
    Column("begun_at", Float, nullable=False),
    Column("message_id", String),
)
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suggestion_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Column("error", Text),
    Index("outbox_once", "suggestion_id", "kind", unique=True),
    Index("outbox_due", "state", "due_at"),
)
votes = Table(
    "votes",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("user", String, primary_key=True),
    Column("helpful", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", String),
    Column("version", Integer, nullable=False, server_default="0"),  # of the answer that it was cast on
    Index("votes_at", "at"),
)
drafts = Table(
    "drafts",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("conversation", String, nullable=False),
    Column("channel", String),
    Column("message_id", String, unique=True),
    Column("state", String, nullable=False),
    Column("status", Text),
    Column("opened_at", Float, nullable=False),
    Column("settled_at", Float),
    Index("drafts_conversation", "conversation", "state"),
    Index("drafts_state", "state"),
)
whispers = Table(
    "whispers",
    metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("reply_to", String),
    Column("user", String, nullable=False),
    Column("about", String, nullable=False),
    Column("suggestion_id", String),
    Column("text", Text),
    Column("respond_to", Text),
    Column("replace", Boolean, nullable=False),
    Column("at", Float, nullable=False),
)
corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suggestion_id", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("user", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("state", String, nullable=False),
    Index("corrections_state", "state"),
)


# What a thread showed of an answer, said or not, once it was closed; see feedback.Outcome.
outcomes = Table(
    "outcomes",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("at", Float, nullable=False),
    Index("outcomes_channel", "channel", "at"),
)
# A channel's own scale: counted anew from the live verdicts whenever one comes or goes.
calibrations = Table(
    "calibrations",
    metadata,
    Column("channel", String, primary_key=True),
    Column("weights", String, nullable=False),
    Column("moves", Text, nullable=False),
    Column("thumbs", Float, nullable=False),
    Column("verdicts", Float, nullable=False),
    Column("at", Float, nullable=False),
)


erased = Table(
    "erased",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("conversation", String),  # where it stood, so that what follows below it stays there
    Column("aged", Boolean),  # it was older than retention.days
)
mutes = Table(
    "mutes",
    metadata,
    Column("target", String, primary_key=True),  # a conversation or a channel
    Column("source", String, primary_key=True),  # a word, a mention, or one person's reaction on one message
    Column("by", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("mutes", Boolean, nullable=False),  # false: a mention that lifts the channel's mute here
)
first_answers = Table(
    "first_answers",
    metadata,
    Column("conversation", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("delay", Float, nullable=False),  # seconds from the question to another person's first word
    Index("first_answers_channel", "channel", "at"),
)
group_members = Table(
    "group_members",
    metadata,
    Column("group", String, primary_key=True),  # as config.yaml names it: @support-team, S0123ABC
    Column("user", String, primary_key=True),
    Index("group_members_user", "user"),
)


# Each night once, by its date in the configured zone. `report` holds numbers and ids, never what somebody said.
nights = Table(
    "nights",
    metadata,
    Column("date", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("related", Integer, nullable=False),  # up to which of its changes new entries were compared
    Column("tokens", Integer, nullable=False),  # that a model took for it
    Column("before", Text),  # what past questions were answered with before: ids, while it runs
    Column("owner", String, nullable=False),
    Column("begun_at", Float, nullable=False),
    Column("beat_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("report", Text),
)
# What a night did, in order: references and states, so that it can be taken back without keeping copies.
night_changes = Table(
    "night_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("night", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),  # an entry; a message (outcome); a channel (threshold)
    Column("other", String),
    Column("before", String),
    Column("after", String),
    Column("why", Text, nullable=False),
    Column("doubts", Text, nullable=False, server_default="[]"),
    Column("state", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("night_changes_night", "night", "id"),
    Index("night_changes_subject", "subject"),
)

# Who does not want to be learnt from: heard for context, never mined.
optouts = Table(
    "optouts",
    metadata,
    Column("user", String, primary_key=True),
    Column("at", Float, nullable=False),
)


# A channel that is no longer as it was: its replies are drafts until it is again.
drifts = Table(
    "drifts",
    metadata,
    Column("channel", String, primary_key=True),
    Column("since", Float, nullable=False),
    Column("night", String, nullable=False),  # the date on which it was noticed
    Column("why", Text, nullable=False),
    Column("settings", String, nullable=False),  # mode and precision then; set anew, they hold
    Column("calm", Integer, nullable=False),  # nights in a row in which it was as before
    Column("checked", String, nullable=False),  # the date of the last look
    Column("lifted_at", Float),
)
# What closed threads linked to: a domain is known once another person gave it in another thread. Then nobody is named.
link_domains = Table(
    "link_domains",
    metadata,
    Column("domain", String, primary_key=True),
    Column("known", Boolean, nullable=False, default=False),
    Column("conversation", String),
    Column("user", String),
    Index("link_domains_known", "known"),
    Index("link_domains_user", "user"),
    Index("link_domains_conversation", "conversation"),
)
# Who solved what in which thread, as a sketch (knowledge/sketch.py): enough to see somebody repeat himself, no text.
told_solutions = Table(
    "told_solutions",
    metadata,
    Column("conversation", String, primary_key=True),
    Column("user", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("sketch", Text, nullable=False),
    Index("told_solutions_user", "user", "at"),
)


# Reports that are shown in a place of their own. What they say is looked up when they are shown; `content` holds
# numbers and ids.
cards = Table(
    "cards",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),  # a night; a week
    Column("place", String, nullable=False),  # as config.yaml names it
    Column("channel", String),  # the whole id of the place, once the platform told it
    Column("message_id", String),
    Column("content", Text),
    Column("at", Float, nullable=False),
    Index("cards_subject", "kind", "subject"),
)
# What people decided about a night, each thing once.
presses = Table(
    "presses",
    metadata,
    Column("night", String, primary_key=True),
    Column("about", String, primary_key=True),
    Column("verb", String, nullable=False),
    Column("subjects", Text, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("done", Boolean, nullable=False),
)
# Who kept what by hand.
saved = Table(
    "saved",
    metadata,
    Column("entry_id", String, primary_key=True),
    Column("message_id", String, nullable=False),
    Column("by", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("saved_message", "message_id"),
)
# The workspaces that were heard of; the first is the home of the store.
workspaces = Table(
    "workspaces",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
)
# A Message Batch of threads to distil. Without `batch_id` it was about to be created. `threads` are ids, as JSON.
distil_batches = Table(
    "distil_batches",
    metadata,
    Column("key", String, primary_key=True),
    Column("batch_id", String, unique=True),
    Column("night", String, nullable=False),
    Column("threads", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("distil_batches_state", "state", "at"),
)
# What was decided, done and learnt; see bot/audit.py. `nonce` is there as long as the names before it are as written.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String),
    Column("actor", String),
    Column("channel", String),
    Column("detail", Text, nullable=False),
    Column("nonce", LargeBinary),
    Column("seal", LargeBinary, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Index("audit_at", "at"),
    Index("audit_subject", "subject"),
    sqlite_autoincrement=True,  # a number that was taken is never given again
)
# Append-only, except that a name may become an id that leads nowhere: that takes the nonce away, and so shows.
AUDIT_GUARDS = {
    "audit_keeps_rows": """BEFORE DELETE ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only: no row is deleted'); END""",
    "audit_keeps_facts": """BEFORE UPDATE OF id, at, kind, detail, seal, chain ON audit BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only: no row is changed'); END""",
    "audit_keeps_names": """BEFORE UPDATE OF subject, actor, channel ON audit
        WHEN NOT ((NEW.subject IS OLD.subject OR ifnull(NEW.subject, '') LIKE '%forgotten:%')
            AND (NEW.actor IS OLD.actor OR ifnull(NEW.actor, '') LIKE '%forgotten:%')
            AND (NEW.channel IS OLD.channel OR ifnull(NEW.channel, '') LIKE '%forgotten:%')) BEGIN
        SELECT RAISE(ABORT, 'the audit log is append-only: names are only ever unlinked'); END""",
    "audit_unlinks": """AFTER UPDATE OF subject, actor, channel ON audit WHEN NEW.nonce IS NOT NULL BEGIN
        UPDATE audit SET nonce = NULL WHERE id = NEW.id; END""",
}

# What was spent on a language model: tokens, and millionths of a US dollar. `channel` "" is of no one channel. What a
# call may cost at most is added before it and put right after it, so a crash leaves too much here, never too little.
spending = Table(
    "spending",
    metadata,
    Column("day", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("tokens", Integer, nullable=False),
    Column("usd_micro", Integer, nullable=False),
)

# What was said to people who spoke to us. A cited answer in a thread is a suggestion of the same id.
answers = Table(
    "answers",
    metadata,
    Column("id", String, primary_key=True),
    Column("message_id", String, unique=True),  # none: asked by the command or a shortcut
    Column("user", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("conversation", String),
    Column("reply_to", String),
    Column("kind", String, nullable=False),
    Column("alone", Boolean, nullable=False),
    Column("content", Text),
    Column("posted_id", String, unique=True),
    Column("asked_at", Float, nullable=False),
    Column("at", Float, nullable=False),
    Index("answers_user", "user", "at"),
    Index("answers_conversation", "conversation", "at"),
)
# The messages that an answer quotes and the entries that it names: when one goes, so does the answer.
answer_sources = Table(
    "answer_sources",
    metadata,
    Column("answer_id", String, ForeignKey("answers.id", ondelete="CASCADE"), primary_key=True),
    Column("source", String, primary_key=True),
    Index("answer_sources_source", "source"),
)

# What becomes of an answer where it stands: the last change of it, on its way (then with what it is to say) or done.
revisions = Table(
    "revisions",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("why", String, nullable=False),
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False),
    Column("content", Text),
    Column("at", Float, nullable=False),
)
# Which entries an answer cited before it was changed, and the votes that were cast on it then, where the same person
# voted again: trust goes to what was cited when somebody voted.
quoted_before = Table(
    "quoted_before",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("entry_id", String, primary_key=True),
    Index("quoted_before_entry", "entry_id"),
)
past_votes = Table(
    "past_votes",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("user", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("helpful", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", String),
)
# A source in which what we quoted of it does not stand any more.
doubted = Table(
    "doubted",
    metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("source", String, primary_key=True),
)
# Whether a channel is within reach, as far as the platform told; see bot/presence.py.
presences = Table(
    "presences",
    metadata,
    Column("channel", String, primary_key=True),
    Column("inside", Boolean, nullable=False),
    Column("member_at", Float),
    Column("standing", String, nullable=False),
    Column("standing_at", Float),
)
# Another whole id of a channel (or its own again), and since when it goes by that.
channel_ids = Table(
    "channel_ids",
    metadata,
    Column("alias", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("at", Float, nullable=False),
    Index("channel_ids_channel", "channel"),
)
# What channels were called before, without #.
channel_names = Table(
    "channel_names",
    metadata,
    Column("name", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Index("channel_names_channel", "channel"),
)
# Where the app is installed by OAuth: `id` is slack:T… of a workspace, or slack:E… of a whole organisation. The tokens
# are the keys to what people say there; they stand nowhere else.
slack_installations = Table(
    "slack_installations",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("user", String, nullable=False),
    Column("bot", String),
    Column("url", String, nullable=False),
    Column("scopes", String, nullable=False),
    Column("token", String, nullable=False),
    Column("refresh_token", String),
    Column("expires_at", Float),
    Column("installed_at", Float, nullable=False),
    Column("trouble", String),
    Column("tried_at", Float),
)
# The workspaces of an organisation that were heard of.
slack_teams = Table(
    "slack_teams",
    metadata,
    Column("team", String, primary_key=True),
    Column("installation", String, nullable=False),
)
# What browsers were sent to Slack with to install the app; each is good once, for ten minutes.
slack_states = Table(
    "slack_states",
    metadata,
    Column("state", String, primary_key=True),
    Column("issued_at", Float, nullable=False),
)


# How far the history of a channel was read, for what. `threads`: roots whose threads are left, as JSON.
readings = Table(
    "readings",
    metadata,
    Column("channel", String, primary_key=True),
    Column("purpose", String, primary_key=True),
    Column("since", Float, nullable=False),
    Column("cursor", String),
    Column("threads", Text),
    Column("thorough", Boolean, nullable=False),
    Column("begun_at", Float, nullable=False),
    Column("done_at", Float),
)


def seconds(at: datetime) -> float:
    return at.timestamp()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def guard_audit(connection: Connection) -> None:
    """Have the store itself refuse to change or delete a row of the audit."""
    for name, does in AUDIT_GUARDS.items():
        connection.exec_driver_sql(f"CREATE TRIGGER IF NOT EXISTS {name} {does}")


# What a scratch copy keeps of its store: who people are is knowledge of today, not a conversation.
_KEPT = frozenset({group_members.name, optouts.name})


def clear(connection: Connection) -> None:
    """Forget everything that happened (for a scratch copy)."""
    for name in AUDIT_GUARDS:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
    for table in reversed(metadata.sorted_tables):
        if table.name not in _KEPT:
            connection.execute(delete(table))
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'audit'")  # numbered from 1 again
    guard_audit(connection)
