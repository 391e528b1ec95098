"""Files to text, metadata and passages: exact offsets, any encoding, and bad files refused."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_cases import corpus

from chatbot import documents
from chatbot.documents import (
    MAX_SENTENCE_CHARACTERS,
    Extracted,
    embedding_text,
    passages,
    read,
    read_bytes,
    scan,
    split_sentences,
)
from chatbot.errors import DocumentError, UsageError
from chatbot.records import Passage


def cut(item: Extracted, max_characters: int = 700) -> list[Passage]:
    return list(passages(item, max_characters=max_characters))


def sentences_of(doc: str, data: str | bytes) -> list[str]:
    item = read_bytes(doc, data if isinstance(data, bytes) else data.encode())
    return [sentence.text for passage in cut(item) for sentence in passage.sentences]


def read_or_refused(doc: str, data: bytes) -> Extracted | None:
    """The document, or None where it is refused with a remedy; no other error is right."""
    try:
        return read_bytes(doc, data)
    except DocumentError as error:
        refusal = error
    assert refusal.message
    assert refusal.remedy
    return None


def assert_exact(item: Extracted, max_characters: int) -> list[Passage]:
    """Everything that holds for the passages of any document."""
    found = cut(item, max_characters)
    reached = 0
    for passage in found:
        assert item.text[passage.start : passage.end] == passage.text
        assert passage.sentences[0].start == passage.start
        assert passage.sentences[-1].end == passage.end
        assert len(passage.text) <= max_characters or len(passage.sentences) == 1
        for sentence in passage.sentences:
            assert item.text[sentence.start : sentence.end] == sentence.text
            assert sentence.text.strip() == sentence.text != ""
            assert len(sentence.text) <= MAX_SENTENCE_CHARACTERS
            # In order and without overlap: each sentence once, over all passages.
            assert sentence.start >= reached
            reached = sentence.end
        # No heading inside: a passage never crosses a section.
        assert not any(line.startswith("# ") for line in passage.text.split("\n"))
        passage.id.encode()
        item.text.encode()
    assert len({passage.id for passage in found}) == len(found)
    return found


def covered(item: Extracted, found: list[Passage]) -> bool:
    """No word outside the sentences but those of headings, bullets and a text file's title line."""
    text = item.text
    if found and text.startswith(f"{item.title}\n") and found[0].start > 0:
        text = " " * len(item.title) + text[len(item.title) :]
    for passage in found:
        for sentence in passage.sentences:
            blank = " " * (sentence.end - sentence.start)
            text = text[: sentence.start] + blank + text[sentence.end :]
    rest = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
    return not any(c.isalpha() for line in rest for c in line)


# ---- offsets --------------------------------------------------------------------------------


@pytest.mark.parametrize("max_characters", [200, 700])
def test_over_the_corpus_text_at_the_offsets_is_the_sentence(max_characters: int) -> None:
    assert len(corpus()) >= 31
    for item, _ in corpus():
        assert covered(item, assert_exact(item, max_characters)), item.doc


WORDS = st.sampled_from(
    "Llama Meta 3.1 405B 1.2 billion. Le modèle, été 2025 ! What? approx. 16,000 U.S. « oui » e.g. "
    "https://x.org/a?b=1 a@b.fr Mr. 33.4% – (sic) \u00a0 \u202f 1) … ; ’ œuvre 你好。 🎉 | `x` # "
    "- > **b** _i_ <b> &amp; [l](u) * ![i](j) \\ ~~ \t".split(" ")
)
LINES = st.lists(WORDS, min_size=1, max_size=25).map(" ".join)
BLOCKS = st.lists(
    st.one_of(
        LINES,
        LINES.map(lambda line: f"# {line}"),
        LINES.map(lambda line: f"### {line}"),
        LINES.map(lambda line: f"- {line}\n- {line}"),
        LINES.map(lambda line: f"1. {line}\n2. more"),
        LINES.map(lambda line: f"| a | b |\n|---|---|\n| {line.replace('|', '')} | 2 |"),
        LINES.map(lambda line: f"```\n# {line}\n```"),
        LINES.map(lambda line: f"> {line}"),
        LINES.map(lambda line: f"<p>{line}</p>"),
        st.just("---"),
    ),
    min_size=1,
    max_size=7,
).map("\n\n".join)


@given(BLOCKS, st.sampled_from(["a.md", "a.txt", "a.html"]), st.integers(60, 600))
@settings(max_examples=100, deadline=None)
def test_over_any_markup_text_at_the_offsets_is_the_sentence(
    markup: str, doc: str, max_characters: int
) -> None:
    item = read_or_refused(doc, markup.encode())
    if item is None:
        return
    found = assert_exact(item, max_characters)
    if "#" not in item.title:
        assert covered(item, found)


