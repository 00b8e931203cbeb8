# In place of `postgres`: Debian's version, and of the image's start what compose.yaml uses: the
# first start runs the scripts, on the Unix socket alone.
FROM stand-in/debian
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* /var/lib/postgresql/* /etc/postgresql \
    && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
    && chown postgres:postgres /var/lib/postgresql \
    && install --directory --owner=postgres --group=postgres --mode=3777 /var/run/postgresql
ENV PGDATA=/var/lib/postgresql/data
COPY --chmod=755 <<'EOF' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" > /tmp/password
    initdb --auth-local=trust --auth-host=scram-sha-256 --pwfile=/tmp/password
    rm /tmp/password
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    pg_ctl --wait --options="-c listen_addresses=''" start
    for script in /docker-entrypoint-initdb.d/*.sql; do
        psql --no-psqlrc --set=ON_ERROR_STOP=1 --file="$script"
    done
    pg_ctl --wait stop
fi
exec "$@"
EOF
ENTRYPOINT ["docker-entrypoint.sh"]
# As PostgreSQL's own documentation says, and the image does: it refuses new connections and ends
# the others.
STOPSIGNAL SIGINT
CMD ["postgres", "-c", "listen_addresses=*"]
