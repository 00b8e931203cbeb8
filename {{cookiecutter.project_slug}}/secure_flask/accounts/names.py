"""Usernames: no two may differ only in case or in invisible characters.

Otherwise one user could pass for another. Names whose letters only look alike, as `аda` with a
Cyrillic letter, are not detected.
Source: RFC 8265, section 3.3; Unicode Standard Annex 44, Default_Ignorable_Code_Point.
"""

import unicodedata

from flask import current_app
from secure_flask.auth.users import MAX_NAME
from secure_flask.web.validation import Reason

# Controls, formats, private use, surrogates, unassigned characters and separators are refused.
REFUSED = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs")
# These letters and marks are invisible, or look like a space.
BLANK = {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"}
# Variation selectors change how the character before them looks, or are invisible.
VARIANTS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def checked_name(text: str) -> str:
    """The stored form of a new name that a person chose: `checked_name(" Ada ")`.

    It has at most 150 characters, no `@`, and is not one of RESERVED_NAMES.

    :raises Reason: the name cannot be used. Reason is a ValueError whose message people see.
    """
    name = stored_name(text)
    if folded_name(name) in map(folded_name, current_app.config["RESERVED_NAMES"]):
        raise Reason("This name is reserved: choose another")
    return name


def stored_name(text: str) -> str:
    """The stored form of any name, also of one that an operator chose.

    :raises Reason: it cannot be used.
    """
    name = _plain_name(text)
    if not 1 <= len(name) <= MAX_NAME:
        raise Reason(f"Must have 1 to {MAX_NAME} characters")
    if "@" in name:
        # People log in with a name or an address, so a name must not look like an address.
        raise Reason("Must not contain @")
    if any(map(_is_invisible, name.replace(" ", ""))):
        raise Reason("Must not contain invisible characters")
    return name


def folded_name(name: str) -> str:
    """The same text for all names that differ only in case or in their Unicode form."""
    return unicodedata.normalize("NFKC", _plain_name(name).casefold())


def _plain_name(text: str) -> str:
    # NFKC makes other spaces plain ones. Several become one, as a page shows them.
    return " ".join(filter(None, unicodedata.normalize("NFKC", text).split(" ")))


def _is_invisible(letter: str) -> bool:
    is_variant = any(ord(letter) in variants for variants in VARIANTS)
    return unicodedata.category(letter) in REFUSED or letter in BLANK or is_variant
