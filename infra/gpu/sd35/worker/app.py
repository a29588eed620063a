"""The case study's worker: `/generate` in front of a vLLM-Omni server on the same machine.

It decides the seed, the steps and the guidance (vLLM's own defaults are wrong for SD3.5), keeps the caller's time limit, leaves when
the caller leaves, and says which version drew the picture. It holds no queue: vLLM does. State: one HTTP session.

Environment: MODEL (SD3.5_Medium or SD3.5_Medium_fast), UPSTREAM (http://127.0.0.1:8091), VLLM_API_KEY (optional; the worker asks its own
callers for the same key).
"""

import asyncio
import base64
import hmac
import os
import random
import time
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:8091")
API_KEY = os.environ.get("VLLM_API_KEY", "")
MODEL = os.environ.get("MODEL", "SD3.5_Medium")

# Steps by variant: both are the same weights; the fast one draws fewer steps. Guidance is SD3.5 Medium's usual one.
STEPS = {"SD3.5_Medium": 28, "SD3.5_Medium_fast": 10}
GUIDANCE = 4.5
# Width and height must be multiples of this (VAE 8 x patch 2).
SIZE_MULTIPLE = 16
MAX_PIXELS = 2_100_000
MAX_SEED = 2**31 - 1

if MODEL not in STEPS:
    raise SystemExit(f"MODEL={MODEL} is not known; use one of {', '.join(STEPS)}")


class TextLine(BaseModel):
    content: str


