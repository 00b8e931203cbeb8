"""New usernames: none that looks like another one, or that could be an e-mail address.

Names that people cannot tell apart would let one user pass for another. So a new name is stored
in its normal form without spaces at the ends, and invisible characters are refused. Names that
are stored already keep working. Source: RFC 8265, section 3.3; Unicode Technical Report 36, section 2.
"""

import unicodedata

from app.auth.users import MAX_NAME
from app.security.validation import Reason

# Controls, formats, surrogates, and separators; of the last only the space is allowed.
_REFUSED = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")


def new(text: str) -> str:
    """The normal form of a new name.

    :raises Reason: it cannot be used.
    """
    # Normalised first, since other spaces become plain ones.
    name = normalise(text).strip()
    if "@" in name:
        # People log in with either.
        raise Reason("Must not contain @")
    if any(unicodedata.category(each) in _REFUSED for each in name.replace(" ", "")):
        raise Reason("Must not contain invisible or control characters")
    if not 1 <= len(name) <= MAX_NAME:
        raise Reason(f"Must have 1 to {MAX_NAME} characters")
    return name


def normalise(text: str) -> str:
    """One form of all texts that differ only in how Unicode writes them."""
    return unicodedata.normalize("NFKC", text)
