# In place of `redis`: Debian's version, which answers other containers as the image's does.
FROM stand-in/debian
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=redis --group=redis /data
WORKDIR /data
COPY --chmod=755 <<'EOF' /usr/local/bin/docker-entrypoint.sh
#!/bin/sh
exec "$@" --protected-mode no
EOF
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