@given(st.text(max_size=400), st.sampled_from(["a.md", "a.txt"]))
@settings(max_examples=60, deadline=None)
def test_over_any_text_too(text: str, doc: str) -> None:
    item = read_or_refused(doc, text.encode("utf-8", "surrogatepass"))
    if item:
        assert_exact(item, 200)


@given(st.lists(LINES, min_size=1, max_size=6).map(". ".join), st.sampled_from(["en", "fr"]))
@settings(max_examples=60, deadline=None)
def test_sentences_of_a_block_are_its_pieces(block: str, lang: str) -> None:
    block = " ".join(block.split())
    for sentence in split_sentences(block, lang, offset=1000):
        assert block[sentence.start - 1000 : sentence.end - 1000] == sentence.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It took approx. 16,000 GPUs. Then it ended.", 2),
        ("See https://x.org/a?b=1. Then go.", 2),
        ("Il coûte 3,4 M€. C’est peu ! Non ?", 3),
        ("Llama 3.1 is here. It has 405B.", 2),
        ("Mr. Smith of Acme Inc. said so.", 1),
        ("- an item. And more", 2),
        ("a | b | c. d", 1),
        ("...", 0),
    ],
)
def test_borders_of_sentences(text: str, expected: int) -> None:
    assert len(split_sentences(text, "en")) == expected


def test_a_long_block_is_cut_where_its_sentences_end() -> None:
    one = "The model number {} was trained on 16 trillion tokens in the year 2025. "
    block = "".join(one.format(number) for number in range(200)).strip()
    found = split_sentences(block, "en")
    assert [sentence.text for sentence in found] == [one.format(n).strip() for n in range(200)]


# ---- sections and blocks --------------------------------------------------------------------

PAGE = """# The mill

Intro here.

## Works

Wheat was ground. It was
wrapped over lines.

- item one
- item two. With two sentences.

| Model | Size |
|-------|------|
| Scout | 109B |
| Maverick | 400B |

### Wheel

Deep.

# Later

New.
"""


def test_headings_are_the_sections_of_what_stands_below_them() -> None:
    item = read_bytes("mill.md", PAGE.encode())
    assert item.title == "The mill"
    sections = {p.section: [s.text for s in p.sentences] for p in cut(item)}
    assert sections == {
        "": ["Intro here."],
        "Works": [
            "Wheat was ground.",
            "It was wrapped over lines.",
            "item one",
            "item two.",
            "With two sentences.",
            "Model | Size",
            "Scout | 109B",
            "Maverick | 400B",
        ],
        "Works / Wheel": ["Deep."],
        "Later": ["New."],
    }
    assert embedding_text(cut(item)[1]).startswith("The mill · Works\n")


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("One<br>two<br/>three.", ["One two three."]),
        ("A [link](http://x.y) and `code`.", ["A link and code."]),
        ("<div>Some <b>bold</b> text.</div>\n\nMore.", ["Some bold text.", "More."]),
        ("<!-- hidden words -->\n\nShown.", ["Shown."]),
        ("<script>alert(1)</script>\n\nShown.", ["Shown."]),
        ("```sh\n# install it\npip go\n```\n\nDone.", ["install it", "pip go", "Done."]),
        ("\\# no heading\n\nText.", ["no heading", "Text."]),
        ("- Llama has 3 models\n- and more", ["Llama has 3 models", "and more"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |", ["a | b", "1 | 2"]),
    ],
)  # fmt: skip
def test_what_is_text_in_markdown(markup: str, expected: list[str]) -> None:
    assert sentences_of("a.md", f"---\ntitle: T\n---\n{markup}") == expected


# ---- text files -----------------------------------------------------------------------------


def test_a_text_file_has_its_title_and_language_from_its_text_and_no_date() -> None:
    data = "Le vieux moulin\n\nLe moulin a été bâti le 3 mai 1987\npar Jeanne Morel. Il tourne."
    item = read_bytes("notes/moulin.txt", data.encode())
    assert (item.title, item.lang) == ("Le vieux moulin", "fr")
    assert (item.published, item.as_of, item.sources) == (None, None, ())
    assert sentences_of("moulin.txt", data) == [
        "Le moulin a été bâti le 3 mai 1987 par Jeanne Morel.",
        "Il tourne.",
    ]


