"""Second factors and passkeys, which Flask-Security checks."""
