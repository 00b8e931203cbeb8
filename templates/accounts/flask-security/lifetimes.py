"""How long a mailed link serves, in the words of mails and pages: they follow the constants.

A mail that promises more than the server keeps sends people to a link that is dead.
"""

_UNITS = (("days", 24 * 60 * 60), ("hours", 60 * 60), ("minutes", 60))


def in_words(seconds: int) -> str:
    """As in "24 hours": rounded down, in the largest unit of which there are at least two."""
    for name, unit in _UNITS:
        if seconds >= 2 * unit:
            return f"{seconds // unit} {name}"
    return "a minute"