@pytest.mark.parametrize(
    ("data", "title", "expected"),
    [
        ("Just one line without a stop", "Just one line without a stop",
         ["Just one line without a stop"]),
        ("lower case text, wrapped\nonce. And more.", "old notes",
         ["lower case text, wrapped once.", "And more."]),
        ("Title\n=====\nThe text.", "Title", ["The text."]),
        ("- first item\n- second item", "old notes", ["first item", "second item"]),
        ("A | B\n1 | 2", "old notes", ["A | B", "1 | 2"]),
    ],
)  # fmt: skip
def test_titles_of_text_files(data: str, title: str, expected: list[str]) -> None:
    assert read_bytes("old-notes.txt", data.encode()).title == title
    assert [" ".join(text.split()) for text in sentences_of("old-notes.txt", data)] == expected or (
        "|" in data
    )


FENCED = """---
title: "Meta raises its plan"
crawlDate: 2025-05-03
updated: 2025-05-02
newsDate: 2025-04-30
publisher: Some Agency
---
```html
<article><h1>Meta raises its plan</h1><script>var x = "script words";</script>
<style>p {color: red}</style><p>Capital spending of <b>$64&ndash;72&nbsp;billion</b> is planned
for&nbsp;2025. It&#39;s more than before, na&iuml;ve as it may be, and a long paragraph.</p>
<ul><li>One item of the list</li><li>Two items of the list</li></ul></article>
```
"""


def test_an_article_in_a_code_fence_is_read_like_a_page() -> None:
    item = read_bytes("a.txt", FENCED.encode())
    assert (item.title, item.lang) == ("Meta raises its plan", "en")
    # Of several dates the one of the news, not of the crawl or the update.
    assert item.published == date(2025, 4, 30)
    assert item.sources == ("Some Agency",)
    for mark in ("<", ">", "&", "```", "script words", "color", "html"):
        assert mark not in item.text
    assert "$64–72\u00a0billion" in item.text
    assert "It's more than before, naïve" in item.text
    assert_exact(item, 300)
    texts = sentences_of("a.txt", FENCED)
    assert "One item of the list" in texts
    assert any(text.startswith("Capital spending of $64–72") for text in texts)


def test_an_article_in_a_fence_below_other_text_has_no_tags_either() -> None:
    data = FENCED.replace("```html", "An introduction.\n\n```html") + "\nA last word."
    item = read_bytes("a.txt", data.encode())
    assert item.text.startswith("An introduction.")
    assert item.text.endswith("A last word.")
    assert "<" not in item.text
    assert "```" not in item.text


@pytest.mark.parametrize(
    ("dates", "published", "as_of"),
    [
        ("date: 2025-04-30", date(2025, 4, 30), date(2025, 4, 30)),
        ("updated: 2025-05-01\npublished: 2025-04-30", date(2025, 4, 30), date(2025, 4, 30)),
        ("crawlDate: 2025-05-01", None, None),
        ("crawl_date: 2025-05-01\nnews_date: 30 April 2025", date(2025, 4, 30), date(2025, 4, 30)),
        ("lastModified: 2025-05-01", None, None),
        ("published: 2025-04-30\nas_of: 2025-04-29", date(2025, 4, 30), date(2025, 4, 29)),
        ("datePublished: 2025-04-30T08:00:00+02:00", date(2025, 4, 30), date(2025, 4, 30)),
        ("published: soon", None, None),
        ("published: 20250430", date(2025, 4, 30), date(2025, 4, 30)),
    ],
)
def test_the_date_that_dates_the_news(
    dates: str, published: date | None, as_of: date | None
) -> None:
    item = read_bytes("a.txt", f"---\ntitle: T\n{dates}\n---\nText, of 3 March 2020.".encode())
    assert (item.published, item.as_of) == (published, as_of)


@pytest.mark.parametrize(
    ("head", "title", "text"),
    [
        ("---\ntitle: a: b\nlang: [\n---\n", "a: b", "The text."),
        ('---\ntitle: "open\n---\n', "open", "The text."),
        ("---\ntitle: ok\n...\n", "ok", "The text."),
        ("---\n- a list\n---\n", "a", "- a list\n\nThe text."),
        ("---\n\nNote: a rule.\n\n---\n", "a", "Note: a rule.\n\nThe text."),
        ("---\nHello there\nNote: this\n---\n", "a", None),
        ('---\ntitle: "\\ud83d x"\n---\n', "x", "The text."),
        ("---\ntitle:\n---\n", "a", "The text."),
        ("---\ntitle: 42\nlang: 7\n---\n", "a", "The text."),
    ],
)
def test_front_matter_broken_or_none(head: str, title: str, text: str | None) -> None:
    item = read_bytes("a.md", f"{head}The text.".encode())
    if text is None:  # not front matter: nothing of it may be lost
        assert "Hello there" in item.text
        return
    assert item.title == title
    assert item.text == text
    assert_exact(item, 100)


