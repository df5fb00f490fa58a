# docker build -t shotsmith .                                     everything that needs no torch
# docker build -t shotsmith --build-arg EXTRAS=clip,postgres .    with CLIP and PostgreSQL
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY shotsmith shotsmith
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.12-slim-bookworm
# Extras of pyproject.toml, separated by commas.
ARG EXTRAS=""
# An index that offers CPU builds of torch makes an image with CLIP several GB smaller.
ARG PIP_EXTRA_INDEX_URL=""
RUN useradd --create-home --uid 10001 shotsmith && install -d -o shotsmith -g shotsmith /data
RUN --mount=type=bind,from=build,source=/dist,target=/dist \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir -c /constraints.txt "$(echo /dist/shotsmith-*.whl)${EXTRAS:+[$EXTRAS]}"

# Models that encoders download stay in the volume too.
ENV PYTHONUNBUFFERED=1 \
    HF_HOME=/data/models \
    SHOTSMITH_DATA_DIR=/data
USER shotsmith
WORKDIR /home/shotsmith
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=5 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["shotsmith"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
