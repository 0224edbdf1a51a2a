"""Checkpoints in a repository of the Hugging Face hub, through its own client and its own cache.

A revision pinned by its full commit is taken from the cache without asking the hub. A branch or tag is asked for each
time, and the commit it led to is what the record keeps. Where the hub cannot give the files, the cache has the last
word.
"""

from __future__ import annotations

import re
from pathlib import Path

from bertbench.checkpoints.config import BertConfig, read_config
from bertbench.checkpoints.digests import Pin
from bertbench.checkpoints.files import CONFIG, TOKENIZER_FILES, TOKENIZERS, WEIGHTS, Found, refuse_files
from bertbench.errors import CheckpointAbsentError, CheckpointError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

#: How long to wait for the hub's first word before looking into the cache.
_ANSWER_SECONDS = 10.0


def find(rest: str, *, source: str) -> Found:
    """Have the files of repository and revision *rest*, `<owner>/<name>@<revision>`, in the cache.

    Raises:
        CheckpointAbsentError: If they are not in the cache, and the hub cannot be reached, breaks off or bars access.
        CheckpointError: If there is no such repository or revision, if it is no BERT or has no safetensors, or if the
            cache cannot be written.
    """
    repository, _, revision = rest.partition("@")
    _refuse_impossible_name(repository, source)
    folder = _cached(repository, revision, need_all=True) if _COMMIT.fullmatch(revision) else None
    if folder is None:
        folder = _downloaded_or_cached(repository, revision, source)
    return Found(folder, folder.name, _pins(folder))


def _refuse_impossible_name(repository: str, source: str) -> None:
    """Raise if *repository* cannot be one's name."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # public, though not in __all__

    try:
        validate_repo_id(repository)
    except HFValidationError as error:
        raise CheckpointError(f"checkpoint {source}: {error}") from error


def _cached(repository: str, revision: str, *, need_all: bool) -> Path | None:
    """The snapshot's folder, if the cache has it.

    Args:
        repository: Owner and name.
        revision: Commit, or a branch or tag as the cache last saw it.
        need_all: Ask for every file that the repository has; else for those without which nothing works, which is
            what a cache filled by another program may come down to.
    """
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repository, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    # A path; None where the cache does not know; a mark of its own where it knows that the repository has no such file.
    known = {
        name: try_to_load_from_cache(repository, name, revision=folder.name) for name in (WEIGHTS, *TOKENIZER_FILES)
    }
    present = {name for name, state in known.items() if isinstance(state, str)}
    usable = WEIGHTS in present and not present.isdisjoint(TOKENIZERS)
    complete = None not in known.values()
    return folder if usable and (complete or not need_all) else None


def _downloaded_or_cached(repository: str, revision: str, source: str) -> Path:
    """The snapshot's folder, after downloading what the cache lacks."""
    from huggingface_hub import errors

    # Failures of the line come as the HTTP library's own, another one in each generation of the client. A login
    # page in the hub's place is a ValueError, and hf_xet, which may move the weights, fails with RuntimeError.
    transport_error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # imported there from either
    try:
        return _download(repository, revision, source)
    except (transport_error, OSError, ValueError, RuntimeError) as error:
        folder = _cached(repository, revision, need_all=False)
        if folder is None:
            raise _explained(error, repository, revision, source) from error
        return folder


def _download(repository: str, revision: str, source: str) -> Path:
    """Ask the hub what the repository has, then fetch what is needed, the weights last.

    The question comes first because it fails at once where the hub cannot be reached, while a download tries again for
    half a minute; and because a repository that is of no use should not cost a download.
    """
    from huggingface_hub import HfApi, hf_hub_download

    info = HfApi().model_info(repository, revision=revision, timeout=_ANSWER_SECONDS)
    names = [sibling.rfilename for sibling in info.siblings or ()]
    refuse_files(names, source=source, where=f"repository {repository}, revision {revision},")
    # Asked for by the name given, so that the cache learns where a branch led; all else by the commit found.
    config_file = Path(hf_hub_download(repository, CONFIG, revision=revision))
    BertConfig.from_json(read_config(config_file, source=source), where=f"checkpoint {source}, {CONFIG}")
    commit = config_file.parent.name
    for name in TOKENIZER_FILES:
        _fetch_if_there(repository, name, commit)
    hf_hub_download(repository, WEIGHTS, revision=commit)
    return config_file.parent


def _fetch_if_there(repository: str, name: str, commit: str) -> None:
    """Fetch a file that not every repository has; the cache notes its absence, so that it is asked for only once."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        hf_hub_download(repository, name, revision=commit)
    except LocalEntryNotFoundError:  # the cache has no such file, and the hub could not be asked
        raise
    except EntryNotFoundError:
        return


def _explained(error: Exception, repository: str, revision: str, source: str) -> CheckpointError:
    """The error that says what *error*, which came out of the hub's client, means for the reader."""
    from huggingface_hub import constants, errors

    who = f"checkpoint {source}"
    if isinstance(error, errors.GatedRepoError):
        return CheckpointAbsentError(
            f"{who}: repository {repository} is gated and this account has no access",
            remedy="Accept its terms on the hub, then log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return CheckpointError(
            f"{who}: the hub at {constants.ENDPOINT} has no repository {repository}, or it is private",
            remedy="Check owner and name; for a private repository log in with `hf auth login` or set HF_TOKEN.",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return CheckpointError(
            f"{who}: repository {repository} has no revision {revision}",
            remedy="Give a commit (40 hexadecimal digits), a tag or a branch that the repository has.",
        )
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
        return CheckpointError(
            f"{who}: cannot write the hub's cache {constants.HF_HUB_CACHE}: {error.strerror}",
            remedy="Make room there, or set HF_HUB_CACHE to a folder that can be written.",
        )
    return CheckpointAbsentError(
        f"{who}: not in the cache {constants.HF_HUB_CACHE}, and {_why_unreachable(error)}",
        remedy=(
            f"Where the hub can be reached, run `hf download {repository} {CONFIG} {WEIGHTS} tokenizer.json "
            f"--revision {revision} --local-dir FOLDER`; bring FOLDER here and set checkpoint.source to path:FOLDER."
        ),
    )


def _why_unreachable(error: Exception) -> str:
    """What kept the hub from giving the files."""
    from huggingface_hub import constants
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE forbids to ask the hub"
    detail = next(iter(str(error).strip().splitlines()), "")
    return f"the hub at {constants.ENDPOINT} did not give it: {type(error).__name__}: {detail}"


def _pins(folder: Path) -> dict[str, Pin]:
    """The digest that the hub gave for the weights: the cache names each large file by it.

    Without symbolic links the cache keeps no such name, and there is nothing to compare with.
    """
    weights = folder / WEIGHTS
    # One step only: a blob may itself be a link into a store that several caches share, under other names.
    blob = weights.readlink().name if weights.is_symlink() else ""
    if not _SHA256.fullmatch(blob):
        return {}
    remedy = f"The cached file is damaged; delete {folder.parent.parent / 'blobs' / blob} and run again."
    return {WEIGHTS: Pin(blob, "the hub", remedy)}
