"""Public evaluation sets in their own formats: cases, and a folder of the documents they ask about.

Nothing is downloaded: the user gives the path of what they have. The documents are written as
text files with front matter into a work folder and indexed like any other documents.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chatbot.errors import DatasetError
from chatbot.evaluation.datasets import (
    BadLine,
    Dataset,
    Record,
    checked,
    json_lines,
    read_bytes,
    read_cases,
)

_POOLS = ("paragraphs.jsonl", "passages.jsonl", "facts_corpus.jsonl", "documents.jsonl")
_QUESTIONS = ("questions.jsonl", "queries.jsonl", "tasks.jsonl")
_ROLES = {"user": "user", "assistant": "assistant", "agent": "assistant", "system": "assistant"}


@dataclass(slots=True)
class _Source:
    """What is read of a set: files with their bytes, cases, broken lines, documents."""

    folder: Path
    digest: Any = field(default_factory=hashlib.sha256)
    bad: list[BadLine] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """File name of each document, by the set's own id."""

    def content(self, path: Path) -> bytes:
        """The bytes of a file; they count into the set's checksum."""
        data = read_bytes(path)
        self.digest.update(path.name.encode() + b"\0" + data)
        return data

    def rows(self, path: Path) -> Iterator[tuple[int, Record]]:
        """Numbered objects of a JSON-lines file; broken lines are noted."""
        return json_lines(self.content(path), self.bad, name=f"{path.name}: ")

    def json(self, path: Path) -> Any:
        """The value of a JSON file.

        Raises:
            DatasetError: it is not JSON.
        """
        try:
            return json.loads(self.content(path).decode("utf-8-sig"))
        except ValueError as error:
            raise DatasetError(f"{path} is not JSON: {error}.", "Check the file.") from None

    def write(self, identifier: str, text: str, **metadata: str | None) -> str:
        """Write one document and return its name below the docs folder; once for each id."""
        if identifier in self.names:
            return self.names[identifier]
        # Numbered folders keep listings short where a set has many thousand documents.
        name = f"{len(self.names) // 1000:03d}/{file_stem(identifier)}.txt"
        lines = [f"{key}: {json.dumps(value)}" for key, value in metadata.items() if value]
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        front = "\n".join(["---", *lines, "---", ""]) if lines else ""
        path.write_text(f"{front}{text}\n", encoding="utf-8")
        self.names[identifier] = name
        return name


