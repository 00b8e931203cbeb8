"""Authentication: users, passwords, logins and the credentials that a login issues."""
