# In place of `python`: Debian's version, under the names that the image has.
FROM stand-in/debian
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    # The image's Python belongs to no package manager, so pip installs into it.
    && rm /usr/lib/python3*/EXTERNALLY-MANAGED \
    && ln -s /usr/bin/python3 /usr/local/bin/python
CMD ["python3"]
