# Every image of the stack, one target each, from one base: the same supply chain on a laptop and in CI.
# Each runs as a user of its own, on a read-only root with tmpfs at /tmp and /run, without any capability.
# Alike in all: configuration at /etc/storestack, secrets at /run/secrets, and the commands
# `health`, `validate` (checks mounted files) and `reload` (puts them live) where they make sense.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS base
LABEL org.opencontainers.image.vendor="storestack" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV LANG=C.UTF-8
COPY images/base/slim /etc/dpkg/dpkg.cfg.d/slim
COPY images/base/install-packages /usr/local/sbin/install-packages
# The tmpfs at /run takes this mode: any image's user may put its sockets there.
RUN install-packages ca-certificates && mkdir -p /etc/storestack && chmod 1777 /run

# The only image whose ports are published: TLS, cache, firewall, limits.
FROM base AS edge
LABEL org.opencontainers.image.title="storestack edge" \
      org.opencontainers.image.description="nginx with ModSecurity and the OWASP Core Rule Set"
RUN install-packages curl nginx libnginx-mod-http-modsecurity libnginx-mod-http-brotli-filter \
        libnginx-mod-http-headers-more-filter modsecurity-crs \
    && useradd --uid 10101 --user-group --no-create-home --shell /usr/sbin/nologin edge \
    && install -d -o edge -g edge /var/cache/edge \
    # The owner of the store's volumes, so that whichever container mounts one first sets the same owner.
    && install -d -o 10106 -g 10106 /srv/media /srv/acme
COPY images/edge/ /usr/local/bin/
USER edge
EXPOSE 8080 8443
STOPSIGNAL SIGQUIT
CMD ["nginx", "-c", "/etc/storestack/nginx.conf"]

# Spreads requests over the web containers, and keeps them from those that are not well.
FROM base AS balancer
LABEL org.opencontainers.image.title="storestack balancer" \
      org.opencontainers.image.description="HAProxy, reloaded without losing a request"
RUN install-packages curl haproxy socat \
    && useradd --uid 10102 --user-group --no-create-home --shell /usr/sbin/nologin balancer \
    && install -d -o balancer -g balancer /etc/admission
COPY images/balancer/ /usr/local/bin/
USER balancer
EXPOSE 8080
STOPSIGNAL SIGUSR1
CMD ["serve"]

FROM base AS database
LABEL org.opencontainers.image.title="storestack database" \
      org.opencontainers.image.description="PostgreSQL with the store's roles and extensions"
# The user exists before the package, which then keeps it. LLVM and Z3 (150 MB) serve only just-in-time
# compilation, which is off: a store's short queries lose by it.
RUN useradd --uid 10103 --user-group --home-dir /var/lib/postgresql --shell /usr/sbin/nologin postgres \
    && mkdir -p /etc/postgresql-common \
    && echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf \
    && install-packages postgresql-17 \
    && dpkg --purge --force-depends libllvm19 libz3-4 \
    && rm -rf /usr/lib/postgresql/17/lib/bitcode /usr/lib/postgresql/17/lib/llvmjit*.so \
    && rm -rf /var/lib/postgresql && install -d -m 0700 -o postgres -g postgres /var/lib/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:$PATH \
    PGDATA=/var/lib/postgresql/17/data
COPY images/database/roles.sql /usr/local/share/storestack/roles.sql
COPY images/database/bin/ /usr/local/bin/
USER postgres
EXPOSE 5432
# "Fast": transactions are rolled back and the last checkpoint is written, so that the next start needs no recovery.
STOPSIGNAL SIGINT
CMD ["serve"]

# The other engine of the role database. A folder per engine on the volume: none can read the other's files.
FROM base AS mariadb
LABEL org.opencontainers.image.title="storestack database (MariaDB)" \
      org.opencontainers.image.description="MariaDB with the store's roles"
RUN useradd --uid 10103 --user-group --home-dir /var/lib/mysql --shell /usr/sbin/nologin mysql \
    && install-packages mariadb-server-core mariadb-client-core \
    && rm -rf /var/lib/mysql && install -d -m 0700 -o mysql -g mysql /var/lib/mysql
