"""README and docs lead where they say: links to files, make targets, folders of the map."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PAGES = [REPOSITORY / "README.md", REPOSITORY / "CHANGELOG.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]

    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_make_targets_exist(page):
    named = re.findall(r"(?:`|^    )make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(named) <= TARGETS


def test_the_map_in_the_readme_names_folders_that_exist():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| folder \|.*?\n\n", readme, re.DOTALL)
    folders = [cell for row in table.strip().splitlines()[2:] for cell in re.findall(r"`([^`]+)`", row.split("|")[1])]

    assert len(folders) > 5
    assert all((REPOSITORY / folder).is_dir() for folder in folders)
