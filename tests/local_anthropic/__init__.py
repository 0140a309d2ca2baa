"""A strict Claude API on loopback, for tests that run the real client."""

from .citing import Cites, Finds, Piece, Place
from .faults import Body, Cut, CutAfterEffect, CutInside, Fault, Http, Pass, Stall
from .replies import Errs, Expires, Garbles, Reply, Says, SaysNothing, Stops
from .server import LocalAnthropic, Request

__all__ = [
    "Body",
    "Cites",
    "Cut",
    "CutAfterEffect",
    "CutInside",
    "Errs",
    "Expires",
    "Fault",
    "Finds",
    "Garbles",
    "Http",
    "LocalAnthropic",
    "Pass",
    "Piece",
    "Place",
    "Reply",
    "Request",
    "Says",
    "SaysNothing",
    "Stall",
    "Stops",
]
