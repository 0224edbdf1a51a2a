"""A server on 127.0.0.1 that speaks as much of the hub's protocol as its real client needs, and fails on request.

Weights are large files there: asked for by HEAD they answer with a redirection to another address, their SHA-256 as
entity tag and their size; that address answers ranges. All else is served where it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

LARGE = ".safetensors"


@dataclass(frozen=True)
class Request:
    """One line of the server's log; `first_byte` is what a resumed download asks for."""

    method: str
    repository: str
    file: str
    first_byte: int = 0


@dataclass
class Cut:
    """Break the line after some bytes of a file: politely, or as a cable that is pulled."""

    after_bytes: int
    reset: bool


@dataclass
class Repository:
    """Files of each commit, and which commit each branch is at."""

    commits: dict[str, dict[str, bytes]]
    branches: dict[str, str]
    gated: bool = False


class SmallHub(ThreadingHTTPServer):
    """The server; tests put repositories and faults into it and read its log."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.cuts: dict[tuple[str, str], list[Cut]] = defaultdict(list)
        self.damaged: set[tuple[str, str]] = set()
        self.log: list[Request] = []
        self.status_for_all: int | None = None
        self.page_for_all: bytes | None = None

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, name: str, files: dict[str, bytes] | Path, *, branch: str = "main", gated: bool = False) -> str:
        """Commit *files*, or all files of a folder, to a branch; returns the commit."""
        if isinstance(files, Path):
            files = {file.name: file.read_bytes() for file in sorted(files.iterdir())}
        content = repr([(path, hashlib.sha256(content).hexdigest()) for path, content in sorted(files.items())])
        commit = hashlib.sha1(f"{name} {content}".encode(), usedforsecurity=False).hexdigest()
        repository = self.repositories.setdefault(name, Repository({}, {}, gated=gated))
        repository.commits[commit] = files
        repository.branches[branch] = commit
        return commit

    def requests_for(self, repository: str, file: str | None = None, *, method: str | None = None) -> list[Request]:
        """What the client asked for; all methods and files if not said otherwise."""
        return [
            request
            for request in self.log
            if request.repository == repository
            and (file is None or request.file == file)
            and (method is None or request.method == method)
        ]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are what half of the tests are about."""


@dataclass
class _Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: SmallHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Stay quiet; the server keeps its own log."""

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def do_GET(self) -> None:
        self._respond(with_body=True)

    def _respond(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if self.server.status_for_all is not None:
            answer = _Answer(self.server.status_for_all)
        elif self.server.page_for_all is not None:
            answer = _Answer(200, {"Content-Type": "text/html"}, self.server.page_for_all)
        elif found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            answer = self._model(*found.groups())
        elif found := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            answer = self._file(*found.groups(), is_head=not with_body)
        elif found := re.fullmatch(r"/large/([^/]+/[^/]+)/([0-9a-f]{40})/(.+)", path):
            repository, commit, name = found.groups()
            answer = self._content(repository, name, self.server.repositories[repository].commits[commit][name])
        else:
            answer = _Answer(404)
        self._send(answer, path, with_body=with_body)

    def _model(self, name: str, revision: str) -> _Answer:
        self._note(name, "")
        repository, commit = self._find(name, revision)
        if repository is None or commit is None:
            return self._missing(repository)
        siblings = [{"rfilename": file} for file in repository.commits[commit]]
        model = {"id": name, "modelId": name, "sha": commit, "siblings": siblings, "tags": [], "private": False}
        return _Answer(200, {"Content-Type": "application/json"}, json.dumps(model).encode())

    def _file(self, name: str, revision: str, file: str, *, is_head: bool) -> _Answer:
        repository, commit = self._find(name, revision)
        if repository is None or commit is None:
            self._note(name, file)
            return self._missing(repository)
        headers = {"X-Repo-Commit": commit}
        if repository.gated:
            self._note(name, file)
            return _Answer(403, headers | {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        content = repository.commits[commit].get(file)
        if content is None:
            self._note(name, file)
            return _Answer(404, headers | {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        if not file.endswith(LARGE):
            answer = self._content(name, file, content)
            tag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            return _Answer(answer.status, answer.headers | headers | {"ETag": f'"{tag}"'}, answer.body)
        headers |= {
            # Under another host's name, as the hub does: its client would ask its own host for the commit again.
            "Location": f"http://localhost:{self.server.server_address[1]}/large/{name}/{commit}/{file}",
            "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            "X-Linked-Size": str(len(content)),
        }
        if is_head:
            self._note(name, file)
        return _Answer(302, headers)

    def _content(self, repository: str, file: str, content: bytes) -> _Answer:
        """The whole file, or from the byte on that a Range asks for."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        self._note(repository, file, first)
        if (repository, file) in self.server.damaged:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if not asked:
            return _Answer(200, {"Accept-Ranges": "bytes"}, content)
        return _Answer(206, {"Content-Range": f"bytes {first}-{len(content) - 1}/{len(content)}"}, content[first:])

    def _find(self, name: str, revision: str) -> tuple[Repository | None, str | None]:
        repository = self.server.repositories.get(name)
        if repository is None:
            return None, None
        commit = repository.branches.get(revision, revision)
        return repository, commit if commit in repository.commits else None

    def _missing(self, repository: Repository | None) -> _Answer:
        """As the hub does, a repository that is not there is one that may not be seen: 401."""
        if repository is None:
            return _Answer(401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        return _Answer(404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id"})

    def _note(self, repository: str, file: str, first_byte: int = 0) -> None:
        self.server.log.append(Request(self.command, repository, file, first_byte))

    def _send(self, answer: _Answer, path: str, *, with_body: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if not with_body:
            return
        cut = self._next_cut(path)
        if cut is None:
            self.wfile.write(answer.body)
            return
        self.wfile.write(answer.body[: cut.after_bytes])
        self.wfile.flush()
        if cut.reset:
            # Closing with zero seconds to linger sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        self.close_connection = True

    def _next_cut(self, path: str) -> Cut | None:
        for (repository, file), cuts in self.server.cuts.items():
            if cuts and f"/{repository}/" in path and path.endswith(f"/{file}"):
                return cuts.pop(0)
        return None


@contextmanager
def running_hub() -> Iterator[SmallHub]:
    """A hub that answers while the block runs."""
    hub = SmallHub()
    thread = Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()
