"""docs/ stays short enough to be read: what people write there has a bound; what programs write is left out."""

from __future__ import annotations

from tools.pages import ROOT, pages
from tools.prose import words

MOST_WORDS = 24_000
"""Of both languages, tables included: some three hours of reading. Take something out before you add."""


def test_the_documents_have_at_most_so_many_words() -> None:
    counts = {
        str(page.relative_to(ROOT)): words(page.read_text(encoding="utf-8"))
        for page in pages()
        if page.is_relative_to(ROOT / "docs")
    }
    longest = sorted(counts, key=lambda name: -counts[name])[:5]
    assert sum(counts.values()) <= MOST_WORDS, {name: counts[name] for name in longest}
