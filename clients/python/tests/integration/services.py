"""Starts services and programs, and asks the services what they have."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
APPS = HERE / "apps"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(condition, timeout: float = 20.0) -> Any:
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("did not happen in time")
        time.sleep(0.05)


def http(url: str, *, method: str = "GET", headers: dict | None = None, body: bytes | None = None):
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


class Program:
    """A process of the test's own, ended when the test ends."""

    def __init__(self, arguments: list[str], log: Path, **env: str) -> None:
        self.log = log
        self._file = log.open("ab")
        self.process = subprocess.Popen(
            arguments,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            cwd=APPS,
            env={**os.environ, **env},
        )

    def stop(self, number: int = signal.SIGTERM, timeout: float = 20) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._file.close()
        return self.process.returncode

    def text(self) -> str:
        return self.log.read_text(errors="replace")


class Service:
    """One of the services, on a port and with a database of its own."""

    def __init__(self, binary: str, directory: Path, name: str) -> None:
        self.key = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._binary = binary
        self._directory = directory
        self._name = name
        self._program: Program | None = None
        self.start()

    def start(self) -> None:
        self._program = Program(
            [self._binary],
            self._directory / f"{self._name}.log",
            API_KEY=self.key,
            ADDR=f"127.0.0.1:{self.port}",
            DATABASE_PATH=str(self._directory / f"{self._name}.db"),
        )
        wait_for(self._healthy)

    def _healthy(self) -> bool:
        assert self._program is not None
        if self._program.process.poll() is not None:
            raise AssertionError(self._program.text())
        try:
            return http(self.url + "/health")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        if self._program is not None:
            self._program.stop()
            self._program = None

    def get(self, path: str) -> Any:
        status, body = http(self.url + path, headers={"X-API-Key": self.key})
        assert status == 200, (path, status, body)
        return json.loads(body)

    # error-tracker

    def issues(self, project: str) -> list[dict[str, Any]]:
        query = urllib.parse.urlencode({"project": project, "limit": 200, "resolved": "all"})
        return self.get(f"/api/errors?{query}")["errors"]

    def issue(self, project: str, exception_type: str) -> dict[str, Any]:
        """Wait for an issue of this type; return it with its newest occurrence in full."""

        def find():
            return [i for i in self.issues(project) if i["exception_type"] == exception_type]

        found = wait_for(find)
        assert len(found) == 1, found
        return self.detail(found[0]["id"])

    def detail(self, issue_id: int) -> dict[str, Any]:
        issue = self.get(f"/api/errors/{issue_id}")
        issue["latest"] = self.get(f"/api/errors/{issue_id}/occurrences/latest")
        return issue


def start_service(variable: str, directory: Path, name: str) -> Service:
    binary = os.environ.get(variable)
    if not binary or not os.access(binary, os.X_OK):
        message = f"{variable} names no executable"
        if os.environ.get("MONLIGHT_REQUIRE_INTEGRATION") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return Service(binary, directory, name)


class Start:
    """Starts programs that report to the services, and ends them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs: list[Program] = []

    def __call__(self, *arguments: str, module: str | None = None, **env: str) -> Program:
        command = [sys.executable, *(("-m", module) if module else ()), *arguments]
        log = self.directory / f"program{len(self.programs)}.log"
        program = Program(command, log, PYTHONUNBUFFERED="1", **env)
        self.programs.append(program)
        return program

    def web(self, module: str, *arguments: str, port: int, **env: str) -> Program:
        """Start a web server and wait until it answers."""
        program = self(*arguments, module=module, **env)

        def answers() -> bool:
            assert program.process.poll() is None, program.text()
            try:
                return http(f"http://127.0.0.1:{port}/up")[0] == 200
            except OSError:
                return False

        wait_for(answers)
        return program
