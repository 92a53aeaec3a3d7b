"""A small OpenAI-compatible server on loopback, with a toy language model and faults on demand.

The model: each character's log-probability depends on the character before it, so that the log-likelihood of
a text is known here (`truth`). A prompt of the form `FAULT:name` gets the fault.
"""

import asyncio
import json
import math
import threading
import time
import zlib
from collections import Counter

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse


def logprob(before, token):
    """A fixed log-probability for each pair of neighbours."""
    return -0.1 - (zlib.crc32(f"{before}|{token}".encode()) % 900) / 300


def tokens_of(text):
    """Two characters a token, so that tokens reach over the boundary of context and continuation."""
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def truth(context, continuation):
    """Log-likelihood by the rule that a token reaching over the boundary belongs to the continuation."""
    tokens, start, total = tokens_of(context + continuation), 0, 0.0
    boundary, count = len(context.rstrip()), 0
    for before, token in zip(["", *tokens], tokens, strict=False):
        if start + len(token) > boundary:
            total += logprob(before, token)
            count += 1
        start += len(token)
    return total, count


class Double:
    """The server in a thread; its attributes switch what it does."""

    def __init__(self):
        self.echoes = True
        self.chats = True
        self.completes = True
        self.bos = False
        self.first_scored = True
        self.fingerprint = "fp_1"
        self.key = None
        self.down = False
        self.calls = Counter()
        self.seen = []
        self.in_flight = self.most_in_flight = 0
        app = FastAPI()
        app.get("/v1/models")(self.models)
        app.post("/v1/chat/completions")(self.chat)
        app.post("/v1/completions")(self.completions)
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}/v1"

    def stop(self):
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join(timeout=5)

    async def models(self):
        return {"data": [{"id": "toy", "max_model_len": 2048}]}

    async def chat(self, request: Request):
        body = await request.json()
        refusal = await self.common(request, body, body["messages"][-1]["content"], offered=self.chats)
        return refusal or self.envelope(
            {
                "message": {"role": "assistant", "content": self.text(body["messages"][-1]["content"])},
                "finish_reason": "stop",
            }
        )

    async def completions(self, request: Request):
        body = await request.json()
        refusal = await self.common(request, body, body["prompt"], offered=self.completes)
        if refusal:
            return refusal
        prompt = body["prompt"]
        if not body.get("echo"):
            return self.envelope({"text": self.text(prompt), "finish_reason": "stop"})
        choice = {"text": prompt + "!", "finish_reason": "length"}
        if self.echoes:
            choice["logprobs"] = self.logprobs(prompt)
        return self.envelope(choice)

    def logprobs(self, prompt):
        tokens = [*tokens_of(prompt), "!"]
        values = [logprob(before, token) for before, token in zip(["", *tokens], tokens, strict=False)]
        if not self.first_scored:
            values[0] = None
        if "NAN" in prompt:
            values = [math.nan] * len(values)
        tables = [{token: value, "other": (value or 0) - 1} for token, value in zip(tokens, values, strict=True)]
        if self.bos:
            tokens, values, tables = ["<s>", *tokens], [None, *values], [None, *tables]
        return {"tokens": tokens, "token_logprobs": values, "top_logprobs": tables}

    def text(self, prompt):
        return {"EMPTY": "", "LONG": "x" * 600_000}.get(prompt, f"answer to {prompt}")

    def envelope(self, choice):
        value = {
            "id": "x",
            "model": "toy-served",
            "system_fingerprint": self.fingerprint,
            "choices": [{"index": 0, **choice}],
            "usage": {"completion_tokens": 3},
        }
        return Response(json.dumps(value), media_type="application/json")

    async def common(self, request, body, prompt, *, offered):
        """Everything that comes before an answer: keys, counts, faults."""
        self.calls[prompt] += 1
        self.seen.append((dict(request.headers), body))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(0.05 if prompt.startswith("slow") else 0.001)
        self.in_flight -= 1
        if self.down:
            return JSONResponse({"error": "down"}, 503)
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": {"message": f"bad key {request.headers.get('authorization')}"}}, 401)
        if not offered:
            return JSONResponse({"detail": "Not Found"}, 404)
        name = prompt.removeprefix("FAULT:")
        once = name.endswith("-once")
        if name == prompt or (once and self.calls[prompt] > 1):
            return None
        return FAULTS[name.removesuffix("-once")]()


async def drops():
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.2)


async def broken():
    yield b'{"choi'
    raise ConnectionResetError


async def flood():
    for _ in range(64):
        yield b"x" * 2**18


async def silence():
    yield b" "
    await asyncio.sleep(60)


FAULTS = {
    "429": lambda: JSONResponse({}, 429, headers={"Retry-After": "0.4"}),
    "500": lambda: JSONResponse({"secret": "the server's own words"}, 500),
    "half": lambda: Response(b'{"choices": [{"text": "ha', media_type="application/json"),
    "hang": lambda: StreamingResponse(silence()),
    "drip": lambda: StreamingResponse(drops()),
    "disconnect": lambda: StreamingResponse(broken(), headers={"Content-Length": "1000"}),
    "huge": lambda: StreamingResponse(flood()),
    "context": lambda: JSONResponse({"error": {"message": "This model's maximum context length is 2048 tokens"}}, 400),
    "refuse": lambda: JSONResponse({"error": {"message": "no"}}, 400),
    "nothing": lambda: JSONResponse({"ok": True}),
    "redirect": lambda: Response(status_code=302, headers={"Location": "http://127.0.0.1:9/v1/x"}),
}
