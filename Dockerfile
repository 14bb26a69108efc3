# The gateway in a container: one process, not root, nothing of its own that it must write.
#
#   docker build -t rorpost .
#   docker run --init --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     -v "$PWD/config:/srv/rorpost/config" -v "$PWD/policies:/srv/rorpost/policies:ro" \
#     -v rorpost-state:/srv/rorpost/state -v rorpost-mail:/srv/rorpost/mail -p 587:1587 rorpost
#
# The folders are those of the repository, so that the shipped configuration's relative paths hold.
# They belong to user 10587. `config` is written to by GnuPG (locks, its agent's socket) and by the
# first start (the log's key).
# `--init` collects GnuPG's agent when it ends. Listen on 0.0.0.0 inside, with TLS.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src
RUN python -m venv /opt/rorpost
COPY requirements-runtime.lock ./
RUN /opt/rorpost/bin/pip install --require-hashes -r requirements-runtime.lock
COPY LICENSE README.md pyproject.toml ./
COPY rorpost_gateway rorpost_gateway
RUN /opt/rorpost/bin/pip install --no-deps --no-build-isolation .
RUN /opt/rorpost/bin/pip uninstall --yes setuptools pip

FROM python:3.11-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gpg gpg-agent tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10587 rorpost \
    && useradd --uid 10587 --gid 10587 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin rorpost \
    && install --directory --owner rorpost --group rorpost --mode 0700 \
        /srv/rorpost /srv/rorpost/config /srv/rorpost/policies /srv/rorpost/state /srv/rorpost/mail
COPY --from=build /opt/rorpost /opt/rorpost
ENV PATH=/opt/rorpost/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RORPOST_CONFIG=/srv/rorpost/config/rorpost.yaml \
    TMPDIR=/tmp
WORKDIR /srv/rorpost
USER 10587:10587
VOLUME ["/srv/rorpost/state", "/srv/rorpost/mail"]
EXPOSE 1587
# Asks the daemon itself, over its control socket: the event loop and the queue both have to answer.
# What it answers, addresses among it, is not for docker's own log.
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD rorpost queue list --json >/dev/null || exit 1
ENTRYPOINT ["rorpost"]
CMD ["serve"]
