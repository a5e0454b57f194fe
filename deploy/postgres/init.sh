#!/bin/sh
# First start of the database server: a database and a role for each service, which owns that database only.
set -eu
for service in identity prm campaigns messaging notifier promotions affiliates; do
    psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" <<SQL
CREATE ROLE concord_$service LOGIN PASSWORD '$CONCORD_DATABASE_PASSWORD';
CREATE DATABASE concord_$service OWNER concord_$service;
REVOKE CONNECT ON DATABASE concord_$service FROM PUBLIC;
SQL
done
