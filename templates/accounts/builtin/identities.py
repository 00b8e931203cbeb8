"""What identifies a user besides the name: an e-mail address, stored encrypted."""

from app.crypto import encrypted_column


class Identity:
    """The columns of `User` that depend on how people prove who they are."""

    email = encrypted_column(index=True)
