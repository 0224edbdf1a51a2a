"""A hub on 127.0.0.1: serves data set repositories to the real `datasets` and `huggingface_hub` code."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

Files = Mapping[str, bytes]


def commit_of(files: Files) -> str:
    """A commit hash that follows from the content, as on the real hub."""
    shown = json.dumps({name: hashlib.sha1(content).hexdigest() for name, content in files.items()})  # noqa: S324 - git's
    return hashlib.sha1(shown.encode()).hexdigest()  # noqa: S324 - a name, no secret


@dataclass
class Hub:
    """What is served.

    Attributes:
        endpoint: Where, for HF_ENDPOINT.
        repositories: Files by repository and commit.
        names: Commit of each tag or branch, by repository.
        requests: Everything that was asked for: method and path.
        gated: Repositories that answer 'you must log in'.
        forbidden: Files, as "<path> of <repository>", that are listed but not handed out.
    """

    endpoint: str = ""
    repositories: dict[str, dict[str, Files]] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    gated: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)

    def publish(self, repository: str, files: Files, *names: str) -> str:
        """Add a commit, and let `main` and *names* point to it."""
        commit = commit_of(files)
        self.repositories.setdefault(repository, {})[commit] = files
        self.names.setdefault(repository, {}).update(dict.fromkeys(("main", *names), commit))
        return commit


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve an empty hub on a free port until the end of the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """The few addresses that `datasets` asks for: information, trees, paths, files."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Keep requests for the tests instead of printing them."""

    def _answer(self, body: bytes) -> None:
        path = unquote(self.path.partition("?")[0])
        self.hub.requests.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if parts[:2] == ["api", "datasets"] and len(parts) >= 4:
            self._api("/".join(parts[2:4]), parts[4:], body)
        elif parts[0] == "datasets" and len(parts) >= 6 and parts[3] == "resolve":
            self._file("/".join(parts[1:3]), parts[4], "/".join(parts[5:]))
        else:
            self._send(404, b"{}")

    def _commit(self, repository: str, revision: str) -> str | None:
        """The commit that is meant; answers and gives None if there is none."""
        commits = self.hub.repositories.get(repository)
        if commits is None or repository in self.hub.gated:
            code = "GatedRepo" if commits is not None else "RepoNotFound"
            self._send(401 if commits is not None else 404, b"{}", {"X-Error-Code": code})
            return None
        commit = self.hub.names[repository].get(revision, revision)
        if commit not in commits:
            self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return None
        return commit

    def _api(self, repository: str, rest: list[str], body: bytes) -> None:
        revision = rest[1] if len(rest) > 1 else "main"
        commit = self._commit(repository, revision)
        if commit is None:
            return
        files = self.hub.repositories[repository][commit]
        if not rest or rest[0] == "revision":
            siblings = [{"rfilename": name} for name in files]
            self._json({"id": repository, "sha": commit, "siblings": siblings, "tags": [], "private": False})
        elif rest[0] == "tree":
            self._json(_entries(files, "/".join(rest[2:])))
        elif rest[0] == "paths-info":
            asked = _asked_paths(body, self.headers.get("Content-Type", ""))
            self._json([entry for path in asked for entry in _entry(files, path)])
        else:
            self._send(404, b"{}")

    def _file(self, repository: str, revision: str, name: str) -> None:
        commit = self._commit(repository, revision)
        if commit is None:
            return
        if f"{name} of {repository}" in self.hub.forbidden:
            self._send(403, b"{}")
            return
        content = self.hub.repositories[repository][commit].get(name)
        if content is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
            return
        self._send(200, content, {"ETag": f'"{_oid(content)}"', "X-Repo-Commit": commit})

    def _json(self, answer: Any) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _oid(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()  # noqa: S324 - git's name of a blob


def _asked_paths(body: bytes, content_type: str) -> list[str]:
    if content_type.startswith("application/json"):
        return list(json.loads(body)["paths"])
    return parse_qs(body.decode())["paths"]


def _entry(files: Files, path: str) -> list[dict[str, Any]]:
    if path in files:
        return [{"type": "file", "path": path, "size": len(files[path]), "oid": _oid(files[path])}]
    if any(name.startswith(f"{path}/") for name in files):
        return [{"type": "directory", "path": path, "oid": _oid(path.encode())}]
    return []


def _entries(files: Files, folder: str) -> list[dict[str, Any]]:
    inside = [name for name in files if not folder or name.startswith(f"{folder}/")]
    folders = {name.rpartition("/")[0] for name in inside} - {"", folder}
    return [entry for path in (*sorted(folders), *inside) for entry in _entry(files, path)]
