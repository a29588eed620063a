"""Puts one exact revision of a model into a folder, with its commit beside it: fetch-weights.py REPOSITORY COMMIT FOLDER.

Only what the diffusers pipeline loads is fetched; the single-file copies of the same weights stay away.
"""

import pathlib
import re
import sys

from huggingface_hub import snapshot_download

repository, revision, folder = sys.argv[1:]
if not re.fullmatch(r"[0-9a-f]{40}", revision):
    sys.exit(f"{revision!r} is not a whole commit: a branch or tag may move, and the pin would lie")

token = pathlib.Path("/run/secrets/hf_token").read_text().strip()
parts = ["model_index.json", "scheduler/*", "text_encoder/*", "text_encoder_2/*", "text_encoder_3/*"]
parts += ["tokenizer/*", "tokenizer_2/*", "tokenizer_3/*", "transformer/*", "vae/*", "LICENSE*"]
snapshot_download(repository, revision=revision, local_dir=folder, allow_patterns=parts, token=token)
pathlib.Path(folder, "REVISION").write_text(revision + "\n")
