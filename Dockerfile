# The job (and every other `obi` command) as an image: docker build -t obi . && docker run --rm obi --help
FROM python:3.12-slim AS build
# It compiles the kernels (hatch_build.py); the image itself has no compiler.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
RUN python -m venv /opt/obi
ENV PATH=/opt/obi/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The dependencies first: this layer stays as long as the lock does. Every file is checked by its hash.
COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY kernels kernels
COPY orderbook orderbook
COPY connectors connectors
COPY simulator simulator
COPY dataflows dataflows
COPY consumers consumers
COPY fake_exchange fake_exchange
COPY obi obi
RUN pip install --no-deps .

FROM python:3.12-slim
# A fixed number, so that a Kubernetes securityContext and the owner of a volume can name it.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin obi \
    && install -d -o obi -g obi /state /recordings
COPY --from=build /opt/obi /opt/obi
ENV PATH=/opt/obi/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OBI_STATE_DIR=/state
USER 10001
WORKDIR /recordings
VOLUME ["/state", "/recordings"]
# Docker stops it with SIGTERM, which the job takes as "close cleanly".
ENTRYPOINT ["obi"]
CMD ["--help"]
