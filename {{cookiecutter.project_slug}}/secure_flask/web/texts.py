"""Messages of the core in the owner's words, which TEXTS in policy.py gives."""

from flask import current_app


def translated_text(message: str, **values: object) -> str:
    """A message in the owner's words, or as it is without them, with its values filled in."""
    words = str(current_app.config["TEXTS"].get(message, message)) if current_app else message
    try:
        return words.format(**values) if values else words
    except (IndexError, KeyError, ValueError):
        # The owner's words have another placeholder.
        return message.format(**values)
