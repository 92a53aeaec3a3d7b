"""Classifiers answer as the plain model does, whatever stands beside a text in the batch."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from tests.runtime.causal import tiny
from verify.errors import SubjectError
from verify.records import Classify, ClassifyAnswer, FailureReason, LogLikelihood
from verify.runtime.classifier import open_classifier

TEXTS = ("민원", *tiny.KOREAN)
NAMES = {0: "적합", 1: "부적합", 2: "보류"}


def _save(family: str, folder: Path, **changes: object) -> Path:
    labels = {"id2label": NAMES, "label2id": {v: k for k, v in NAMES.items()}}
    config = tiny.config(family, **{**labels, **changes})
    config.id2label, config.label2id = labels["id2label"], labels["label2id"]
    for name, value in changes.items():
        setattr(config, name, value)
    torch.manual_seed(0)
    target = folder / family
    AutoModelForSequenceClassification.from_config(config).eval().save_pretrained(target)
    made = tiny.tokenizer()
    made.model_max_length = 128
    made.save_pretrained(target)
    return target


def _alone(folder: Path, text: str) -> torch.Tensor:
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tiny.tokenizer()(text)["input_ids"]])).logits[0].double()


@pytest.mark.parametrize("family", ["bert", "electra", "roberta", "modernbert", "gpt2"])
def test_a_batch_gives_what_each_text_alone_gives(family, tmp_path):
    folder = _save(family, tmp_path)
    engine = open_classifier(folder)

    answers = {a.position: a.response for a in engine.answer([Classify(text=t) for t in TEXTS])}

    for position, text in enumerate(TEXTS):
        expected = torch.softmax(_alone(folder, text), -1).tolist()
        response = answers[position]
        assert isinstance(response, ClassifyAnswer)
        assert list(response.probabilities) == list(NAMES.values())
        assert list(response.probabilities.values()) == pytest.approx(expected, abs=1e-5)


def test_independent_labels_get_independent_probabilities(tmp_path):
    folder = _save("bert", tmp_path, problem_type="multi_label_classification")

    (answer,) = open_classifier(folder).answer([Classify(text=TEXTS[1])])

    expected = torch.sigmoid(_alone(folder, TEXTS[1])).tolist()
    assert list(answer.response.probabilities.values()) == pytest.approx(expected, abs=1e-5)


def test_what_cannot_be_answered_has_a_reason(tmp_path):
    engine = open_classifier(_save("bert", tmp_path))
    long = Classify(text=tiny.KOREAN[0] * 20)
    requests = [long, Classify(text=""), Classify(text="\ud800"), LogLikelihood(context="", continuation="가")]

    answers = {a.position: a.response for a in engine.answer([*requests, Classify(text=TEXTS[1])])}

    assert [answers[i].reason for i in range(4)] == [
        FailureReason.CONTEXT_TOO_LONG,
        FailureReason.EMPTY,
        FailureReason.INVALID_TEXT,
        FailureReason.UNSUPPORTED,
    ]
    assert isinstance(answers[4], ClassifyAnswer)


def test_a_broken_row_costs_its_own_answer_only(tmp_path):
    folder = _save("bert", tmp_path)
    engine = open_classifier(folder)
    good = set(tiny.tokenizer()(TEXTS[1])["input_ids"])
    broken = next(token for token in tiny.tokenizer()(TEXTS[2])["input_ids"] if token not in good)
    engine._loaded.model.get_input_embeddings().weight.data[broken] = float("nan")

    answers = {a.position: a.response for a in engine.answer([Classify(text=t) for t in TEXTS[1:3]])}

    assert isinstance(answers[0], ClassifyAnswer)
    assert answers[1].reason is FailureReason.INVALID_LOGITS


def test_a_head_that_was_never_trained_is_refused(tmp_path):
    folder = tmp_path / "body"
    tiny.build("llama").save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)

    with pytest.raises(SubjectError, match="missing"):
        open_classifier(folder)


def test_one_label_is_no_classifier(tmp_path):
    folder = _save("bert", tmp_path)
    config = tiny.config("bert")
    config.num_labels = 1
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)

    with pytest.raises(SubjectError, match="fewer than two labels"):
        open_classifier(folder)


def test_texts_are_counted_once_each_by_the_classifiers_own_tokenizer(tmp_path):
    engine = open_classifier(_save("bert", tmp_path))
    lengths = [len(tiny.tokenizer()(text)["input_ids"]) for text in TEXTS[:2]]

    counted = engine.count([Classify(text=text) for text in (*TEXTS[:2], TEXTS[0])])

    assert (counted.read, counted.unique, counted.written) == (sum(lengths), sum(lengths), 0)
