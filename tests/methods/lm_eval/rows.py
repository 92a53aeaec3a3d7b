"""Invented rows for real tasks of lm-eval, in the layout of `--data-root`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]
THINGS = ["주민등록등본", "여권", "인감증명서", "전입신고서", "혼인관계증명서", "납세증명서", "건축물대장", "토지대장"]
PLACES = ["민원실", "시청", "주민센터", "구청", "보건소", "도서관", "우체국", "세무서"]
PASSAGES = [
    f"{thing}{'은' if i % 2 else '는'} {place} {i + 1}번 창구에서 신청하며 처리에는 {i + 2}일이 걸리고 수수료는 {i + 3}00원이다."
    for i, (thing, place) in enumerate(zip(THINGS, PLACES, strict=True))
]


def _letters(n: int, *, options: int) -> Rows:
    return [
        {"question": f"{THINGS[i % 8]} 발급 수수료는 얼마인가? (문제 {i + 1})", "answer": i % options + 1,
         **{letter: f"{(i + k) % 7 + 1}00원" for k, letter in enumerate("ABCDE"[:options])}}
        for i in range(n)
    ]  # fmt: skip


def _boolq(n: int) -> Rows:
    return [
        {"paragraph": PASSAGES[i // 2 % 8], "question": f"{THINGS[i // 2 % 8]} 수수료는 {i}00원인가?", "label": i % 2}
        for i in range(n)
    ]


def _copa(n: int) -> Rows:
    return [
        {"premise": f"민원인이 {PLACES[i % 8]}에 {i}번 갔다.", "question": "원인" if i % 2 else "결과",
         "alternative_1": f"{THINGS[i % 8]}이 필요했다.", "alternative_2": "비가 왔다.", "label": i // 2 % 2}
        for i in range(n)
    ]  # fmt: skip


def _hellaswag(n: int) -> Rows:
    return [
        {"context": f"{PASSAGES[i % 8]} 그래서 민원인은", "label": i % 4,
         **{f"ending_{k + 1}": f"{PLACES[(i + k) % 8]}에 {'다시 ' * k}갔다." for k in range(4)}}
        for i in range(n)
    ]  # fmt: skip


def _csat(n: int) -> Rows:
    return [
        {"context": PASSAGES[i // 3 % 8], "question": f"{i}일 뒤에 할 일은?", "gold": i % 5 + 1,
         **{f"option#{k + 1}": f"{THINGS[(i + k) % 8]} 신청" for k in range(5)}}
        for i in range(n)
    ]  # fmt: skip


def _haerae(n: int) -> Rows:
    return [
        {"query": f"다음 중 {PLACES[i % 8]}에서 하는 일은? {'(A) 발급 (B) 접수 (C) 진료 (D) 대출 (E) 납세'} 정답:",
         "answer": f"({'ABCDE'[i % 5]})"}
        for i in range(n)
    ]  # fmt: skip


def _pages(n: int) -> Rows:
    return [{"page": " . ".join(PASSAGES[k % 8] for k in range(i, i + 1 + i % 3))} for i in range(n)]


DATA: Mapping[tuple[str, str | None], Mapping[str, Rows]] = {
    ("HAERAE-HUB/KMMLU", "Math"): {"test": _letters(10, options=4), "dev": _letters(5, options=4)},
    ("HAERAE-HUB/KMMLU", "Law"): {"test": _letters(8, options=4), "dev": _letters(5, options=4)},
    ("skt/kobest_v1", "boolq"): {"test": _boolq(16), "train": _boolq(6)},
    ("skt/kobest_v1", "copa"): {"test": _copa(9), "train": _copa(6)},
    ("skt/kobest_v1", "hellaswag"): {"test": _hellaswag(10), "train": _hellaswag(5)},
    ("skt/kobest_v1", "sentineg"): {
        "test": [{"sentence": f"{place} 직원이 {'친절' if i % 2 else '불친절'}했다.", "label": i % 2} for i, place in enumerate(PLACES)],
        "train": [{"sentence": "줄이 길었다.", "label": 0}],
    },
    ("skt/kobest_v1", "wic"): {
        "test": [{"context_1": PASSAGES[i], "context_2": PASSAGES[(i + 1) % 8], "word": "창구", "label": i % 2} for i in range(8)],
        "train": [{"context_1": PASSAGES[0], "context_2": PASSAGES[1], "word": "수수료", "label": 1}],
    },
    ("HAERAE-HUB/HAE_RAE_BENCH", "general_knowledge"): {"test": _haerae(11)},
    ("HAERAE-HUB/csatqa", "GR"): {"test": _csat(12)},
    ("google-research-datasets/paws-x", "ko"): {
        split: [
            {"sentence1": f"{PLACES[i % 8]}은 {i}시에 연다", "sentence2": f"{i}시에 {PLACES[i % 8]}이 문을 연다", "label": i % 2}
            for i in range(n)
        ]
        for split, n in (("test", 8), ("train", 3), ("validation", 2))
    },
    ("truthfulqa/truthful_qa", "multiple_choice"): {
        "validation": [
            {"question": f"{thing}은 어디에서 받는가?",
             **{f"mc{k}_targets": {"choices": [f"{PLACES[i]}에서", "달에서", "바다에서"], "labels": [1, k - 1, 0]} for k in (1, 2)}}
            for i, thing in enumerate(THINGS)
        ]
    },
    ("allenai/winogrande", "winogrande_xl"): {
        split: [
            {"sentence": f"The clerk gave the form to the visitor because _ had asked {i} times.",
             "option1": "the clerk", "option2": f"visitor {i}", "answer": str(i % 2 + 1)}
            for i in range(n)
        ]
        for split, n in (("validation", 8), ("train", 4))
    },
    ("nyu-mll/glue", "cola"): {
        split: [{"sentence": f"The office {verb} at {i}.", "label": int(verb == "opens"), "idx": i}
                for i, verb in enumerate(["opens", "open", "opens", "opening"] * n)]
        for split, n in (("validation", 3), ("train", 1))
    },
    ("EleutherAI/lambada_openai", None): {
        "test": [{"text": f"{PASSAGES[i % 8]} 신청은 {PLACES[i % 8]}"} for i in range(9)]
    },
    ("cimec/lambada", None): {
        split: [{"text": f"{PASSAGES[i % 8]} 문의는 {PLACES[i % 8]}", "domain": None} for i in range(5)]
        for split in ("test", "validation")
    },
    ("EleutherAI/wikitext_document_level", "wikitext-2-raw-v1"): {"test": _pages(9), "train": _pages(1), "validation": _pages(1)},
    ("NeelNanda/pile-10k", None): {"train": [{"text": page["page"], "meta": {"pile_set_name": "x"}} for page in _pages(8)]},
    ("sean0042/KorMedMCQA", "doctor"): {"test": _letters(6, options=5), "fewshot": _letters(5, options=5)},
    ("openai/gsm8k", "main"): {
        split: [{"question": f"창구 {i}개에 {i + 1}명씩 있다. 모두 몇 명?", "answer": f"{i}*{i + 1}={i * (i + 1)}\n#### {i * (i + 1)}"}
                for i in range(n)]
        for split, n in (("test", 5), ("train", 7))
    },
    ("google-research-datasets/tydiqa", "secondary_task"): {
        split: [
            {"id": f"korean-{i}", "title": "민원", "context": PASSAGES[i // 2 % 8], "question": f"{THINGS[i // 2 % 8]}은 어디서?",
             "answers": {"text": [PLACES[i // 2 % 8]], "answer_start": [0]}}
            for i in range(n)
        ]
        for split, n in (("validation", 8), ("train", 3))
    },
    ("HAERAE-HUB/HRM8K", "GSM8K"): {
        "test": [{"question": f"{i} 더하기 {i}는?", "answer": float(2 * i), "original": ""} for i in range(3)]
    },
}  # fmt: skip
"""Hub id and configuration -> split -> rows."""


def write_root(root: Path, *, only: str = "") -> Path:
    """The rows as JSONL below a data root; `only` those of hub ids that hold it."""
    for (path, config), splits in DATA.items():
        if only in path:
            for split, rows in splits.items():
                file = root / path / (config or ".") / f"{split}.jsonl"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return root
