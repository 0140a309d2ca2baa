"""What the calls of a model came to: it takes the place of the audit log while a benchmark runs."""

from collections import Counter

from knowledge.model_calls import ModelCall


class Usage:
    """Counts calls; none were made until one is told."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.usd = 0.0

    async def called(self, call: ModelCall) -> None:
        """Count a call that ended."""
        self.outcomes[call.outcome] += 1
        self.tokens["in"] += call.input_tokens
        self.tokens["out"] += call.output_tokens
        self.tokens["read from the cache"] += call.cache_read_tokens
        self.tokens["written to the cache"] += call.cache_write_tokens
        self.usd += call.usd

    def table(self) -> str:
        """Requests, tokens, price and how the calls ended."""
        head = "| requests | tokens in | out | cache reads | cache writes | US dollars | ended |"
        kinds = ("in", "out", "read from the cache", "written to the cache")
        counts = " | ".join(str(self.tokens[kind]) for kind in kinds)
        row = f"| {self.outcomes.total()} | {counts} | {self.usd:.4f} | {dict(self.outcomes)} |"
        return f"\n{head}\n|---|---|---|---|---|---|---|\n{row}"
