"""`make reference` writes the messages of the page for translators."""

from __future__ import annotations

import pytest

from docs.reference import messages

PAGE = """\
1. Write `<html lang="de">`.

2. Write this:

   ```python
   TEXTS = {
       "Not Found": "Nicht gefunden",
       "This setup has ended": (
           "Die Einrichtung ist zu Ende"
       ),
       "A key has a name": "Ein Schlüssel hat einen Namen",
   }
   ```

3. With `accounts=self-service` add these:

   ```text
       "Wrong code": "Falscher Code",
   ```
"""
LISTED = {"This setup has ended": False, "A key has a name": False, "Wrong code": True}


def page_of(monkeypatch: pytest.MonkeyPatch, said: messages.Messages) -> str:
    monkeypatch.setattr(messages, "of_core", lambda: said)
    monkeypatch.setattr(messages, "of_members", dict)
    return messages.page(PAGE)


@pytest.mark.parametrize(
    ("of_accounts", "first"), [(False, '"Not Found": "Nicht'), (True, '"Wrong code": "Falsch')]
)
def test_a_new_message_stands_first_in_its_step_and_is_english(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    of_accounts: bool,
    first: str,
) -> None:
    line = '"Use another name": "Use another name",\n       '
    written = page_of(monkeypatch, {**LISTED, "Use another name": of_accounts})
    assert written == PAGE.replace(first, line + first)
    assert "'Use another name' has no German words yet" in capsys.readouterr().out
