"""A strict Slack on loopback, for tests that run the real clients."""

from .arguments import DEFAULT_SCOPES
from .faults import (
    DropAfterEffect,
    DropBefore,
    Fault,
    Http429,
    Http500,
    Pass,
    SlackError,
    Slow,
    SlowAfterEffect,
)
from .markup import escape
from .people import Said
from .server import PATIENT_SCHEDULE, QUICK_SCHEDULE, LocalSlack
from .socket_mode import SLACKS_SCHEDULE, Ack, Delivery, RetrySchedule
from .state import Ephemeral, Identity, Kind, Message
from .web_api import Request

__all__ = [
    "DEFAULT_SCOPES",
    "PATIENT_SCHEDULE",
    "QUICK_SCHEDULE",
    "SLACKS_SCHEDULE",
    "Ack",
    "Delivery",
    "DropAfterEffect",
    "DropBefore",
    "Ephemeral",
    "Fault",
    "Http429",
    "Http500",
    "Identity",
    "Kind",
    "LocalSlack",
    "Message",
    "Pass",
    "Request",
    "RetrySchedule",
    "Said",
    "SlackError",
    "Slow",
    "SlowAfterEffect",
    "escape",
]
