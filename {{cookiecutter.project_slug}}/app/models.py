"""The users, and tables of your own.

After each change: `.venv/bin/flask db migrate -m "…"`, read the new file in migrations/versions/,
then `.venv/bin/flask db upgrade`.
"""

# cookiecutter: if cookiecutter.accounts == "self-service"
from secure_flask import Model
from secure_flask.accounts import AccountMixin as UserMixin


# cookiecutter: else
from secure_flask import Model, UserMixin, encrypted_column


# cookiecutter: endif
class User(UserMixin, Model):
    """A person who can log in. `UserMixin` has the name, the password and the roles."""

    # cookiecutter: if cookiecutter.accounts == "self-service"
    # The mixin has the e-mail address and the second factors too.
    # cookiecutter: else
    # The address is encrypted in the database, and found by `User.email == "ada@example.org"`.
    email = encrypted_column(index=True)
    # cookiecutter: endif
    # Your own columns, as in
    # department: Mapped[str | None] = mapped_column(String(80))
    # with `from sqlalchemy import String` and `from sqlalchemy.orm import Mapped, mapped_column`.
