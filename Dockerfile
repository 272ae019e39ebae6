FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv /opt/venv \
    && /opt/venv/bin/python -m pip install --no-input --require-hashes --requirement /tmp/runtime.txt

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NICEGUI_STORAGE_PATH=/tmp/nicegui \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY main.py site.toml ./
COPY services services
COPY ui ui
RUN python -m compileall -q services ui \
    && install --directory --owner=10001 --group=10001 data
USER 10001:10001
VOLUME /app/data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; \
urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["python", "main.py"]
