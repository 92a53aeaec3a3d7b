"""A small OpenAI-compatible server on loopback, with a toy language model and faults on demand.

The model: each token's log-probability depends on the token before it, so that the log-likelihood of a text is known
here (`truth`); what it writes is always "!". A prompt of the form `FAULT:name` gets the fault.

`Double(kind="vllm")` and `Double(kind="sglang")` also answer the calls by token ids, in those servers' shapes.
"""

import asyncio
import json
import math
import threading
import time
import zlib
from collections import Counter
from itertools import pairwise

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

WRITES = "!"
BOS = 1


def ids_of(text, *, bos=False):
    """Token ids: the characters themselves as a number, so that an id can be read back."""
    return [BOS] * bos + [int.from_bytes(token.encode("utf-16-be")) for token in tokens_of(text)]


def text_of(token):
    return "<s>" if token == BOS else token.to_bytes(4).removeprefix(b"\0\0").decode("utf-16-be")


def truth_by_ids(left, right):
    """Log-likelihood of ids behind others."""
    pairs = zip([left[-1], *right[:-1]], right, strict=True)
    return sum(logprob(text_of(before), text_of(token)) for before, token in pairs)


def logprob(before, token):
    """A fixed log-probability for each pair of neighbours; the most likely token is always the same."""
    if token == WRITES:
        return -0.3
    return -8.0 - (zlib.crc32(f"{before}|{token}".encode()) % 900) / 300


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

    def __init__(self, kind="openai"):
        self.kind = kind
        self.shift = 0
        """By how many places rows of log-probabilities are late."""
        self.drop = 0
        """How many rows (or ids that were asked for) are missing."""
        self.certain = False
        """Whether every token of a prompt is told to be certain, as a server does whose prefix cache holds no logits."""
        self.knows_ids = True
        """Whether `logprob_token_ids` is known."""
        self.echoes = True
        self.chats = True
        self.completes = True
        self.bos = False
        self.first_scored = True
        self.fingerprint = "fp_1"
        self.served = "toy-served"
        self.key = None
        self.down = False
        self.calls = Counter()
        self.seen = []
        self.in_flight = self.most_in_flight = 0
        app = FastAPI()
        app.get("/v1/models")(self.models)
        app.post("/v1/chat/completions")(self.chat)
        app.post("/v1/completions")(self.completions)
        if kind != "openai":
            app.post("/tokenize")(self.tokenize)
        if kind == "sglang":
            app.post("/generate")(self.generate)
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
        prompt = body["prompt"]
        if self.kind == "vllm" and isinstance(prompt, list):
            refusal = await self.common(request, body, "".join(map(text_of, prompt)), offered=self.completes)
            return refusal or self.envelope(self.by_ids(prompt, body))
        refusal = await self.common(request, body, prompt, offered=self.completes)
        if refusal:
            return refusal
        if not body.get("echo"):
            return self.envelope({"text": self.text(prompt), "finish_reason": "stop"})
        choice = {"text": prompt + "!", "finish_reason": "length"}
        if self.echoes:
            choice["logprobs"] = self.logprobs(prompt)
        return self.envelope(choice)

    async def tokenize(self, request: Request):
        body = await request.json()
        ids = ids_of(body["prompt"], bos=self.bos and body["add_special_tokens"])
        return {"tokens": ids, "count": len(ids), "max_model_len": 2048}

    def rows(self, ids):
        """Log-probability of each id behind the one before it; of the first one none."""
        known = [None, *(0.0 if self.certain else logprob(text_of(a), text_of(b)) for a, b in pairwise(ids))]
        late = [None] * self.shift + known
        return late[: len(ids)]

    def by_ids(self, ids, body):
        """As vLLM 0.30 answers `prompt_logprobs`, and `logprob_token_ids` with `return_tokens_as_token_ids`."""
        best = ids_of(WRITES)[0]
        choice = {"text": WRITES, "finish_reason": "length"}
        if body.get("logprobs") is not None:
            wanted = body.get("logprob_token_ids") or [] if self.knows_ids else []
            table = {one: logprob(text_of(ids[-1]), text_of(one)) for one in [best, *wanted[self.drop :]]}
            choice["logprobs"] = {
                "tokens": [f"token_id:{best}"],
                "token_logprobs": [table[best]],
                "top_logprobs": [{f"token_id:{one}": value for one, value in table.items()}],
                "text_offset": [0],
            }
        if body.get("prompt_logprobs") is not None:
            told = [
                None
                if value is None
                else {
                    str(best): {"logprob": -0.3, "rank": 1, "decoded_token": WRITES},
                    str(one): {"logprob": value, "rank": 1 if one == best else 2, "decoded_token": text_of(one)},
                }
                for one, value in zip(ids, self.rows(ids), strict=True)
            ]
            choice["prompt_logprobs"] = told[self.drop :]
        return choice

    async def generate(self, request: Request):
        """As SGLang's `/generate` answers `return_logprob`."""
        body = await request.json()
        ids, start = body["input_ids"], body["logprob_start_len"]
        refusal = await self.common(request, body, "".join(map(text_of, ids)), offered=True)
        if refusal:
            return refusal
        best = ids_of(WRITES)[0]
        rows = [[value, one, None] for value, one in zip(self.rows(ids), ids, strict=True)][start:]
        rows[0][0] = None
        told = {
            "input_token_logprobs": rows[self.drop :],
            "input_top_logprobs": [None, *[[[-0.3, best, None]]] * (len(rows) - 1)][self.drop :],
            "prompt_tokens": len(ids),
            "finish_reason": {"type": "length", "length": 1},
        }
        if body["sampling_params"]["max_new_tokens"]:
            told["output_token_logprobs"] = [[-0.3, best, None]]
        return {"text": WRITES, "output_ids": [best], "meta_info": told}

    def logprobs(self, prompt):
        tokens = [*tokens_of(prompt), "!"]
        values = [logprob(before, token) for before, token in zip(["", *tokens], tokens, strict=False)]
        if not self.first_scored:
            values[0] = None
        if self.certain:
            values = [0.0] * len(values)
        if "NAN" in prompt:
            values = [math.nan] * len(values)
        tables = [{token: value, "other": (value or 0) - 2} for token, value in zip(tokens, values, strict=True)]
        if self.bos:
            tokens, values, tables = ["<s>", *tokens], [None, *values], [None, *tables]
        return {"tokens": tokens, "token_logprobs": values, "top_logprobs": tables}

    def text(self, prompt):
        return {"EMPTY": "", "LONG": "x" * 600_000}.get(prompt, f"answer to {prompt}")

    def envelope(self, choice):
        value = {
            "id": "x",
            "model": self.served,
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
    "error-200": lambda: JSONResponse({"error": {"message": "out of memory", "code": 500}}),
    "html": lambda: Response(b"<html><body>502 Bad Gateway</body></html>", media_type="text/html"),
    "reset": lambda: StreamingResponse(broken()),
    "list": lambda: Response(b"[1, 2]", media_type="application/json"),
    "deep": lambda: Response(b"[" * 100_000, media_type="application/json"),
    "gibberish": lambda: Response(b"\xff\xfe\x00", media_type="application/json"),
    "choices": lambda: JSONResponse({"choices": [{"message": {"content": 7}, "text": 7, "finish_reason": "stop"}]}),
    "why": lambda: JSONResponse({"choices": [{"text": "an answer", "finish_reason": None}]}),
    "filter": lambda: JSONResponse({"choices": [{"text": "an", "finish_reason": "content_filter"}]}),
    "nothing": lambda: JSONResponse({"ok": True}),
    "redirect": lambda: Response(status_code=302, headers={"Location": "http://127.0.0.1:9/v1/x"}),
}
