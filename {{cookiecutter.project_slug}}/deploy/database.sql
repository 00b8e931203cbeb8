-- Runs once, in a new database. The app owns its tables but is not a superuser. The superuser
-- loses its password, so that it can log in only from inside the container.
\getenv password POSTGRES_PASSWORD
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE DATABASE app OWNER app;
ALTER ROLE postgres PASSWORD NULL;
