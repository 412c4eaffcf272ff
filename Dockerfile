# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY ultramm ultramm
COPY strategies strategies
COPY adapters adapters
RUN python -m venv /opt/ultramm \
 && /opt/ultramm/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 ultramm \
 && mkdir -p /ultramm/config /ultramm/logs /ultramm/data \
 && chown -R ultramm:ultramm /ultramm
COPY --from=build /opt/ultramm /opt/ultramm
ENV PATH=/opt/ultramm/bin:$PATH PYTHONUNBUFFERED=1
USER ultramm
WORKDIR /ultramm
VOLUME ["/ultramm/config", "/ultramm/logs", "/ultramm/data"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["ultramm"]
CMD ["node", "start", "--no-dashboard"]
