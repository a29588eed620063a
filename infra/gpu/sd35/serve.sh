#!/usr/bin/env bash
# Serves the weights in the image under a name that carries their commit.
#
# By local path, because `--revision` does not reach every part of the SD3 pipeline; by --served-model-name, because that is what
# /v1/models reports and what the router compares with the pin.
set -euo pipefail
revision=$(cat /models/sd35-medium/REVISION)
args=(
  serve /models/sd35-medium --omni
  --host "${HOST:-0.0.0.0}" --port "${PORT:-8091}"
  --served-model-name "sd3.5-medium@${revision:0:12}"
  # Requests of the same size, steps and guidance are drawn together; the catalogue's `concurrency` is this number.
  --max-num-seqs "${MAX_NUM_SEQS:-4}" --request-batch-max-wait-ms "${BATCH_WAIT_MS:-20}"
)
if [[ -n "${VLLM_API_KEY:-}" ]]; then args+=(--api-key "$VLLM_API_KEY"); fi
exec vllm "${args[@]}" "$@"
