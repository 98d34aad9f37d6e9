-- Brings the cluster to what the stack expects; harmless to run again. Run by the superuser, on the local socket only.
--   migrator  owns the database and its schema; used by the release step alone
--   store     what web containers and workers use: reads and writes rows, changes no table
\set migrator_password `cat /run/secrets/migrator_password`
\set store_password `cat /run/secrets/store_password`

-- Passwords must not reach the log, whatever the log settings are.
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['migrator', 'store']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE migrator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'migrator_password';
ALTER ROLE store LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'store_password';
-- A page that takes longer has lost its reader: the query must not hold its connection.
ALTER ROLE store SET statement_timeout = '30s';

SELECT 'CREATE DATABASE store OWNER migrator'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'store') \gexec
REVOKE ALL ON DATABASE store, postgres, template1 FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE store TO store;
ALTER DATABASE store SET search_path = store, public;

\connect store
SET client_min_messages = 'warning';
CREATE SCHEMA IF NOT EXISTS store AUTHORIZATION migrator;
GRANT USAGE ON SCHEMA store TO store;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;

ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA store GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO store;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA store GRANT USAGE, SELECT ON SEQUENCES TO store;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA store GRANT EXECUTE ON ROUTINES TO store;