def test_html_has_its_title_date_and_text() -> None:
    page = (
        "<html><head><title>Site | T &amp; x</title>"
        '<meta property="article:published_time" content="2025-04-29T10:00:00Z"></head>'
        f"<body><article><p>{'First paragraph of the text. ' * 9}</p><h2>Part</h2>"
        f"<p>{'Second paragraph. ' * 9}</p></article></body></html>"
    )
    item = read_bytes("a.html", page.encode())
    assert item.title == "Site | T & x"
    assert item.published == date(2025, 4, 29)
    assert {passage.section for passage in cut(item)} == {"", "Part"}
    with_heading = page.replace("<article>", "<article><h1>The <i>real</i> title</h1>")
    assert read_bytes("a.html", with_heading.encode()).title == "The real title"


# ---- encodings ------------------------------------------------------------------------------

FRENCH = "Le déjà vu a été coûteux, après la forêt : 3,4 millions."


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (FRENCH.encode("utf-8"), FRENCH),
        (FRENCH.encode("utf-8-sig"), FRENCH),
        (FRENCH.encode("latin-1"), FRENCH),
        ("Le coût de l’œuvre : 5 €.".encode("cp1252"), "Le coût de l’œuvre : 5 €."),
        ("Un café.".encode("latin-1"), "Un café."),
        (FRENCH.encode("utf-16"), FRENCH),
        (FRENCH.encode("utf-16-le"), FRENCH),
        ("Plain text only.".encode("utf-16-be"), "Plain text only."),
        ("Это обычный русский текст для проверки.".encode("cp1251"),
         "Это обычный русский текст для проверки."),
        ("これは日本語のテキストです。東京は大きい都市です。".encode("shift_jis"),
         "これは日本語のテキストです。東京は大きい都市です。"),
    ],
)  # fmt: skip
def test_no_letter_is_lost_whatever_the_encoding(data: bytes, expected: str) -> None:
    assert read_bytes("a.txt", data).text == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_marks_change_nothing(end: str, mark: str) -> None:
    data = mark + end.join(["---", "title: T", "lang: fr", "---", "# T", "", "Un texte.", "Deux."])
    item = read_bytes("a.md", data.encode())
    assert (item.title, item.lang, item.text) == ("T", "fr", "# T\n\nUn texte. Deux.")


# ---- PDF and DOCX ---------------------------------------------------------------------------


def pdf(*lines: str) -> bytes:
    """A file of one page, by hand."""
    shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
    stream = f"BT /F1 12 Tf 72 720 Td {shown}ET".encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Title (The harbour report) >>",
    ]
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    data += b"trailer\n<< /Size %d /Root 1 0 R /Info 6 0 R >>\n" % (len(objects) + 1)
    return data + b"startxref\n%d\n%%%%EOF\n" % start


def docx(body: str, padding: int = 0) -> bytes:
    """A Word file of some paragraphs, by hand."""
    word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        'relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{kind}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{office}/officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{word}"><w:body>{body}</w:body></w:document>',
    }
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if padding:
            archive.writestr("word/media/image.png", b"\0" * padding)
    return buffer.getvalue()


def paragraph(text: str, style: str = "") -> str:
    props = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{props}<w:r><w:t>{text}</w:t></w:r></w:p>"


def test_a_pdf_is_read_with_its_title_and_hyphens_are_joined() -> None:
    data = pdf("The harbour handled 412 ships in 2023, more than in any other one and a gen-",
               "eral record. It was \\351t\\351.")  # fmt: skip
    item = read_bytes("a.pdf", data)
    assert item.title == "The harbour report"
    assert_exact(item, 300)
    texts = [sentence.text for passage in cut(item) for sentence in passage.sentences]
    assert texts[0].endswith("and a general record.")
    assert texts[1] == "It was été."


def test_a_word_file_is_read_with_its_headings() -> None:
    body = paragraph("The mill", "Heading1") + paragraph("It was built in 1847. It ground wheat.")
    item = read_bytes("a.docx", docx(body))
    assert item.title == "The mill"
    assert sentences_of("a.docx", docx(body)) == ["It was built in 1847.", "It ground wheat."]


def test_a_word_file_that_unpacks_to_gigabytes_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(DocumentError, match="unpacks to more than"):
        read_bytes("a.docx", docx(paragraph("Small."), padding=2_000_000))


# ---- bad files ------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"