class Ask(BaseModel):
    prompt: str = Field(min_length=1, max_length=32_000)
    model: str | None = None
    width: int = Field(default=1024, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    height: int = Field(default=1024, ge=64, le=4096, multiple_of=SIZE_MULTIPLE)
    seed: int | None = Field(default=None, ge=0, le=2**32 - 1)
    steps: int | None = Field(default=None, ge=1, le=200)
    guidance: float | None = Field(default=None, ge=0, le=20)
    negative_prompt: str | None = Field(default=None, max_length=32_000)
    text: list[str | TextLine] = Field(default_factory=list, max_length=16)
    format: Literal["png", "jpeg", "webp"] = "png"
    timeout: float | None = Field(default=None, gt=0, le=3600)  # seconds


class Refusal(Exception):
    """Something the caller is told with a status and a code."""

    def __init__(self, status: int, code: str, message: str, retry_after: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


@asynccontextmanager
async def lifespan(app: FastAPI):
    headers = {"authorization": f"Bearer {API_KEY}"} if API_KEY else {}
    async with aiohttp.ClientSession(base_url=UPSTREAM, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)


@app.exception_handler(Refusal)
async def tell_refusal(_: Request, refusal: Refusal) -> JSONResponse:
    headers = {"retry-after": refusal.retry_after} if refusal.retry_after else None
    return JSONResponse({"error": {"code": refusal.code, "message": refusal.message}}, refusal.status, headers)


@app.exception_handler(RequestValidationError)
async def tell_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    where = ".".join(str(step) for step in first["loc"] if step != "body")
    return JSONResponse({"error": {"code": "invalid_request", "message": f"{where}: {first['msg']}"}}, 400)


@app.middleware("http")
async def ask_for_key(request: Request, call_next):
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if API_KEY and request.url.path not in ("/health", "/metrics") and not hmac.compare_digest(given.encode(), API_KEY.encode()):
        return JSONResponse({"error": {"code": "unauthorized", "message": "the key is missing or wrong"}}, 401)
    return await call_next(request)


@app.get("/generate")
async def generate_default(request: Request) -> Response:
    """One fixed picture, so that a load tool needs no body."""
    return await make(request, Ask(prompt="a lighthouse on a cliff above the sea at sunset", seed=42))


@app.post("/generate")
async def generate(request: Request, ask: Ask) -> Response:
    return await make(request, ask)


@app.get("/{path:path}")
async def pass_on(request: Request, path: str) -> Response:
    if path not in ("health", "metrics", "v1/models"):
        raise Refusal(404, "not_found", "there is /generate, /health, /metrics and /v1/models")
    try:
        async with request.app.state.session.get(f"/{path}") as answer:
            return Response(await answer.read(), answer.status, media_type=answer.content_type)
    except aiohttp.ClientError:
        return JSONResponse({"status": "unhealthy"}, 503)


async def make(request: Request, ask: Ask) -> Response:
    if ask.width * ask.height > MAX_PIXELS:
        raise Refusal(400, "invalid_request", f"width x height is above {MAX_PIXELS} pixels")
    seed = ask.seed if ask.seed is not None else random.randint(0, MAX_SEED)
    began = time.monotonic()
    picture, version = await before_the_caller_leaves(request, drawn(request, ask, seed), limit_seconds(request, ask))
    spent_ms = (time.monotonic() - began) * 1000
    # vLLM does not say how long a request waited: the time is the whole stay, queue included.
    headers = {"x-model": MODEL, "x-model-version": version, "x-seed": str(seed), "server-timing": f"upstream;dur={spent_ms:.1f}"}
    if "image/" in request.headers.get("accept", ""):
        return Response(picture, media_type=f"image/{ask.format}", headers=headers)
    image = base64.b64encode(picture).decode()
    facts = {"model": MODEL, "model_version": version, "seed": seed, "width": ask.width, "height": ask.height, "format": ask.format}
    return JSONResponse({"image": image, **facts}, headers=headers)


def limit_seconds(request: Request, ask: Ask) -> float | None:
    if ask.timeout is not None:
        return ask.timeout
    header = request.headers.get("x-timeout-ms", "")
    return int(header) / 1000 if header.isdecimal() and int(header) > 0 else None


async def before_the_caller_leaves(request: Request, work, limit: float | None):
    """The result of the work; closes the connection to vLLM (which drops what still waits there) on a timeout or a disconnect."""
    task = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(disconnected(request))
    done, pending = await asyncio.wait({task, leaving}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
    for unfinished in pending:
        unfinished.cancel()
    if task in done:
        return task.result()
    if leaving in done:
        raise Refusal(499, "client_gone", "the caller left")
    raise Refusal(504, "timeout", "the picture was not finished in time")


async def disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def drawn(request: Request, ask: Ask, seed: int) -> tuple[bytes, str]:
    session: aiohttp.ClientSession = request.app.state.session
    body = {
        "prompt": with_text(ask),
        "size": f"{ask.width}x{ask.height}",
        "n": 1,
        "seed": seed,
        "num_inference_steps": ask.steps or STEPS[MODEL],
        "guidance_scale": GUIDANCE if ask.guidance is None else ask.guidance,
        "output_format": ask.format,
        "response_format": "file",
    }
    if ask.negative_prompt is not None:
        body["negative_prompt"] = ask.negative_prompt
    try:
        version = await served_version(session)
        async with session.post("/v1/images/generations", json=body) as answer:
            if answer.status == 200:
                return await answer.read(), version
            raise await told(answer)
    except aiohttp.ClientError as error:
        raise Refusal(503, "unavailable", "the model server does not answer") from error


async def served_version(session: aiohttp.ClientSession) -> str:
    """The pinned name that vLLM serves, asked for each picture: what it says now, not what it said at start."""
    async with session.get("/v1/models") as answer:
        if answer.status != 200:
            raise await told(answer)
        return (await answer.json())["data"][0]["id"]


async def told(answer: aiohttp.ClientResponse) -> Refusal:
    """vLLM's error, in this worker's words; its own message may quote the prompt and stays here."""
    if answer.status in (400, 422):
        return Refusal(400, "invalid_request", "the model server refused the request")
    if answer.status == 429:
        return Refusal(429, "overloaded", "the model server is full", answer.headers.get("retry-after", "2"))
    if answer.status == 503:
        return Refusal(503, "unavailable", "the model server is not ready")
    return Refusal(500, "internal_error", f"the model server answered {answer.status}")


def with_text(ask: Ask) -> str:
    """SD3.5 has no parameter for lettering: it is asked for in words."""
    lines = [line if isinstance(line, str) else line.content for line in ask.text]
    if not lines:
        return ask.prompt
    quoted = ", ".join('"' + line.replace('"', "'") + '"' for line in lines)
    return f"{ask.prompt}. The picture shows this text, spelled exactly so: {quoted}."
