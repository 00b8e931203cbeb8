"""Who is calling: passwords, logins and what a login gives the client."""
