"""Loads a folder of mappings into one CatalogSnapshot, or raises every problem of every file at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from catalog.binding import CompiledBinding
from catalog.errors import CatalogError, Place, near_names
from catalog.loader.bindings import Surroundings, read_binding
from catalog.loader.codes import read_codes
from catalog.loader.document import Entries, read_document
from catalog.loader.forms import read_form
from catalog.loader.nodes import read_node
from catalog.loader.order_warnings import order_warnings
from catalog.loader.policies import read_policy
from catalog.loader.problems import Problems
from catalog.loader.shapes import CATALOG
from catalog.loader.tables import check_relationships, read_table
from catalog.mapping.compile import compile_binding
from catalog.model import CatalogSnapshot, Lookup, Node, Policy, TableBinding, Units, VirtualTable

DEFAULT_SCHEMA = "health"


def load_catalog(folder: Path) -> CatalogSnapshot:
    """Read tables/, nodes/, codes/, policies/ and the optional catalog.yaml of `folder`. Raises CatalogError."""
    if not (folder / "tables").is_dir() or not (folder / "nodes").is_dir():
        _raise_not_found(folder)
    load = _Load(folder)
    schema = load.schema()
    load.read_codes()
    load.read_tables()
    load.read_nodes()
    policies = load.read_policies()
    compiled = load.compile()
    load.problems.raise_if_any()
    return CatalogSnapshot(
        revision=load.problems.digest(),
        schema=schema,
        nodes=load.nodes,
        tables=load.tables,
        bindings=tuple(load.bindings),
        lookups=load.lookups,
        units=load.units,
        policies=policies,
        compiled=compiled,
        warnings=order_warnings(load.bindings),
    )


def _raise_not_found(folder: Path) -> None:
    problems = Problems()
    place = Place(str(folder))
    if folder.is_dir():
        missing = " and ".join(name for name in ("tables/", "nodes/") if not (folder / name).is_dir())
        problems.add("C301", place, f"the folder has no {missing}", "name a folder of mappings, with tables/ and nodes/")
    elif folder.exists():
        problems.add("C301", place, "this is a file, not a folder of mappings")
    else:
        siblings = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        problems.add("C301", place, "there is no such folder", near_names(folder.name, siblings) if siblings else "")
    problems.raise_if_any()


@dataclass(slots=True)
class _Load:
    """One load while it runs. Order matters: bindings need tables, nodes and codes."""

    folder: Path
    problems: Problems = field(default_factory=Problems)
    tables: dict[str, VirtualTable] = field(default_factory=dict)
    broken_tables: frozenset[str] = frozenset()
    nodes: dict[str, Node] = field(default_factory=dict)
    bindings: list[TableBinding] = field(default_factory=list)
    sound_bindings: list[TableBinding] = field(default_factory=list)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    units: Units = field(default_factory=Units)
    codes_known: bool = True

    def schema(self) -> str:
        path = self.folder / "catalog.yaml"
        if not path.exists():
            return DEFAULT_SCHEMA
        document = self._document(path)
        return DEFAULT_SCHEMA if document is None else str(read_form(document, CATALOG, self.problems).data.get("schema", DEFAULT_SCHEMA))

    def read_codes(self) -> None:
        path = self.folder / "codes" / "codes.yaml"
        self._refuse_others("codes", ("codes.yaml",), "code maps are declared in codes.yaml")
        if not path.exists():
            return
        document = self._document(path)
        if document is None:
            self.codes_known = False
        else:
            self.lookups, self.units = read_codes(document, self.folder, self.problems)

    def read_tables(self) -> None:
        documents: dict[str, Entries] = {}
        broken: set[str] = set()
        for path in self._yaml_files("tables"):
            document = self._document(path)
            table = None if document is None else read_table(document, path.stem, self.problems)
            if table is None or document is None:
                broken.add(path.stem)
            else:
                self.tables[table.name], documents[table.name] = table, document
        self.broken_tables = frozenset(broken)
        for name, document in documents.items():
            check_relationships(self.tables[name], document, self.tables, self.broken_tables, self.problems)
        if not self.tables and not broken:
            self.problems.add("C301", Place("tables"), "the folder has no virtual tables", "describe one in tables/<table>.yaml")

    def read_nodes(self) -> None:
        self._refuse_others("nodes", (), "put it into the folder of its hospital")
        for folder in sorted(path for path in (self.folder / "nodes").iterdir() if path.is_dir() and not path.name.startswith(".")):
            path = folder / "node.yaml"
            if not path.exists():
                self.problems.add("C103", Place(self._relative(folder)), "the hospital has no node.yaml")
                continue
            document = self._document(path)
            node = None if document is None else read_node(document, folder.name, self.problems)
            if node is not None:
                self.nodes[node.name] = node
            self._read_bindings(folder, node)

    def _read_bindings(self, folder: Path, node: Node | None) -> None:
        for path in self._yaml_files(self._relative(folder)):
            if path.name == "node.yaml":
                continue
            document = self._document(path)
            if document is None or node is None:
                continue
            around = Surroundings(node, self.tables, self.broken_tables, self.lookups, self.codes_known)
            read = read_binding(document, self._relative(path), path.stem, around, self.problems)
            if read is not None:
                self.bindings.append(read.binding)
            if read is not None and read.sound:
                self.sound_bindings.append(read.binding)

    def read_policies(self) -> dict[str, Policy]:
        policies: dict[str, Policy] = {}
        for path in self._yaml_files("policies"):
            document = self._document(path)
            if document is None:
                continue
            policy = read_policy(document, path.stem, self.tables, self.broken_tables, self.problems)
            if policy.role in policies:
                hint = f"the first is in {policies[policy.role].place.file}"
                self.problems.add("C105", policy.place, f"the role {policy.role} is defined twice", hint)
            policies.setdefault(policy.role, policy)
        return policies

    def compile(self) -> dict[str, CompiledBinding]:
        compiled: dict[str, CompiledBinding] = {}
        for binding in self.sound_bindings:
            try:
                compiled[binding.id] = compile_binding(binding, self.tables[binding.table], self.lookups, self.units)
            except CatalogError as error:
                self.problems.merge(error.problems)
        return compiled

    def _refuse_others(self, folder: str, known: tuple[str, ...], hint: str) -> None:
        """A YAML file where none is looked for is a problem: silence would hide it."""
        for path in self._yaml_files(folder):
            if path.name not in known:
                self.problems.add("C104", Place(self._relative(path)), "the file would not be read", hint)

    def _yaml_files(self, folder: str) -> list[Path]:
        """The .yaml files of a folder; a file that looks like one but would be passed over is a problem."""
        place = self.folder / folder
        if not place.is_dir():
            return []
        for path in sorted(place.iterdir()):
            if path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml":
                self.problems.add("C104", Place(self._relative(path)), "the file would not be read", f"call it {path.stem}.yaml")
        return sorted(path for path in place.glob("*.yaml") if not path.name.startswith("."))

    def _document(self, path: Path) -> Entries | None:
        return read_document(path, self._relative(path), self.problems)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()
