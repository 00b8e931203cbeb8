"""Names of users: none that looks like another by its case or by what nobody sees.

A name that people cannot tell from another would let one user pass for another. Names that only
look alike, as `аda` with a Cyrillic letter, are not found.
Source: RFC 8265, section 3.3; Unicode Standard Annex 44, Default_Ignorable_Code_Point.
"""

import unicodedata

from flask import current_app
from secure_flask.auth.users import MAX_NAME
from secure_flask.web.validation import Reason

# Controls, formats, private use, surrogates, unassigned, and separators but for the plain space.
REFUSED = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Zs")
# Unicode shows nothing for these letters and marks, or an empty space.
BLANK = {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"}
# Selectors of variants, which change how the character before them looks, or nothing.
VARIANTS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def checked_name(text: str) -> str:
    """The form in which a new name is stored that a person chose: `checked_name(" Ada ")`.

    It has at most 150 characters, no `@`, and is not one of RESERVED_NAMES.

    :raises Reason: it cannot be used; it is a ValueError with words for people.
    """
    name = stored_name(text)
    if folded_name(name) in map(folded_name, current_app.config["RESERVED_NAMES"]):
        raise Reason("This name is reserved: choose another")
    return name


def stored_name(text: str) -> str:
    """The form in which any name is stored, also one that an operator gives.

    :raises Reason: it cannot be used.
    """
    name = _plain_name(text)
    if not 1 <= len(name) <= MAX_NAME:
        raise Reason(f"Must have 1 to {MAX_NAME} characters")
    if "@" in name:
        # People log in with either.
        raise Reason("Must not contain @")
    if any(map(_is_invisible, name.replace(" ", ""))):
        raise Reason("Must not contain invisible characters")
    return name


def folded_name(name: str) -> str:
    """What two names have in common that differ only in case or in how Unicode writes them."""
    return unicodedata.normalize("NFKC", _plain_name(name).casefold())


def _plain_name(text: str) -> str:
    # Normalised first, since other spaces become plain ones. A page shows several as one.
    return " ".join(filter(None, unicodedata.normalize("NFKC", text).split(" ")))


def _is_invisible(letter: str) -> bool:
    is_variant = any(ord(letter) in variants for variants in VARIANTS)
    return unicodedata.category(letter) in REFUSED or letter in BLANK or is_variant
