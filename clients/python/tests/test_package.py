from __future__ import annotations

import re
from pathlib import Path

import monlight
from monlight import _release

ROOT = Path(__file__).parent.parent


def test_the_version_is_the_same_everywhere():
    declared = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert declared is not None
    assert monlight.__version__ == declared[1]


def test_everything_exported_exists_and_is_documented():
    for name in monlight.__all__:
        assert name == "__version__" or getattr(monlight, name).__doc__


def test_no_required_dependency():
    assert "dependencies = []" in (ROOT / "pyproject.toml").read_text()
    assert (ROOT / "monlight" / "py.typed").exists()


def _git(folder: Path, head: str, **refs: str) -> None:
    git = folder / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(head)
    for name, commit in refs.items():
        path = git / "refs" / "heads" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit + "\n")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_release_is_the_commit_that_is_checked_out(tmp_path):
    _git(tmp_path / "branch", "ref: refs/heads/main\n", main=COMMIT)
    _git(tmp_path / "detached", COMMIT + "\n")
    _git(tmp_path / "packed", "ref: refs/heads/other\n")
    (tmp_path / "packed" / ".git" / "packed-refs").write_text(f"# x\n{COMMIT} refs/heads/other\n")
    _git(tmp_path / "hostile", "ref: ../../../../etc/passwd\n")
    _git(tmp_path / "empty", "ref: refs/heads/none\n")
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    (worktree / ".git").write_text(f"gitdir: {tmp_path / 'branch' / '.git' / 'worktrees' / 'w'}\n")
    admin = tmp_path / "branch" / ".git" / "worktrees" / "w"
    admin.mkdir(parents=True)
    (admin / "HEAD").write_text("ref: refs/heads/main\n")
    (admin / "commondir").write_text("../..\n")
    below = tmp_path / "branch" / "src" / "deep"
    below.mkdir(parents=True)
    found = {
        name: _release._commit(str(tmp_path / name))
        for name in (
            "branch",
            "branch/src/deep",
            "detached",
            "packed",
            "hostile",
            "empty",
            "worktree",
        )
    }
    assert found == {
        "branch": COMMIT,
        "branch/src/deep": COMMIT,
        "detached": COMMIT,
        "packed": COMMIT,
        "hostile": "",
        "empty": "",
        "worktree": COMMIT,
    }


def test_release_of_the_environment_goes_first(monkeypatch):
    for name in _release._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GITHUB_SHA", "b")
    _release.find_release.cache_clear()
    assert _release.find_release() == "b"
    monkeypatch.setenv("MONLIGHT_RELEASE", "a")
    _release.find_release.cache_clear()
    assert _release.find_release() == "a"
    _release.find_release.cache_clear()