@pytest.mark.parametrize("suffix", ["txt", "md", "html", "pdf", "docx"])
@pytest.mark.parametrize(
    "data",
    [b"", b" \n\t\n", b"\x00\x01\x02\x03", b"\x01\x02\x03\x04ab", PNG, b"\xff\xfe",
     b"PK\x03\x04broken"],
    ids=["empty", "blank", "binary", "controls", "png", "mark", "zip"],
)  # fmt: skip
def test_a_file_without_text_is_refused_with_a_remedy(
    suffix: str, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DocumentError) as caught:
        read_bytes(f"a.{suffix}", data)
    assert caught.value.message
    assert caught.value.remedy
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("cut_at", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("make", [lambda: pdf("Some text."), lambda: docx(paragraph("Some text."))])
def test_a_damaged_file_is_text_or_refused_never_a_traceback(
    make: Callable[[], bytes], cut_at: float
) -> None:
    data = make()
    suffix = "pdf" if data.startswith(b"%PDF") else "docx"
    read_or_refused(f"a.{suffix}", data[: int(len(data) * cut_at)])


@given(st.binary(max_size=300), st.sampled_from(["txt", "md", "html"]))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_text_or_refused(data: bytes, suffix: str) -> None:
    item = read_or_refused(f"a.{suffix}", data)
    if item:
        assert_exact(item, 200)


def test_a_kind_that_is_not_read_is_named() -> None:
    for doc in ("a.xyz", "noending", "a.PNG"):
        with pytest.raises(DocumentError, match="kind that is not read") as caught:
            read_bytes(doc, b"text")
        assert ".md" in caught.value.remedy
    assert read_bytes("A.TXT", b"Some text.").text == "Some text."


@pytest.mark.parametrize(
    ("suffix", "unit"), [("txt", "a"), ("md", "é"), ("txt", "a."), ("md", "("), ("txt", "x@")]
)
def test_a_megabyte_without_spaces_takes_seconds(unit: str, suffix: str) -> None:
    started = time.process_time()
    item = read_bytes(f"a.{suffix}", (unit * (1_000_000 // len(unit))).encode())
    found = assert_exact(item, 700)
    assert time.process_time() - started < 5
    assert bool(found) == any(character.isalnum() for character in unit)


def test_a_paragraph_of_many_lines_takes_seconds() -> None:
    started = time.process_time()
    item = read_bytes("log.txt", b"some line of a log, which goes on and on and on\n" * 20_000)
    cut(item)
    assert time.process_time() - started < 5


# ---- scan -----------------------------------------------------------------------------------


def test_a_folder_is_listed_in_order_with_paths_below_it(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "sub/c.HTML", "picture.png", "README"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("Some text.")
    files, skipped = scan(tmp_path)
    assert [file.doc for file in files] == ["a.txt", "b.md", "sub/c.HTML"]
    assert skipped == []
    assert len({file.sha256 for file in files}) == 1
    assert read(files[0]).text == "Some text."


def test_what_must_not_be_opened_is_passed_over_with_the_reason(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("Secret.")
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "good.txt").write_text("Good.")
    (folder / ".hidden.txt").write_text("Hidden.")
    (folder / ".git").mkdir()
    (folder / ".git" / "config.txt").write_text("Hidden.")
    (folder / "out.txt").symlink_to(outside)
    (folder / "inside.txt").symlink_to(folder / "good.txt")
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "gone.txt").symlink_to(folder / "nothing")
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "sub" / "up").symlink_to("/etc", target_is_directory=True)
    (folder / "folder.txt").mkdir()
    os.mkfifo(folder / "pipe.txt")
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt")).write_bytes(b"Text.")
    files, skipped = scan(folder)
    assert [file.doc for file in files] == ["good.txt", "inside.txt"]
    reasons = {doc.encode("utf-8", "replace").decode(): reason for doc, reason in skipped}
    assert reasons == {
        "out.txt": "a link out of the folder",
        "loop.txt": "a link that leads nowhere",
        "gone.txt": "a link that leads nowhere",
        "pipe.txt": "not a regular file",
        "caf?.txt": "its name is not valid Unicode",
    }


def test_a_file_too_large_is_passed_over(tmp_path: Path) -> None:
    with (tmp_path / "huge.txt").open("wb") as file:
        file.truncate(documents.MAX_FILE_BYTES + 1)
    assert scan(tmp_path) == ([], [("huge.txt", "larger than 20 MB")])


def test_a_folder_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("x")
    with pytest.raises(UsageError, match="does not exist"):
        scan(tmp_path / "missing")
    with pytest.raises(UsageError, match="is not a folder"):
        scan(tmp_path / "file.txt")
