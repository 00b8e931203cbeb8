"""The owner's words for the messages of the core, so that a project can be translated."""

from flask import current_app


def text(message: str, **values: object) -> str:
    """A message in the words of TEXTS in the policy, or as it is, with its values filled in."""
    words: str = current_app.config["TEXTS"].get(message, message)
    return words.format(**values) if values else words