COPY images/mariadb/ /usr/local/bin/
USER mysql
EXPOSE 3306
STOPSIGNAL SIGTERM
CMD ["serve"]

FROM base AS pooler
LABEL org.opencontainers.image.title="storestack pooler" \
      org.opencontainers.image.description="PgBouncer in transaction mode"
RUN install-packages libpq5 pgbouncer \
    && useradd --uid 10104 --user-group --no-create-home --shell /usr/sbin/nologin pooler
COPY --from=database /usr/lib/postgresql/17/bin/pg_isready /usr/local/bin/pg_isready
COPY images/pooler/ /usr/local/bin/
USER pooler
EXPOSE 6432
# Waits for the queries that run, takes no new ones.
STOPSIGNAL SIGINT
CMD ["pgbouncer", "/etc/storestack/pgbouncer.ini"]

FROM base AS cache
LABEL org.opencontainers.image.title="storestack cache" \
      org.opencontainers.image.description="Redis for sessions, limits and fragments"
RUN install-packages redis-server \
    && useradd --uid 10105 --user-group --no-create-home --shell /usr/sbin/nologin cache \
    && rm -rf /var/lib/redis && install -d -m 0700 -o cache -g cache /var/lib/redis
COPY images/cache/ /usr/local/bin/
USER cache
WORKDIR /var/lib/redis
EXPOSE 6379
STOPSIGNAL SIGTERM
CMD ["redis-server", "/etc/storestack/redis.conf"]

# Two more engines of the role cache. Valkey takes Redis' settings and commands; it serves under both names.
FROM base AS valkey
LABEL org.opencontainers.image.title="storestack cache (Valkey)" \
      org.opencontainers.image.description="Valkey for sessions, limits and fragments"
RUN install-packages valkey-server \
    && useradd --uid 10105 --user-group --no-create-home --shell /usr/sbin/nologin cache \
    && ln -s /usr/bin/valkey-server /usr/local/bin/redis-server \
    && ln -s /usr/bin/valkey-cli /usr/local/bin/redis-cli \
    && rm -rf /var/lib/redis && install -d -m 0700 -o cache -g cache /var/lib/redis
COPY images/cache/ /usr/local/bin/
USER cache
WORKDIR /var/lib/redis
EXPOSE 6379
STOPSIGNAL SIGTERM
CMD ["redis-server", "/etc/storestack/redis.conf"]

FROM base AS memcached
LABEL org.opencontainers.image.title="storestack cache (memcached)" \
      org.opencontainers.image.description="memcached for limits and fragments"
RUN install-packages memcached \
    && useradd --uid 10105 --user-group --no-create-home --shell /usr/sbin/nologin cache
COPY images/memcached/ /usr/local/bin/
USER cache
EXPOSE 11211
STOPSIGNAL SIGTERM
CMD ["serve"]

FROM base AS python
RUN install-packages python3
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1

# The store's libraries, exactly those of the lock. Behind a TLS-inspecting proxy the host's CA bundle
# comes in as the build secret `ca`, for this step only; without it the image's own bundle is used.
FROM python AS libraries
RUN install-packages python3-pip
COPY requirements/store.lock /tmp/store.lock
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem SSL_CERT_FILE=/run/ca.pem; fi \
    && python3 -m venv --without-pip /opt/venv \
    && /usr/bin/python3 -m pip --python /opt/venv install --quiet --no-cache-dir --disable-pip-version-check \
        --no-compile --only-binary :all: --require-hashes --requirement /tmp/store.lock \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM python AS store
LABEL org.opencontainers.image.title="storestack store" \
      org.opencontainers.image.description="The reference store: web, worker and release"
# Letters of every script for invoices.
RUN install-packages fonts-dejavu-core fonts-droid-fallback
RUN useradd --uid 10106 --user-group --no-create-home --shell /usr/sbin/nologin store \
    && install -d -o store -g store /srv/media
COPY --from=libraries /opt/venv /opt/venv
COPY images/store/ /usr/local/bin/
WORKDIR /srv
# Last, so that a change of the store's code is one small layer.
COPY app/ /srv/app/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /srv/app
USER store
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app", "web"]

