"""The code in the README of the template is that of the example."""

from __future__ import annotations

import re

import pytest

import support

README = (support.TEMPLATE / "README.md").read_text("utf-8")
# Each begins with the name of the file that it is taken from.
CODE = re.findall(r"^```python\n# (\S+)\n(.+?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("name", "code"), CODE, ids=[name for name, _ in CODE])
def test_the_code_is_that_of_the_example(name: str, code: str) -> None:
    present = (support.FOLDER / name).read_text("utf-8")
    pieces = [piece.strip() for piece in code.split("\n\n\n")]
    assert [piece for piece in pieces if piece not in present] == []
