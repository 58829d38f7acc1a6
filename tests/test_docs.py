"""The documents say what there is: commands, options, settings, reasons, columns, links."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fidelity
import pytest
import typer

from flows.cli.exit_codes import ExitCode
from flows.cli.main import app
from flows.settings import Settings
from schemas import dictionary
from schemas.tables import metadata
from schemas.words import STATE_OF, Reason

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

#: Options that docs/commands.md describes once for all commands.
EVERYWHERE = {"--connection", "--json", "--help"}

CODE = [
    path
    for layer in ("flows", "transforms", "connectors", "schemas", "tests")
    for path in sorted((ROOT / layer).rglob("*.py"))
]

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(ROOT / "data").glob("*.md")])

#: A citation of docs/vendor-facts.md, with its service where it names one, and its sections.
CITATION = re.compile(
    r"FACTS(?:,? (?P<service>QBO|Clockify))?,? (?P<sections>(?:sections?|fact)? ?\d[^)\n:;]*)"
)


def _commands(group: Any, prefix: str = "") -> dict[str, Any]:
    """Return the commands by their names, those of groups after the group's name."""
    found: dict[str, Any] = {}
    for name, command in group.commands.items():
        is_group = hasattr(command, "commands")
        found |= _commands(command, f"{name} ") if is_group else {f"{prefix}{name}": command}
    return found


COMMANDS = _commands(typer.main.get_command(app))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def section(page: Path, title: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"(?ms)^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text_of(page))
    assert found, title
    return found[1]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_described_with_its_options(name):
    """A command's section has each of its options, and no option that it does not have."""
    part = section(DOCS / "commands.md", f"clockbooks {name}")
    written = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", part))
    if name == "prefect":  # its options are Prefect's own
        return
    options = {
        word
        for parameter in COMMANDS[name].params
        if parameter.param_type_name == "option"
        for word in (*parameter.opts, *parameter.secondary_opts)
    }

    assert options - EVERYWHERE <= written
    there = {
        word
        for command in COMMANDS.values()
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {word for word in written if word.startswith("--")} <= there | EVERYWHERE


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_described_with_its_default(name):
    """Its row in docs/settings.md names the default that the code has."""
    default = Settings.model_fields[name].get_default(call_default_factory=True)
    shown = (
        "none"
        if default in {None, ""}
        else str(default).lower()
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )
    row = re.search(
        rf"^\| `CLOCKBOOKS_{name.upper()}` \| (.*?) \| (.+) \|$",
        text_of(DOCS / "settings.md"),
        re.MULTILINE,
    )

    assert row, name
    assert row[1].strip("`") == shown


def test_every_reason_is_explained():
    """docs/troubleshooting.md has a row for each, in the order in which they are given."""
    rows = re.findall(
        r"^\| `(\w+)` \| ([a-z ]+) \| .+ \| .+ \|$",
        text_of(DOCS / "troubleshooting.md"),
        re.MULTILINE,
    )

    assert [(word, state.replace(" ", "_")) for word, state in rows] == [
        (str(reason), str(STATE_OF[reason])) for reason in Reason
    ]


@pytest.mark.parametrize("page", ["commands.md", "troubleshooting.md"])
def test_every_exit_code_is_explained(page):
    """Both lists have a row for each."""
    codes = re.findall(r"^\| (\d+) \| .+ \|$", text_of(DOCS / page), re.MULTILINE)

    assert [int(code) for code in codes] == [*ExitCode]


def test_the_dictionary_is_fresh():
    """Run `make dictionary` after a change of the schemas."""
    assert text_of(ROOT / "data" / "DICTIONARY.md") == dictionary.render()


def test_the_page_of_fidelity_is_fresh():
    """Run `make fidelity` after a change of the contract suite or of a stand-in's switches."""
    assert text_of(ROOT / "data" / "FIDELITY.md") == fidelity.render()


def test_every_column_of_the_database_is_described():
    """The database keeps the same words as comments, where it can."""
    for table in metadata.tables.values():
        assert table.comment, table.name
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"


def test_the_readme_is_short():
    """It leads to the documents, and does not repeat them."""
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    """Files are there, and so is the place in them that a link names."""
    broken = [
        target
        for target in links_of(page)
        if not re.match(r"\w+:", target) and not leads_somewhere(page, target)
    ]

    assert not broken


def test_every_document_is_in_the_readme():
    """Nobody finds a page that nothing leads to."""
    linked = {
        (ROOT / target.partition("#")[0]).resolve() for target in links_of(ROOT / "README.md")
    }

    assert set(DOCS.glob("*.md")) <= linked


def test_the_architecture_names_what_there_is():
    """Every folder and module is there, and in the walk every function and class of a module."""
    text = text_of(ROOT / "ARCHITECTURE.md")
    named = set(re.findall(r"`((?:flows|transforms|connectors|schemas|tests)/[\w/.]*)`", text))
    walk = re.findall(r"^\|[^|]*\| `([^`]+\.py)` \| (.+) \|$", text, re.MULTILINE)

    assert named
    assert not [path for path in named if not (ROOT / path).exists()]
    assert walk
    for module, functions in walk:
        for name in re.findall(r"`(\w+)", functions):
            assert re.search(rf"(?:def|class) {name}\b", text_of(ROOT / module)), (module, name)


def test_every_citation_of_a_vendor_fact_can_be_followed():
    """`FACTS, QBO, 2.3` in the code is a section of docs/vendor-facts.md."""
    there = set(re.findall(r'<a id="([^"]+)">', text_of(DOCS / "vendor-facts.md")))
    cited = {(path, place) for path in CODE for place in citations(path)}

    assert cited
    assert not {(str(path), place) for path, place in cited if not set(place.split("|")) & there}


def citations(path: Path) -> Iterator[str]:
    """Yield the anchors that a module cites; `a|b` when it does not name the service."""
    if path == Path(__file__):
        return
    for found in CITATION.finditer(text_of(path)):
        services = [found["service"].lower()] if found["service"] else ["qbo", "clockify"]
        facts = "0." if "fact " in found["sections"] else ""
        for number in re.findall(r"(?<![\d.,])\d{1,2}(?:\.\d+)?(?![\d.])", found["sections"]):
            yield "|".join(f"{service}-{facts}{number}" for service in services)


def links_of(page: Path) -> list[str]:
    """Return the targets of all links and pictures of a page, except those in code."""
    text = re.sub(r"^(?:    |```).*$|`[^`\n]*`", "", text_of(page), flags=re.MULTILINE)
    return re.findall(r"\]\(([^()\s]+)\)", text)


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, place = target.partition("#")
    file = (page.parent / path).resolve() if path else page
    return file.exists() and (not place or place in places_of(file))


def places_of(page: Path) -> set[str]:
    """Return the anchors of a page: the explicit ones, and those of its headings."""
    text = text_of(page)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))
