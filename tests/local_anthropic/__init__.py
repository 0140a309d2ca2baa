"""A strict Claude API on loopback, for tests that run the real client."""

from .faults import Body, Cut, CutAfterEffect, CutInside, Fault, Http, Pass, Stall
from .replies import Errs, Expires, Garbles, Reply, Says, SaysNothing, Stops
from .server import LocalAnthropic, Request

__all__ = [
    "Body",
    "Cut",
    "CutAfterEffect",
    "CutInside",
    "Errs",
    "Expires",
    "Fault",
    "Garbles",
    "Http",
    "LocalAnthropic",
    "Pass",
    "Reply",
    "Request",
    "Says",
    "SaysNothing",
    "Stall",
    "Stops",
]
