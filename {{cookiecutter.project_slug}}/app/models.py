"""The users, and tables of your own.

After each change: `flask db migrate -m "…"`, read the new file in migrations/versions/, then
`flask db upgrade`.
"""

from secure_flask import Model, UserMixin, encrypted_column


class User(UserMixin, Model):
    """A person who can log in. `UserMixin` has the name, the password and the roles."""

    # Encrypted in the database, and found by `User.email == "ada@example.org"`.
    email = encrypted_column(index=True)
    # Your own columns, as in
    # department: Mapped[str | None] = mapped_column(String(80))
    # with `from sqlalchemy import String` and `from sqlalchemy.orm import Mapped, mapped_column`.
