"""placeholder until the importer lands"""
from collections.abc import Iterator
from pathlib import Path
from knowledge.entry import KnowledgeEntry
class SourceError(Exception): ...
def entries_from(path: Path, audience: str, root: Path) -> list[KnowledgeEntry]: raise SourceError(str(path))
def walk(path: Path) -> Iterator[Path]: return iter([path])
