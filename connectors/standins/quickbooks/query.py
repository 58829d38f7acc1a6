"""QuickBooks Online's query language: a parser, and what it selects (FACTS 4.1 to 4.4).

    SELECT * | *, p | count(*) | p, p FROM Entity [WHERE p op v [AND p op v]...]
        [ORDERBY p [ASC|DESC], ...] [STARTPOSITION n] [MAXRESULTS n]

Words are read without regard to case. There is no OR, no join and no grouping.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.wire import PACIFIC, Json

DEFAULT_ROWS = 100
MOST_ROWS = 1000

Kind = Literal["id", "text", "reference", "date", "time", "flag", "number"]


@dataclass(frozen=True)
class Property:
    """Something that a WHERE may name, and an ORDERBY if it is *sortable*."""

    kind: Kind
    sortable: bool = True


@dataclass(frozen=True)
class Schema:
    """What is known of an entity for queries.

    Attributes:
        queryable: The properties that may be filtered.
        members: All members of the entity; naming another one is another fault.
        default_order: Sort key of answers to a query without ORDERBY.
    """

    queryable: Mapping[str, Property]
    members: Sequence[str]
    default_order: Callable[[Json], Any]


@dataclass(frozen=True)
class Condition:
    """One `property op value`; IN is the only one with several values."""

    name: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """A query that was read, not yet held against any schema."""

    entity: str
    columns: tuple[str, ...] = ()  # none: all; with a star, those that come besides
    star: bool = False
    counts: bool = False
    conditions: tuple[Condition, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()  # name, descending?
    start: int = 1
    limit: int = DEFAULT_ROWS


def invalid(detail: str) -> FaultError:
    return FaultError("4001", f"QueryValidationError: {detail}")


# --- reading -----------------------------------------------------------------------------------

_BESIDE_STRINGS = (
    r"(?P<operator><=|>=|[=<>])"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<number>\d+)"
    r"|(?P<mark>[(),*])"
    r"|(?P<odd>\S)"  # reported only when the reader gets there: what came before counts first
)
_TOKENS = re.compile(r"(?P<string>'(?:[^'\\]|\\.)*')|" + _BESIDE_STRINGS, re.DOTALL)
_TOKENS_OF_PLAIN_BACKSLASHES = re.compile(
    r"(?P<string>'(?:\\'|[^'])*+')|" + _BESIDE_STRINGS, re.DOTALL
)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    column: int


def _tokens(text: str, *, escapes_backslashes: bool) -> list[_Token]:
    known = _TOKENS if escapes_backslashes else _TOKENS_OF_PLAIN_BACKSLASHES
    return [
        _Token(match.lastgroup or "", match[0], match.start() + 1) for match in known.finditer(text)
    ]


@dataclass
class _Reader:
    """Takes tokens from the left; each `parse_` method reads one part of the grammar."""

    tokens: list[_Token]
    today: date
    escaped: str
    position: int = field(default=0)

    def parse_statement(self) -> Statement:
        self.take_word("select")
        star = self.accept("*")
        counts = not star and self.accept("count", "(", "*", ")")
        columns = self.parse_columns(star=star) if not counts else ()
        self.take_word("from")
        entity = self.take("word").text
        conditions = self.parse_conditions() if self.accept("where") else ()
        order = self.parse_order() if self.accept("orderby") or self.accept("order", "by") else ()
        start, limit = self.parse_page()
        if self.position < len(self.tokens):
            raise self.unexpected()
        return Statement(entity, columns, star, counts, conditions, order, start, limit)

    def parse_columns(self, *, star: bool) -> tuple[str, ...]:
        columns = [] if star else [self.take("word").text]
        while self.accept(","):
            columns.append(self.take("word").text)
        return tuple(columns)

    def parse_conditions(self) -> tuple[Condition, ...]:
        conditions = [self.parse_condition()]
        while self.accept("and"):
            conditions.append(self.parse_condition())
        return tuple(conditions)

    def parse_condition(self) -> Condition:
        name = self.take("word").text
        if self.accept("in"):
            self.take_word("(")
            values = [self.parse_value()]
            while self.accept(","):
                values.append(self.parse_value())
            self.take_word(")")
            return Condition(name, "in", tuple(values))
        if self.accept("like"):
            return Condition(name, "like", (self.parse_value(),))
        return Condition(name, self.take("operator").text, (self.parse_value(),))

    def parse_value(self) -> str:
        if self.accept("current_date"):
            return self.today.isoformat()
        for word in ("true", "false"):
            if self.accept(word):
                return word
        text = self.take("string").text[1:-1]
        return re.sub(rf"\\({self.escaped})", r"\1", text, flags=re.DOTALL)

    def parse_order(self) -> tuple[tuple[str, bool], ...]:
        order = []
        while True:
            name = self.take("word").text
            descending = self.accept("desc")
            if not descending:
                self.accept("asc")
            order.append((name, descending))
            if not self.accept(","):
                return tuple(order)

    def parse_page(self) -> tuple[int, int]:
        start, limit = 1, DEFAULT_ROWS  # in either order: peers send both
        while True:
            if self.accept("startposition"):
                start = int(self.take("number").text)
            elif self.accept("maxresults"):
                limit = int(self.take("number").text)
            else:
                return start, limit

    def accept(self, *words: str) -> bool:
        """Take all of *words* if they come next, else none."""
        ahead = self.tokens[self.position : self.position + len(words)]
        if [token.text.lower() for token in ahead] != list(words):
            return False
        self.position += len(words)
        return True

    def take_word(self, word: str) -> None:
        if not self.accept(word):
            raise self.unexpected()

    def take(self, kind: str) -> _Token:
        if self.position >= len(self.tokens) or self.tokens[self.position].kind != kind:
            raise self.unexpected()
        self.position += 1
        return self.tokens[self.position - 1]

    def unexpected(self) -> FaultError:
        where = 'Encountered "<EOF>" at line 0, column 0.'
        if self.position < len(self.tokens):
            token = self.tokens[self.position]
            if token.kind == "odd":
                where = (
                    f"Invalid content. Lexical error at line 1, column {token.column}.  "
                    f'Encountered: "{token.text}" ({ord(token.text)}), after : ""'
                )
                return FaultError("4000", f"QueryParserError: {where}")
            name = "IDENTIFIER" if token.kind == "word" else token.kind.upper()
            where = f'Encountered " <{name}> "{token.text} "" at line 1, column {token.column}.'
        return FaultError("4000", f"QueryParserError: {where}")


def parse(
    text: str,
    *,
    today: date,
    cuts_long_pages: bool = False,
    takes_columns: bool = True,
    escapes_backslashes: bool = True,
) -> Statement:
    r"""Read a statement.

    Args:
        text: The statement as sent.
        today: What CURRENT_DATE stands for.
        cuts_long_pages: Take a MAXRESULTS that is too large for the largest.
        takes_columns: Whether a statement may choose its columns.
        escapes_backslashes: Whether a backslash escapes another one, and not the apostrophe alone.

    Examples:
        >>> parse(r"select * from Vendor where DisplayName = 'O\'Hara'", today=date.min).conditions
        (Condition(name='DisplayName', operator='=', values=("O'Hara",)),)
    """
    if not text.strip():
        raise FaultError("4000", "QueryParserError: The query provided was empty")
    tokens = _tokens(text, escapes_backslashes=escapes_backslashes)
    statement = _Reader(tokens, today, "." if escapes_backslashes else "'").parse_statement()
    if statement.columns and not statement.star and not takes_columns:
        raise invalid("columns cannot be chosen")
    for number in (statement.start, statement.limit):
        if number < 1:
            raise invalid(f"value {number} is too small. Min allowed value is 1")
    if statement.limit > MOST_ROWS and cuts_long_pages:
        statement = replace(statement, limit=MOST_ROWS)
    if statement.limit > MOST_ROWS:
        raise invalid(f"value {statement.limit} is too large. Max allowed value is {MOST_ROWS}")
    return statement


# --- selecting ---------------------------------------------------------------------------------


def select(statement: Statement, entity: str, schema: Schema, rows: Iterable[Json]) -> list[Json]:
    """Return all rows that *statement* selects, in its order; the caller cuts the page."""
    _check_columns(statement, entity, schema)
    tests = [_test(condition, entity, schema) for condition in statement.conditions]
    asked = {condition.name.lower() for condition in statement.conditions}
    if "Active" in schema.queryable and "active" not in asked:
        tests.append(lambda row: row["Active"])
    chosen = sorted(
        (row for row in rows if all(test(row) for test in tests)), key=schema.default_order
    )
    for name, descending in reversed(statement.order):  # sorting is stable: the first counts most
        name, prop = _lookup(name, entity, schema)  # noqa: PLW2901 - as the service spells it
        if not prop.sortable:
            raise invalid(f"property '{name}' is not sortable")
        key = _sort_key(name, prop)
        chosen.sort(key=key, reverse=descending)
    return chosen


def _check_columns(statement: Statement, entity: str, schema: Schema) -> None:
    members = {member.lower() for member in schema.members}
    for column in statement.columns:
        if column.partition(".")[0].lower() not in members:
            raise _no_property(column, entity)


def _sort_key(name: str, prop: Property) -> Callable[[Json], tuple[bool, Any]]:
    def key(row: Json) -> tuple[bool, Any]:
        value = _row_value(row, name, prop)
        return (value is not None, value)

    return key


def _lookup(name: str, entity: str, schema: Schema) -> tuple[str, Property]:
    for known, prop in schema.queryable.items():
        if known.lower() == name.lower():
            return known, prop
    if name.partition(".")[0].lower() in {member.lower() for member in schema.members}:
        raise invalid(f"property '{name}' is not queryable")
    raise _no_property(name, entity)


def _no_property(name: str, entity: str) -> FaultError:
    return invalid(f"Property {name} not found for Entity {entity}")


def _test(condition: Condition, entity: str, schema: Schema) -> Callable[[Json], bool]:
    name, prop = _lookup(condition.name, entity, schema)
    operator = condition.operator
    if prop.kind == "id" and operator not in {"=", "in"}:
        raise invalid(f"operator {operator} is not supported for property '{name}'")
    if operator == "like":
        if prop.kind != "text":
            raise invalid(f"operator LIKE is not supported for property '{name}'")
        pattern = ".*".join(map(re.escape, condition.values[0].casefold().split("%")))
        like = re.compile(pattern, re.DOTALL)
        return lambda row: like.fullmatch(_row_value(row, name, prop) or "") is not None
    wanted = [_literal(value, name, prop) for value in condition.values]

    def holds(row: Json) -> bool:
        value = _row_value(row, name, prop)
        if operator in {"=", "in"}:
            return value in wanted or (value is None and " " in condition.values)
        if value is None or wanted[0] is None:  # what has no value has no place in an order
            return False
        return bool(_COMPARE[operator](value, wanted[0]))

    return holds


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def _row_value(row: Json, name: str, prop: Property) -> Any:
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return None
    if prop.kind == "reference":
        return value["value"]
    return value if prop.kind in {"flag", "number"} else _literal(value, name, prop)


def _literal(value: str, name: str, prop: Property) -> Any:
    if value == " " and prop.kind not in {"text", "reference"}:
        return None  # how a missing value is asked for
    try:
        return _READ[prop.kind](value)
    except (ValueError, KeyError, InvalidOperation):
        raise invalid(f"value '{value}' is not valid for property '{name}'") from None


def _moment(value: str) -> datetime:
    """Read a time; a bare date is midnight there, a time without an offset is refused."""
    if len(value) == len("2026-03-01"):
        return datetime.combine(date.fromisoformat(value), datetime.min.time(), PACIFIC)
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _finite(value: str) -> Decimal:
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError(value)
    return number


_READ: dict[Kind, Callable[[str], Any]] = {
    "id": lambda value: int(value) if value.isdecimal() else -1,
    "text": str.casefold,
    "reference": str,
    "date": date.fromisoformat,
    "time": _moment,
    "flag": lambda value: {"true": True, "false": False}[value.lower()],
    "number": _finite,
}


def project(row: Json, statement: Statement) -> Json:
    """Cut *row* down to the columns asked for, as peers see it done; Id, domain and sparse stay."""
    if statement.star or not statement.columns:
        return row
    wanted = {column.partition(".")[0].lower() for column in statement.columns}
    wanted |= {"id", "domain", "sparse"}
    return {name: value for name, value in row.items() if name.lower() in wanted}