def file_stem(identifier: str) -> str:
    """The name, without folder and suffix, of the file that a set's document is written to."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", identifier).strip("-.")[:80]
    if plain == identifier:
        return plain
    # Two ids must not fall on one name.
    return f"{plain}-{hashlib.sha256(identifier.encode()).hexdigest()[:8]}"


def detect_format(path: Path) -> str:
    """Which of FORMATS a file or folder is, or "own"."""
    if path.is_dir():
        held = {item.name for item in path.iterdir()}
        if {"corpus.jsonl", "queries.jsonl"} <= held:
            return "beir"
        if {"MultiHopRAG.json", "corpus.json"} <= held:
            return "multihop-rag"
        return "pool"
    head = read_bytes(path)[:200_000]
    if path.suffix == ".json" and b'"paragraphs"' in head and b'"qas"' in head:
        return "squad2"
    try:
        first = json.loads(head.split(b"\n", 1)[0])
    except ValueError:
        return "own"
    if isinstance(first, dict):
        if {"query", "positive", "negative"} <= first.keys():
            return "rgb"
        if "contexts" in first and "question" in first:
            return "contexts"
        if "context_ids" in first and "question" in first:
            return "pool"
    return "own"


def adapt(path: Path, folder: Path, *, form: str | None = None, skip_bad: bool = False) -> Dataset:
    """Read a public set and write its documents into `folder`.

    Args:
        path: file or folder of the set.
        folder: docs folder to fill; documents in it are overwritten.
        form: one of FORMATS; detected if None.
        skip_bad: leave broken lines out.

    Raises:
        DatasetError: the format is unknown, a file is missing, or lines are broken.
    """
    form = form or detect_format(path)
    if form not in FORMATS:
        raise DatasetError(f"{form} is no known format.", f"Known: {', '.join(FORMATS)}.")
    source = _Source(folder)
    try:
        cases = read_cases(FORMATS[form](path, source), source.bad)
    except (AttributeError, KeyError, TypeError) as error:
        raise DatasetError(
            f"{path} is not in the {form} format: {type(error).__name__} {error}.",
            f"Name its format with --format: {', '.join(FORMATS)}.",
        ) from None
    dataset = Dataset(
        name=path.stem,
        path=path,
        sha256=source.digest.hexdigest(),
        cases=cases,
        header={"format": form, "documents": len(source.names)},
        bad_lines=tuple(source.bad),
        docs_dir=folder,
    )
    return checked(dataset, skip_bad=skip_bad)


Numbered = Iterable[tuple[int, Record]]


def _case(
    identifier: str, question: str, answers: Iterable[str], gold: Iterable[Record], **more: Any
) -> Record:
    """A case object; one that cannot be answered has neither answers nor gold evidence."""
    refused = more.get("answerable") is False
    return {
        "id": identifier,
        "question": question,
        "answerable": True,
        "answers": [] if refused else list(answers),
        "evidence": [] if refused else list(gold),
        **more,
    }


def _whole(docs: Iterable[str]) -> list[Record]:
    """Whole documents as gold evidence."""
    return [{"doc": doc, "quote": ""} for doc in docs]


def _squad2(path: Path, source: _Source) -> Numbered:
    """SQuAD 2.0 JSON (Rajpurkar et al. 2018): one document a paragraph."""
    for a, article in enumerate(source.json(path)["data"]):
        for p, paragraph in enumerate(article["paragraphs"]):
            title = article["title"].replace("_", " ")
            doc = source.write(f"{a:04d}-{p:04d}", paragraph["context"], title=title)
            for qa in paragraph["qas"]:
                answers = dict.fromkeys(answer["text"] for answer in qa["answers"])
                answerable = not qa.get("is_impossible", False)
                yield 0, _case(qa["id"], qa["question"], answers, _whole([doc]),
                               answerable=answerable, language="en")  # fmt: skip


def _beir(path: Path, source: _Source) -> Numbered:
    """A BEIR folder (Thakur et al. 2021): corpus.jsonl, queries.jsonl, qrels/*.tsv.

    Has no reference answers; a query without judgements is left out, as BEIR does.
    """
    for _, row in source.rows(path / "corpus.jsonl"):
        source.write(str(row["_id"]), row["text"], title=row.get("title"))
    tables = sorted((path / "qrels").glob("*.tsv"))
    named = [table for name in ("test", "dev") for table in tables if table.stem == name]
    if not tables:
        raise DatasetError(f"{path}/qrels holds no .tsv file.", "Check the folder.")
    gold: dict[str, list[str]] = {}
    for line in source.content((named or tables)[0]).decode("utf-8-sig").splitlines()[1:]:
        query, document, grade = line.split("\t")[:3]
        if int(grade) > 0 and document in source.names:
            gold.setdefault(query, []).append(document)
    for number, row in source.rows(path / "queries.jsonl"):
        documents = gold.get(str(row["_id"]), [])
        if documents:
            docs = _whole(source.names[item] for item in documents)
            yield number, _case(str(row["_id"]), row["text"], [], docs)


def _multihop(path: Path, source: _Source) -> Numbered:
    """The MultiHop-RAG files (Tang and Yang 2024): MultiHopRAG.json beside corpus.json."""
    for article in source.json(path / "corpus.json"):
        source.write(
            article["url"],
            article["body"],
            title=article["title"],
            published=(article.get("published_at") or "")[:10],
        )
    for number, row in enumerate(source.json(path / "MultiHopRAG.json"), start=1):
        facts = [
            {"doc": source.names[item["url"]], "quote": item["fact"]}
            for item in row["evidence_list"]
            if item["url"] in source.names
        ]
        kind = row["question_type"]
        named = {"answerable": kind != "null_query", "language": "en", "category": kind}
        yield number, _case(f"multihop-{number}", row["query"], [row["answer"]], facts, **named)


def _rgb(path: Path, source: _Source) -> Numbered:
    """A file of RGB (Chen et al. 2024): right and noisy documents.

    As it scores: each item of "answer" is needed, of an item that is a list any one.
    """
    for number, row in source.rows(path):
        identifier = f"{path.stem}-{row['id']}"
        positive = [text for item in row["positive"] for text in _flat(item)]
        for kind, texts in (("n", row["negative"]), ("w", row.get("positive_wrong", []))):
            for n, text in enumerate(text for item in texts for text in _flat(item)):
                source.write(f"{identifier}-{kind}{n}", text)
        docs = [source.write(f"{identifier}-p{n}", text) for n, text in enumerate(positive)]
        groups = [list(_flat(part)) for part in _flat(row["answer"], deep=False)]
        yield (
            number,
            _case(
                identifier,
                row["query"],
                [text for group in groups for text in group[:1]],
                _whole(docs),
                answerable=bool(docs),
                must_include=groups if isinstance(row["answer"], list) and docs else [],
                category=path.stem,
            ),
        )


def _flat(value: Any, *, deep: bool = True) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _flat(item) if deep else (item,)
    else:
        yield value


def _pool(path: Path, source: _Source) -> Numbered:
    """Questions beside a pool of passages: a folder, or its file of questions.

    Questions: {"id", "question", "answers", "answerable", "context_ids", "history"?, "labels"?};
    passages: {"id", "text", "title"?, "date"?}. `context_ids` are the gold passages, except where
    `labels.subset` says that they are only candidates (NoMIRACL). Beside "questions.en.jsonl" the
    pool is "paragraphs.en.jsonl" (XQuAD).
    """
    questions = path if path.is_file() else _one_of(path, _QUESTIONS)
    _, _, rest = questions.name.partition(".")
    pools = tuple(pool.replace("jsonl", rest) for pool in _POOLS)
    for _, row in source.rows(_one_of(questions.parent, pools)):
        source.write(
            row["id"], row["text"], title=row.get("title"), published=(row.get("date") or "")[:10]
        )
    for number, row in source.rows(questions):
        is_gold = "subset" not in (row.get("labels") or {})
        ids = [item for item in row.get("context_ids") or [] if is_gold and item in source.names]
        yield number, _common(row, _whole(source.names[item] for item in ids))


def _contexts(path: Path, source: _Source) -> Numbered:
    """One file, each question with its own documents (CLAPNQ, RAMDocs).

    A context is {"id", "text"} or {"id", "sentences"}; gold are the sentences that
    `labels.gold_sentence_idx` counts in the first context, or the contexts of type "correct".
    """
    for number, row in source.rows(path):
        labels = row.get("labels") or {}
        evidence = []
        for position, context in enumerate(row["contexts"]):
            sentences = context.get("sentences")
            text = " ".join(sentences) if sentences else context["text"]
            # Ids such as "d0" come again in each question; longer ones name one document.
            identifier = context["id"] if len(context["id"]) > 8 else f"{row['id']}-{context['id']}"
            doc = source.write(identifier, text, title=context.get("title"))
            if sentences and position == 0:
                chosen = labels.get("gold_sentence_idx", [])
                evidence += [{"doc": doc, "quote": sentences[index]} for index in chosen]
            elif context.get("type") == "correct":
                evidence += _whole([doc])
        wrong = labels.get("wrong_answers", [])
        yield number, _common(row, evidence, must_not_include=wrong)


def _common(row: Mapping[str, Any], gold: Iterable[Record], **more: Any) -> Record:
    """A case of the pool and contexts formats."""
    labels = row.get("labels") or {}
    category = labels.get("question_type") or labels.get("subset")
    if labels.get("multi_turn"):
        category = labels.get("answerability", "").lower() or category
    return _case(
        row["id"],
        row["question"],
        row["answers"] if row["answerable"] else [],
        gold,
        history=[
            {"role": _ROLES[turn["role"]], "content": turn.get("text", turn.get("content"))}
            for turn in row.get("history") or []
        ],
        answerable=row["answerable"],
        language=row.get("language"),
        category=category if isinstance(category, str) else None,
        **more,
    )


def _one_of(path: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        if (path / name).is_file():
            return path / name
    held = sorted(item.name for name in names for item in path.glob(f"{Path(name).stem}.*.jsonl"))
    remedy = f"Give the path of one of {', '.join(held)}." if held else "Check the folder."
    raise DatasetError(f"{path} holds none of {', '.join(names)}.", remedy)


FORMATS: Mapping[str, Callable[[Path, _Source], Numbered]] = {
    "squad2": _squad2,
    "beir": _beir,
    "multihop-rag": _multihop,
    "rgb": _rgb,
    "pool": _pool,
    "contexts": _contexts,
}