# What lets AWS Lambda call a web server: built here by Debian's compiler (some minutes, once), or the binary
# that lies at images/store-lambda/lambda-adapter: the file /lambda-adapter of the image that AWS publishes.
FROM base AS adapter
ARG ADAPTER_VERSION=0.9.1
COPY images/store-lambda/ /given/
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export CARGO_HTTP_CAINFO=/run/ca.pem SSL_CERT_FILE=/run/ca.pem; fi \
    && mkdir -p /extensions \
    && if [ -s /given/lambda-adapter ]; then install -m 755 /given/lambda-adapter /extensions/; else \
        { install-packages cargo gcc libc6-dev \
            && cargo install lambda_web_adapter --version "$ADAPTER_VERSION" --locked --root /built \
            && install -m 755 -s /built/bin/lambda-adapter /extensions/ \
            && rm -rf /built /root/.cargo; } \
        || { echo "The Lambda web adapter $ADAPTER_VERSION cannot be built: its crate or Debian's cargo is out of reach." \
            "Put the binary at images/store-lambda/lambda-adapter (docker create public.ecr.aws/awsguru/aws-lambda-adapter:$ADAPTER_VERSION," \
            "then docker cp <container>:/lambda-adapter images/store-lambda/), and build again." >&2; exit 1; }; \
    fi

# The same store for `store:compute lambda`. Anywhere else the adapter does nothing.
FROM store AS store-lambda
LABEL org.opencontainers.image.title="storestack store on Lambda" \
      org.opencontainers.image.description="The reference store's web part behind the Lambda web adapter"
COPY --from=adapter /extensions/ /opt/extensions/

# Keeps mails instead of delivering them.
FROM python AS mail
LABEL org.opencontainers.image.title="storestack mail" \
      org.opencontainers.image.description="A mail sink with an API to read it"
RUN useradd --uid 10108 --user-group --no-create-home --shell /usr/sbin/nologin mailsink \
    && install -d -o mailsink -g mailsink /srv/mail
COPY --from=libraries /opt/venv /opt/venv
COPY images/store/ /usr/local/bin/
WORKDIR /srv
COPY app/__init__.py /srv/app/__init__.py
COPY app/mailsink/ /srv/app/mailsink/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /srv/app
USER mailsink
EXPOSE 1025 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app.mailsink"]

# A stand-in for a payment provider: it shares nothing with the store but the libraries.
FROM python AS gateway
LABEL org.opencontainers.image.title="storestack gateway" \
      org.opencontainers.image.description="The test payment gateway"
RUN useradd --uid 10107 --user-group --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway /srv/gateway
COPY --from=libraries /opt/venv /opt/venv
COPY images/store/ /usr/local/bin/
WORKDIR /srv
COPY app/__init__.py /srv/app/__init__.py
COPY app/gateway/ /srv/app/gateway/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /srv/app
USER gateway
EXPOSE 8000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "app.gateway"]

# Brings visitors from Fargate; the local target does not run it.
FROM python AS loadgen-libraries
RUN install-packages python3-pip
COPY requirements/loadgen.lock /tmp/loadgen.lock
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem SSL_CERT_FILE=/run/ca.pem; fi \
    && python3 -m venv --without-pip /opt/venv \
    && /usr/bin/python3 -m pip --python /opt/venv install --quiet --no-cache-dir --disable-pip-version-check \
        --no-compile --only-binary :all: --require-hashes --requirement /tmp/loadgen.lock \
    && python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib

FROM python AS loadgen
LABEL org.opencontainers.image.title="storestack loadgen" \
      org.opencontainers.image.description="The load generator's master and workers"
RUN useradd --uid 10109 --user-group --no-create-home --shell /usr/sbin/nologin loadgen
COPY --from=loadgen-libraries /opt/venv /opt/venv
WORKDIR /srv
COPY loadtests/ /srv/loadtests/
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /srv/loadtests
USER loadgen
STOPSIGNAL SIGTERM
CMD ["python", "-m", "loadtests.remote", "master"]
