"""Statements of the busy paths: written in SQLAlchemy Core like all others, compiled once, then run as is.

    FIND = Query(select(INBOX).where(INBOX.c.id == bindparam("message")))
    FIND.one(connection, message=id_)             # its row, or None

Core looks the compiled form up, and makes a result with its metadata, at every execution: about 45 µs a
statement on two cores, of which the database needs 6 to 10. Values and columns pass through the same types
here as there (`Instant` and its kin). What Core writes anew for each execution, such as `IN` over a list, is
not for these classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Row, Select, Table, Update, insert
from sqlalchemy.engine import Dialect, result_tuple
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.types import TypeEngine

__all__ = ["Adding", "Change", "Query"]

type _AnyRow = Row[tuple[Any, ...]]
type _Executable = Insert | Update | Delete | Select[Any]


class _Compiled:
    """A statement in the words of one dialect."""

    __slots__ = ("_binds", "_fixed", "_positional", "_reads", "sql")

    def __init__(self, statement: _Executable, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self._positional = bool(compiled.positional)
        names = compiled.positiontup if compiled.positiontup is not None else list(compiled.binds)
        binds = [compiled.binds[name] for name in names]
        # What the statement says itself, such as a state to set, stands beside what the caller gives.
        self._fixed = {bind.key: bind.effective_value for bind in binds if not bind.required}
        self._binds = tuple(
            (bind.key, _of_dialect(bind.type, dialect).bind_processor(dialect)) for bind in binds
        )
        selected = list(statement.selected_columns) if isinstance(statement, Select) else []
        reads = [_of_dialect(column.type, dialect).result_processor(dialect, None) for column in selected]
        self._reads = tuple((place, read) for place, read in enumerate(reads) if read is not None)

    def bound(self, values: Mapping[str, Any]) -> Any:
        """As the driver takes them. KeyError for a value that is missing."""
        if self._fixed:
            values = {**self._fixed, **values}
        found = [values[name] if convert is None else convert(values[name]) for name, convert in self._binds]
        if self._positional:
            return tuple(found)
        return {name: value for (name, _), value in zip(self._binds, found, strict=True)}

    def read(self, row: Sequence[Any]) -> Sequence[Any]:
        """A row of the driver's, in the types of its columns."""
        if not self._reads:
            return row
        values = list(row)
        for place, read in self._reads:
            values[place] = read(values[place])
        return values


class _Statement:
    __slots__ = ("_by_dialect", "_columns", "_statement")

    def __init__(self, statement: _Executable, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._by_dialect: dict[tuple[str, str], _Compiled] = {}

    def _compiled(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        key = dialect.name, dialect.paramstyle
        found = self._by_dialect.get(key)
        if found is None:
            found = self._by_dialect[key] = self._compile(dialect)
        return found

    def _compile(self, dialect: Dialect) -> _Compiled:
        return _Compiled(self._statement, dialect, self._columns)


class Change(_Statement):
    """An INSERT, UPDATE or DELETE. Says how many rows it touched."""

    __slots__ = ()

    def run(self, connection: Connection, **values: Any) -> int:
        compiled = self._compiled(connection)
        return connection.exec_driver_sql(compiled.sql, compiled.bound(values)).rowcount

    def run_all(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> int:
        """Once for each row, in one go; nothing for none."""
        compiled = self._compiled(connection)
        bound = [compiled.bound(row) for row in rows]
        return connection.exec_driver_sql(compiled.sql, bound).rowcount if bound else 0


class Adding(_Statement):
    """An INSERT of whole rows. What may be empty may be left out, and what the database counts must be."""

    __slots__ = ("_empty", "_names")

    def __init__(self, table: Table) -> None:
        counted = table.autoincrement_column
        columns = [column for column in table.columns if column is not counted]
        # Inline: nobody asks for the number that the row was given.
        super().__init__(insert(table).inline(), [column.name for column in columns])
        self._empty = {column.name: None for column in columns if column.nullable}
        self._names = frozenset(column.name for column in columns)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> None:
        compiled = self._compiled(connection)
        connection.exec_driver_sql(compiled.sql, compiled.bound(self._whole(values)))

    def run_all(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """All in one go; nothing for none."""
        compiled = self._compiled(connection)
        bound = [compiled.bound(self._whole(row)) for row in rows]
        if bound:
            connection.exec_driver_sql(compiled.sql, bound)

    def _whole(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if not values.keys() <= self._names:
            raise KeyError(*(values.keys() - self._names))
        return {**self._empty, **values}


class Query(_Statement):
    """A SELECT, whose columns have different names."""

    __slots__ = ("_row",)

    def __init__(self, statement: Select[Any]) -> None:
        super().__init__(statement)
        self._row: Any = result_tuple([str(column.key) for column in statement.selected_columns])

    def all(self, connection: Connection, **values: Any) -> Sequence[_AnyRow]:
        compiled = self._compiled(connection)
        if not connection.in_transaction():
            connection.begin()  # the driver would read outside of any
        # The driver's own cursor: Core would describe the columns anew for each result.
        cursor: Any = connection.connection.cursor()
        try:
            cursor.execute(compiled.sql, compiled.bound(values))
            rows = cursor.fetchall()
        finally:
            cursor.close()
        return [self._row(compiled.read(row)) for row in rows]

    def one(self, connection: Connection, **values: Any) -> _AnyRow | None:
        """The row, or None. For what can be at most one."""
        rows = self.all(connection, **values)
        if len(rows) > 1:
            raise MultipleResultsFound("expected one row at most")
        return rows[0] if rows else None


def _of_dialect(type_: TypeEngine[Any], dialect: Dialect) -> TypeEngine[Any]:
    return type_.dialect_impl(dialect)
