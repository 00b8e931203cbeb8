"""Authentication: users, passwords, logins and the tokens of logins."""
