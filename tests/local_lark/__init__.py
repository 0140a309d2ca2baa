"""A strict Lark on loopback, for tests that run the real long-connection client."""

from .faults import ApiError, DropAfterEffect, DropBefore, Fault, Hang, Http500, Limited, Pass
from .frames import Frame, decode, encode
from .long_connection import LARKS_SCHEDULE, Delivery, RetrySchedule
from .server import QUICK_SCHEDULE, LocalLark
from .state import Chat, Message, Request, Said

__all__ = [
    "LARKS_SCHEDULE",
    "QUICK_SCHEDULE",
    "ApiError",
    "Chat",
    "Delivery",
    "DropAfterEffect",
    "DropBefore",
    "Fault",
    "Frame",
    "Hang",
    "Http500",
    "Limited",
    "LocalLark",
    "Message",
    "Pass",
    "Request",
    "RetrySchedule",
    "Said",
    "decode",
    "encode",
]
