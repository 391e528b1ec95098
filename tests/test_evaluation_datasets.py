"""Sets of questions: our own format, broken lines, and public sets with their documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from test_evaluation_fakes import make_case

from chatbot import documents
from chatbot.errors import DatasetError
from chatbot.evaluation.adapters import adapt, detect_format
from chatbot.evaluation.datasets import find_set, load_dataset, missing_quotes, shipped_sets
from chatbot.records import Turn


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_set_is_read_with_its_header_and_unknown_fields(tmp_path: Path) -> None:
    case = make_case(
        1, as_of="2025-04-30", split="dev", history=[{"role": "user", "content": "Hello"}]
    )
    path = write_lines(
        tmp_path / "set.jsonl", [{"header": {"licence": "x"}}, case, "", make_case(2)]
    )
    loaded = load_dataset(path)
    assert loaded.header == {"licence": "x"}
    assert [c.id for c in loaded.cases] == ["case-0001", "case-0002"]
    first = loaded.cases[0]
    assert first.as_of == date(2025, 4, 30)
    assert first.history == (Turn(role="user", content="Hello"),)
    assert first.data["split"] == "dev"
    assert len(loaded.first(1).cases) == 1
    assert loaded.first(1).sha256 == loaded.sha256


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{not json", "Expecting"),
        ("[1]", "not a JSON object"),
        ({"question": "?", "answerable": True, "answers": []}, "'id'"),
        (make_case(9, question=" "), "'question'"),
        (make_case(9, answerable="yes"), "'answerable'"),
        (make_case(9, answers="one"), "'answers'"),
        (make_case(9, must_include=["one"]), "'must_include'"),
        (make_case(9, must_include=[[]]), "'must_include'"),
        (make_case(9, evidence=[{"doc": "a.md"}]), "'evidence'"),
        (make_case(9, history=[{"role": "robot", "content": "x"}]), "'role'"),
        (make_case(9, history=["x"]), "'history'"),
        (make_case(9, as_of="spring"), "'as_of'"),
        (make_case(9, as_of=1745971200), "'as_of'"),
        (make_case(9, answerable=1), "'answerable'"),
        (make_case(1), "was used before"),
    ],
)
def test_a_broken_line_is_named_and_stops_the_run(tmp_path: Path, line: Any, problem: str) -> None:
    path = write_lines(tmp_path / "set.jsonl", [make_case(1), line, make_case(2)])
    with pytest.raises(DatasetError, match="line 2") as caught:
        load_dataset(path)
    assert problem in caught.value.message
    assert "--skip-bad" in caught.value.remedy
    loaded = load_dataset(path, skip_bad=True)
    assert [case.id for case in loaded.cases] == ["case-0001", "case-0002"]
    assert [bad.number for bad in loaded.bad_lines] == [2]


def test_bytes_that_are_no_text_are_a_broken_line(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(json.dumps(make_case(1)).encode() + b"\n\xff\xfe\n")
    with pytest.raises(DatasetError, match="line 2"):
        load_dataset(path)


def test_an_empty_or_missing_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no case"):
        load_dataset(write_lines(tmp_path / "set.jsonl", [{"header": {}}]))
    with pytest.raises(DatasetError, match="no evaluation set"):
        find_set(str(tmp_path / "missing.jsonl"))
    with pytest.raises(DatasetError, match="cannot be read"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("name", sorted(shipped_sets()))
def test_shipped_sets_are_sound(name: str) -> None:
    loaded = load_dataset(find_set(name))
    assert loaded.header, "a shipped set says what it is"


def test_gold_quotes_are_looked_up_in_the_documents(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "set.jsonl", [make_case(1), make_case(2)])
    cases = load_dataset(path).cases
    quote = cases[0].data["evidence"][0]["quote"]
    texts = {"doc-1.md": f"So it was:\n{quote.replace(' ', chr(10), 1)}", "doc-2.md": "Else."}
    assert missing_quotes(cases, texts.get) == [("case-0002", "doc-2.md")]


# ---- public sets --------------------------------------------------------------------------------


def squad2(folder: Path) -> Path:
    qas = [
        {"id": "a", "question": "Which faith?", "is_impossible": False,
         "answers": [{"text": "Catholic", "answer_start": 3}] * 2},
        {"id": "b", "question": "Which king?", "is_impossible": True, "answers": []},
    ]  # fmt: skip
    data = {
        "data": [{"title": "The_Normans", "paragraphs": [{"context": "Text one.", "qas": qas}]}]
    }
    path = folder / "dev.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def beir(folder: Path) -> Path:
    corpus = [{"_id": "d/1", "title": "T", "text": "Text one."}, {"_id": "d?1", "text": "Two."}]
    write_lines(folder / "corpus.jsonl", corpus)
    write_lines(
        folder / "queries.jsonl", [{"_id": "q1", "text": "One?"}, {"_id": "q2", "text": "?"}]
    )
    write_lines(
        folder / "qrels/test.tsv", ["query-id\tcorpus-id\tscore", "q1\td/1\t1", "q1\td?1\t0"]
    )
    return folder


def multihop(folder: Path) -> Path:
    corpus = [
        {"url": "u1", "title": 'A "T"', "body": "Text one.", "published_at": "2023-09-26T05:26"}
    ]
    questions = [
        {"query": "Who?", "answer": "Swift", "question_type": "inference_query",
         "evidence_list": [{"url": "u1", "fact": "Text one."}]},
        {"query": "None?", "answer": "Insufficient information.", "question_type": "null_query",
         "evidence_list": []},
    ]  # fmt: skip
    (folder / "corpus.json").write_text(json.dumps(corpus), encoding="utf-8")
    (folder / "MultiHopRAG.json").write_text(json.dumps(questions), encoding="utf-8")
    return folder


def rgb(folder: Path) -> Path:
    return write_lines(folder / "en_int.json", [
        {"id": 0, "query": "When and where?", "answer": [["May 1", "1 May"], ["Paris"]],
         "positive": [["Text one."], ["Text two."]], "negative": ["Noise."]},
    ])  # fmt: skip


def pool(folder: Path) -> Path:
    write_lines(
        folder / "passages.jsonl", [{"id": "p<:>1", "text": "Text one.", "date": "2023-01-02"}]
    )
    write_lines(folder / "tasks.jsonl", [
        {"id": "t1", "question": "Then?", "answers": ["x"], "answerable": True, "language": "en",
         "context_ids": ["p<:>1"], "history": [{"role": "agent", "text": "Hi"}]},
        {"id": "t2", "question": "Hm?", "answers": ["What?"], "answerable": None, "language": "en",
         "context_ids": [], "history": []},
        {"id": "t3", "question": "No?", "answers": ["no"], "answerable": False, "language": "en",
         "context_ids": ["p<:>1"], "history": []},
    ])  # fmt: skip
    return folder


def contexts(folder: Path) -> Path:
    return write_lines(folder / "clap.jsonl", [
        {"id": "c1", "question": "How?", "answers": ["So."], "answerable": True, "language": "en",
         "contexts": [{"id": "long-name-p0", "title": "T", "sentences": ["One.", "So it is."]}],
         "labels": {"gold_sentence_idx": [1]}},
        {"id": "c2", "question": "How?", "answers": ["3"], "answerable": True, "language": "en",
         "contexts": [{"id": "d0", "type": "correct", "text": "Three."},
                      {"id": "d1", "type": "misinfo", "text": "Four."}],
         "labels": {"wrong_answers": ["4"]}},
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("make", "form", "cases", "docs"),
    [
        (squad2, "squad2", 2, 1), (beir, "beir", 1, 2), (multihop, "multihop-rag", 2, 1),
        (rgb, "rgb", 1, 3), (pool, "pool", 3, 1), (contexts, "contexts", 2, 3),
    ],
)  # fmt: skip
def test_public_sets_bring_their_documents(
    tmp_path: Path, make: Callable[[Path], Path], form: str, cases: int, docs: int
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    path = make(source)
    assert detect_format(path) == form
    loaded = adapt(path, tmp_path / "docs")
    assert len(loaded.cases) == cases
    assert loaded.docs_dir == tmp_path / "docs"
    files, skipped = documents.scan(tmp_path / "docs")
    assert len(files) == docs
    assert not skipped
    texts = {file.doc: documents.read(file).text for file in files}
    assert all("---" not in text for text in texts.values()), "front matter is no text"
    assert not missing_quotes(loaded.cases, texts.get)
    again = adapt(path, tmp_path / "again")
    assert again.sha256 == loaded.sha256


def test_what_public_sets_say_is_kept(tmp_path: Path) -> None:
    for make in (squad2, multihop, rgb, pool, contexts):
        (tmp_path / make.__name__).mkdir()
    faith, king = adapt(squad2(tmp_path / "squad2"), tmp_path / "d1").cases
    assert faith.data["answers"] == ["Catholic"]
    assert king.data["answerable"] is False
    assert king.data["evidence"] == []
    first = adapt(multihop(tmp_path / "multihop"), tmp_path / "d2").cases[0]
    assert first.data["category"] == "inference_query"
    article = documents.read(documents.scan(tmp_path / "d2")[0][0])
    assert article.title == 'A "T"'
    assert article.published == date(2023, 9, 26)
    (both,) = adapt(rgb(tmp_path / "rgb"), tmp_path / "d3").cases
    assert both.data["must_include"] == [["May 1", "1 May"], ["Paris"]]
    turn, unsaid, refusal = adapt(pool(tmp_path / "pool"), tmp_path / "d4").cases
    assert turn.history == (Turn(role="assistant", content="Hi"),)
    assert unsaid.data["answerable"] is None
    assert refusal.data["answers"] == refusal.data["evidence"] == []
    gold, wrong = adapt(contexts(tmp_path / "contexts"), tmp_path / "d5").cases
    assert [item["quote"] for item in gold.data["evidence"]] == ["So it is."]
    assert wrong.data["must_not_include"] == ["4"]


def test_rgb_needs_each_item_and_of_a_list_any_one(tmp_path: Path) -> None:
    row = {"id": 0, "query": "When?", "answer": ["2022", ["Jan", "January"]],
           "positive": ["Text."], "negative": []}  # fmt: skip
    (case,) = adapt(write_lines(tmp_path / "en.json", [row]), tmp_path / "docs").cases
    assert case.data["must_include"] == [["2022"], ["Jan", "January"]]


def test_a_pool_in_several_languages_is_asked_by_its_file_of_questions(tmp_path: Path) -> None:
    for language in ("de", "en"):
        write_lines(
            tmp_path / f"paragraphs.{language}.jsonl", [{"id": "p", "text": f"In {language}."}]
        )
        write_lines(tmp_path / f"questions.{language}.jsonl", [
            {"id": "q", "question": "?!", "answers": ["x"], "answerable": True,
             "language": language, "context_ids": ["p"]},
        ])  # fmt: skip
    path = tmp_path / "questions.de.jsonl"
    assert detect_format(path) == "pool"
    loaded = adapt(path, tmp_path / "docs")
    assert loaded.cases[0].data["evidence"] == [{"doc": "000/p.txt", "quote": ""}]
    assert documents.read(documents.scan(tmp_path / "docs")[0][0]).text == "In de."
    with pytest.raises(DatasetError, match="holds none of") as caught:
        adapt(tmp_path, tmp_path / "other")
    assert "questions.de.jsonl, questions.en.jsonl" in caught.value.remedy


def test_a_source_of_another_format_is_refused(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"a": 1}])
    with pytest.raises(DatasetError, match="not in the rgb format"):
        adapt(path, tmp_path / "docs", form="rgb")
    with pytest.raises(DatasetError, match="no known format"):
        adapt(path, tmp_path / "docs", form="csv")
    with pytest.raises(DatasetError, match="holds none of"):
        adapt(tmp_path, tmp_path / "docs")
    broken = write_lines(tmp_path / "b" / "passages.jsonl", ["{"]).parent
    write_lines(
        broken / "tasks.jsonl", [{"id": "t", "question": "?", "answers": [], "answerable": True}]
    )
    with pytest.raises(DatasetError, match="broken lines"):
        adapt(broken, tmp_path / "docs")
    assert len(adapt(broken, tmp_path / "docs", skip_bad=True).cases) == 1
