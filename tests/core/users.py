"""The users of the small project. A process has one class of users, so accounts/ has another one."""

from secure_flask import Model, UserMixin, encrypted_column


class User(UserMixin, Model):
    email = encrypted_column(index=True)
