"""Text as people see it: without the characters that nobody sees, or that change the order of the others. Pure.

Such characters carry orders past a reader (tags and variation selectors can spell whole sentences), split words that
would be recognised, and turn the order around in which a line is shown.
"""

import re

# Controls but tab and line ends, formats, fillers, tags, selectors of variants that no emoji has, half characters.
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff]"
)
# Joiners belong into emoji and into scripts that need them, and nowhere else.
_NEEDS_JOINERS = "\u0590-\u109f\u1780-\u17b3\u17b6-\u1fff\u2190-\u2bff\ufe0e\ufe0f\U0001f000-\U0001faff"
_JOINER = re.compile(f"(?<![{_NEEDS_JOINERS}])[\u200c\u200d]|[\u200c\u200d](?![{_NEEDS_JOINERS}])")
_SELECTORS = re.compile("(?<=[\ufe0e\ufe0f])[\ufe0e\ufe0f]+")


def visible(text: str) -> str:
    """``text`` without what nobody sees. Nothing else changes, and visible text stays as it is."""
    return _SELECTORS.sub("", _JOINER.sub("", _UNSEEN.sub("", text)))


def on_one_line(text: str) -> str:
    """Visible text without line ends, as a name or a title is."""
    return " ".join(visible(text).split())
