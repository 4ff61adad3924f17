"""What the documents point at exists, and what they show works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from apcbridge import cli
from apcbridge.config import examine

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "config", "packaging")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])

LINK = re.compile(r"\]\(([^)#]*)#?([^)]*)\)")
PICTURE = re.compile(r'\b(?:src|srcset)="([^"]+)"')
NAMED_FILE = re.compile(r"`((?:apcbridge|tests|config|systemd|docs)/[\w./-]*\w)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    links = [(target, anchor) for target, anchor in LINK.findall(text) if "://" not in target]
    for target, anchor in [*links, *((picture, "") for picture in PICTURE.findall(text))]:
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return what a link can name in a page: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w -]", "", heading).replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_named_in_the_text_exist(page: Path) -> None:
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    # An MQTT topic begins like the package, but has no dot in it.
    files = {name for name in NAMED_FILE.findall(text) if "." in name}
    assert not {name for name in files if not (ROOT / name).exists()}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_ours_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for block in (body for kind, body in BLOCK.findall(text) if kind in ("sh", "")):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ ").removeprefix("sudo "), comments=True) if "'" not in line else []
            match words:
                case ["make", target, *_]:
                    assert re.search(rf"^{target}:", makefile, re.MULTILINE), line
                case [program, command, *_] if program.rsplit("/", 1)[-1] == "apcbridge":
                    assert command.replace("-", "_") in cli.COMMANDS, line


def test_the_architecture_names_every_module_and_no_other() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| (.*) \|$", text, re.MULTILINE)
    named = {name for modules, _ in rows for name in re.findall(r"`(\w+)`", modules)}
    package = ROOT / "apcbridge"
    there = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert named == {name for name in there if not name.startswith("_")}
    for modules, holds in rows:
        inside = [package / name for name in re.findall(r"`(\w+)`", modules)]
        parts = re.findall(r"`([a-z_]+\*?)`", holds)
        assert not [
            part for part in parts if not any([*place.glob(part), *place.glob(f"{part}.py")] for place in inside)
        ]


def test_the_configuration_in_the_readme_is_good(tmp_path: Path) -> None:
    blocks = [body for kind, body in BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8")) if kind == "yaml"]
    assert blocks
    for block in blocks:
        for name in re.findall(r"password_file: (\S+)", block):
            (tmp_path / name).write_text("secret\n", encoding="ascii")
            (tmp_path / name).chmod(0o600)
        path = tmp_path / "apcbridge.yaml"
        path.write_text(block, encoding="utf-8")
        assert examine(path).faults == ()
