"""`make reference` writes the page of public names from the code, and keeps its order."""

from __future__ import annotations

import inspect
import re

import pytest
import secure_flask

import support
from docs.reference import names

PAGE = (support.PAGES / "reference" / "public-names.md").read_text("utf-8")
ENTRIES = {match[1]: match[0] for match in names.ENTRY.finditer(PAGE)}


def test_each_public_name_is_described() -> None:
    beside = re.compile(r"^### .+|^```python\n(?s:.+?)^```", re.MULTILINE)
    described = {name for name in ENTRIES if beside.sub("", ENTRIES[name]).strip()}
    assert described == {*secure_flask.__all__}


def test_each_function_and_class_has_its_signature() -> None:
    shown = {name for name in ENTRIES if re.search(rf"\n(def|class) {name}\b", ENTRIES[name])}
    values = {name: getattr(secure_flask, name) for name in ENTRIES}
    functions = {name for name in values if inspect.isfunction(values[name])}
    assert shown == functions | {name for name in values if inspect.isclass(values[name])}


def test_a_new_name_needs_a_title(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secure_flask, "__all__", [*secure_flask.__all__, "new"])
    with pytest.raises(SystemExit, match="add a title for ### `new`"):
        names.page(PAGE)


def test_a_name_that_is_gone_leaves_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [name for name in secure_flask.__all__ if name != "asset"]
    monkeypatch.setattr(secure_flask, "__all__", others)
    assert {*names.ENTRY.findall(names.page(PAGE))} == {*others}
