# To pin the base image by its digest:
# docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:… .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --no-input --only-binary :all: --require-hashes --requirement /tmp/runtime.txt
WORKDIR /app
COPY main.py site.toml ./
COPY services services
COPY ui ui
RUN chmod -R u=rwX,go=rX . \
    && python -m compileall -q services ui \
    && /opt/venv/bin/python main.py --help

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NICEGUI_STORAGE_PATH=/tmp/nicegui \
    HOST=0.0.0.0 \
    PORT=3000
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
RUN install --directory --owner=10001 --group=10001 --mode=700 data
USER 10001:10001
VOLUME /app/data
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-Ic", "import os; from http.client import HTTPConnection; \
shop = HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4); \
shop.request('GET', '/healthz'); \
raise SystemExit(shop.getresponse().status != 200)"]
ENTRYPOINT ["python", "main.py"]
