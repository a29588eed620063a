#!/usr/bin/env bash
# The model server on loopback, the worker in front of it; when either ends, both do.
set -euo pipefail
HOST=127.0.0.1 PORT=8091 /opt/serve.sh &
# FastAPI, uvicorn and aiohttp are there already: vLLM itself is built on them.
python3 -m uvicorn app:app --app-dir /opt/worker --host 0.0.0.0 --port "${PORT:-8080}" --no-access-log &
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT TERM INT
wait -n
