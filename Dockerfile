# One image for every process of Onetill; compose.yaml says which it is to be.
# The base image by its digest, so that two builds hold the same: PYTHON_IMAGE=python:3.13-slim@sha256:… There is no
# default on purpose: a digest belongs to the day on which you looked at the image (config/README.md, Supply).
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE} AS build
ARG PYTHON_IMAGE
RUN case "$PYTHON_IMAGE" in *@sha256:*) ;; *) echo "PYTHON_IMAGE must name a digest: python:3.13-slim@sha256:…" >&2; exit 1 ;; esac
COPY requirements-production.lock /build/requirements.lock
RUN python -m venv /opt/onetill/.venv \
    && /opt/onetill/.venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/requirements.lock

FROM ${PYTHON_IMAGE}
# The font is for receipts with names beyond Western European letters.
RUN apt-get update && apt-get install --yes --no-install-recommends fonts-dejavu-core && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/onetill --shell /usr/sbin/nologin onetill \
    && install -d -o onetill -g onetill -m 0700 /var/lib/onetill /var/lib/onetill/files /run/onetill
COPY --from=build /opt/onetill/.venv /opt/onetill/.venv
COPY manage.py pyproject.toml README.md /opt/onetill/
COPY config /opt/onetill/config
COPY payments /opt/onetill/payments
COPY terminals /opt/onetill/terminals
COPY reconciliation /opt/onetill/reconciliation
WORKDIR /opt/onetill
ENV PATH=/opt/onetill/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    ONETILL_HOME=/var/lib/onetill MEDIA_ROOT=/var/lib/onetill/files \
    PROMETHEUS_MULTIPROC_DIR=/run/onetill LOG_FORMAT=json
USER onetill
EXPOSE 8000 8001
STOPSIGNAL SIGTERM
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "12", \
    "--no-ws", "--log-level", "error", "--respawn-failed-workers", "config.wsgi:application"]
