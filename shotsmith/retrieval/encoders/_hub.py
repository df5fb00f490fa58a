"""Files from a Hugging Face hub: what is cached is used without asking the network, what is not is asked for once.

The hub's client retries an unreachable hub for 25 seconds a file. Here one question with a short timeout comes first,
so that a machine without network gets its one clear error in seconds. HF_HUB_OFFLINE, HF_ENDPOINT, HF_TOKEN and
HF_HOME are honoured; downloads show the client's own progress bars.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...domain.errors import InvalidParameter, Unavailable, UnknownName

TIMEOUT_S = 5.0
OTHERWISE = (
    "Run once with network access, or pass a local path: open_clip:ViT-B-32//path/to/checkpoint.pt or "
    "sentence-transformers:/path/to/model, or use the encoder 'embedded', which needs no download"
)
_MODEL_FILES = {".json", ".txt", ".model", ".safetensors", ".bin", ".pt", ".pth"}
_HEAD = 12


def cached(repo: str, *names: str, revision: str | None = None, folder: str | None = None) -> Path | None:
    """The first of these files that an earlier download left in the cache (or in another cache folder)."""
    from huggingface_hub import try_to_load_from_cache

    for name in names:
        found = try_to_load_from_cache(repo, name, cache_dir=folder, revision=revision)
        if isinstance(found, str):
            return Path(found)
    return None


def fetch(repo: str, *names: str) -> Path:
    """The first of these files that the cache or else the hub has.

    Raises:
        UnknownName: The hub has no such repository, or it is private.
        InvalidParameter: The repository has none of the files.
        Unavailable: The hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download

    if (local := cached(repo, *names)) is not None:
        return local
    offered = listing(repo)
    name = next((name for name in names if name in offered), None)
    if name is None:
        raise InvalidParameter(
            f"the model {repo} has no file {' or '.join(names)}",
            field="encoder",
            mend="Choose another model, or the encoder that this one was made for",
        )
    with told_once(repo):
        return Path(hf_hub_download(repo, name))


def listing(repo: str, revision: str | None = None) -> frozenset[str]:
    """The files of a repository: the one question that finds out whether the hub can be reached.

    Raises:
        UnknownName: The hub has no such repository or revision, or it is private.
        Unavailable: The hub cannot be reached.
    """
    from huggingface_hub import HfApi

    with told_once(repo):
        info = HfApi().model_info(repo, revision=revision, timeout=TIMEOUT_S)
    return frozenset(sibling.rfilename for sibling in info.siblings or ())


def commit(path: Path) -> str:
    """Head of the commit that a cached file belongs to (`.../snapshots/<commit>/...`)."""
    return path.parts[path.parts.index("snapshots") + 1][:_HEAD]


def fingerprint(path: Path) -> str:
    """Identity of local weights by content: head of the sha256 of a file, or of the model files of a directory."""
    if path.is_file():
        digest = _sha256(path)
    else:
        files = [file for file in path.rglob("*") if file.suffix in _MODEL_FILES and file.is_file()]
        told = sorted(f"{_sha256(file)} {file.relative_to(path).as_posix()}" for file in files)
        digest = hashlib.sha256("\n".join(told).encode()).hexdigest()
    return f"sha256-{digest[:_HEAD]}"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def told_once(repo: str) -> Iterator[None]:
    """Turn whatever a download from the hub raises into one clear error.

    Raises:
        UnknownName: The hub has no such repository or revision, or it is private.
        Unavailable: The hub cannot be reached.
    """
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        from huggingface_hub.utils import httpx  # since 1.31 the hub decides which one it uses
    except ImportError:
        import httpx

    try:
        yield
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise UnknownName(
            "the hub has no such model, or it is private",
            field="encoder",
            value=repo,
            mend="Check the spelling; for a private or gated model set HF_TOKEN",
        ) from error
    except (OSError, httpx.HTTPError) as error:
        reason = str(error).partition("\n")[0]
        raise Unavailable(
            f"the weights of {repo} cannot be downloaded: {reason}", field="encoder", mend=OTHERWISE
        ) from error
