"""What the README tells people to paste must work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import KEY

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block(server, number):
    code = re.sub(r"https://\w+\.example\.com", server.url, BLOCKS[number])
    code = re.sub(r'"<key of [^"]*>"', repr(KEY), code)
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=README.parent,
        env={**os.environ, "MONLIGHT_ERROR_TRACKER_URL": server.url, "MONLIGHT_API_KEY": KEY},
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    assert server.refused == []
    if "capture_exception()" in code or "report_error_sync" in code:
        assert [event["exception_type"] for event in server.events] == ["ZeroDivisionError"]
        assert server.total("orders_total") == 1


def test_there_are_blocks():
    assert len(BLOCKS) >= 8
