-- Runs once, in a new database: the app owns its tables and is no superuser. The
-- superuser loses its password, so that it logs in only from inside the container.
\getenv password POSTGRES_PASSWORD
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE DATABASE app OWNER app;
ALTER ROLE postgres PASSWORD NULL;
