"""What makes the pages quick to write changes nothing that they say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nagbook import speed
from sphinx.search.zh import SearchChinese


def test_a_page_is_read_once_and_all_else_is_the_environments_own():
    read = []

    def get_doctree(name: str) -> str:
        read.append(name)
        return f"page {name}"

    env: Any = SimpleNamespace(get_doctree=get_doctree, titles={"a": "A"})
    kept = speed.KeptPages(env)
    assert [kept.get_doctree("a"), kept.get_doctree("a")] == ["page a", "page a"]
    assert read == ["a"]
    assert kept.titles is env.titles


def test_words_are_stemmed_as_before_and_once(monkeypatch):
    monkeypatch.setattr(SearchChinese, "stem", speed._stem_anew)
    words = ["步长", "restarts", "steps", "NAG", "us", "步长"]
    plain = SearchChinese({})
    plain.split(" ".join(words))
    expected = [plain.stem(word) for word in words]
    asked = []

    def stem(self: SearchChinese, word: str) -> str:
        asked.append(word)
        return original(self, word)

    original = speed._stem_anew
    monkeypatch.setattr(speed, "_stem_anew", stem)
    app: Any = SimpleNamespace(connect=lambda *a: None)
    speed.install(app)
    quick = SearchChinese({})
    quick.split(" ".join(words))
    assert [quick.stem(word) for word in words] == expected
    assert sorted(asked) == sorted(set(words))
