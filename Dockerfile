# git looks at repositories, gpg signs. A build command (release.build) brings tools of its own: make an image from this one, with make, Go, Node, …
FROM python:3.13-slim
RUN apt-get update && apt-get install -y --no-install-recommends git gnupg && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 mmbot && install -d -o mmbot -m 700 /data
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY mmbot ./mmbot
USER mmbot
VOLUME /data
ENTRYPOINT ["python", "-m", "mmbot"]
