"""A bulk query compiled into plain functions: record in, JSONL rows out. A hundred thousand records through a GraphQL executor take minutes.

Takes the shape that bulk queries have: one list at the root, fields with literal arguments, nested lists as rows of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values

from channelsync.testing.standins.shopify.paging import Connection
from channelsync.testing.standins.shopify.schema import by_name, schema

if TYPE_CHECKING:
    from channelsync.testing.standins.shopify.shop import ShopifyStandIn

CONNECTIONS_MAX = 5
DEPTH_MAX = 2
Row = dict[str, Any]
Part = Callable[[Any, "ShopifyStandIn", Row, list[Row]], None]
"""Puts one field of a record into its row, or the rows of a nested list behind it."""


class NotBulk(Exception):
    """The shop refuses to run this as a bulk query; the text says why."""


class Projection:
    """root: the name of the list."""

    def __init__(self, root: str, parts: list[Part]) -> None:
        self.root, self._parts = root, parts

    def records(self, shop: ShopifyStandIn) -> list[Any]:
        return list(shop.variants_by_ref.values()) if self.root == "productVariants" else list(shop.items.values())

    def rows(self, record: Any, shop: ShopifyStandIn) -> Iterator[Row]:
        return iter(_rows(record, shop, self._parts))


@lru_cache(maxsize=16)
def compiled(text: str) -> Projection:
    """Raises NotBulk."""
    try:
        document = parse(text)
    except GraphQLError as error:
        raise NotBulk(f"Invalid bulk query: {error.message}") from None
    if errors := validate(schema(), document):
        raise NotBulk(f"Invalid bulk query: {errors[0].message}")
    operation = document.definitions[0]
    if not isinstance(operation, OperationDefinitionNode) or operation.operation.value != "query":
        raise NotBulk("Invalid bulk query: only one query is allowed")
    roots = [each for each in operation.selection_set.selections if isinstance(each, FieldNode)]
    if len(roots) != 1 or roots[0].name.value not in ("productVariants", "inventoryItems"):
        raise NotBulk("Bulk queries must contain at least one connection; this stand-in lists productVariants and inventoryItems")
    query = schema().query_type
    assert query is not None
    compiler = _Compiler()
    return Projection(roots[0].name.value, compiler.of_list(roots[0], query.fields[roots[0].name.value], 0))


class _Compiler:
    def __init__(self) -> None:
        self.lists = 0

    def of_list(self, node: FieldNode, definition: GraphQLField, depth: int) -> list[Part]:
        """The parts of one node of a connection."""
        self.lists += 1
        if self.lists > CONNECTIONS_MAX or depth > DEPTH_MAX:
            raise NotBulk(f"Bulk queries have at most {CONNECTIONS_MAX} connections, {DEPTH_MAX} deep")
        connection = get_named_type(definition.type)
        assert isinstance(connection, GraphQLObjectType) and node.selection_set is not None  # noqa: PT018
        found = _nodes_of(node.selection_set)
        record = get_named_type(connection.fields["nodes"].type)
        assert isinstance(record, GraphQLObjectType)
        return self.of_fields(found, record, depth)

    def of_fields(self, selections: SelectionSetNode, record: GraphQLObjectType, depth: int) -> list[Part]:
        parts: list[Part] = []
        for node in selections.selections:
            if not isinstance(node, FieldNode):
                raise NotBulk("this stand-in's bulk queries know no fragments")
            parts.append(self.of_field(node, record.fields[node.name.value], depth))
        return parts

    def of_field(self, node: FieldNode, definition: GraphQLField, depth: int) -> Part:
        name = node.alias.value if node.alias else node.name.value
        named = get_named_type(definition.type)
        resolve, arguments = definition.resolve or by_name, get_argument_values(definition, node, None)
        info: Any = SimpleNamespace(field_name=node.name.value, context=None)

        def value(record: Any, shop: ShopifyStandIn) -> Any:
            info.context = shop
            return resolve(record, info, **arguments)

        if is_leaf_type(named):
            told = _date if isinstance(named, GraphQLScalarType) and named.name == "DateTime" else _plain
            return lambda record, shop, row, _: row.__setitem__(name, told(value(record, shop)))
        assert isinstance(named, GraphQLObjectType)
        if named.name.endswith("Connection"):
            return _children(name, value, self.of_list(node, definition, depth + 1), arguments)
        assert node.selection_set is not None
        inside = self.of_fields(node.selection_set, named, depth)
        return _many(name, value, inside) if _is_list(definition.type) else _one(name, value, inside)


def _one(name: str, value: Callable[..., Any], inside: list[Part]) -> Part:
    def put(record: Any, shop: ShopifyStandIn, row: Row, behind: list[Row]) -> None:
        found = value(record, shop)
        row[name] = None if found is None else _object(found, shop, inside, behind)

    return put


def _many(name: str, value: Callable[..., Any], inside: list[Part]) -> Part:
    def put(record: Any, shop: ShopifyStandIn, row: Row, behind: list[Row]) -> None:
        row[name] = [_object(each, shop, inside, behind) for each in value(record, shop)]

    return put


def _children(_name: str, value: Callable[..., Any], inside: list[Part], arguments: Row) -> Part:
    arguments["first"] = 250

    def put(record: Any, shop: ShopifyStandIn, _row: Row, behind: list[Row]) -> None:
        found: Connection = value(record, shop)
        for child in found.nodes:
            behind += [{**row, "__parentId": record.id} for row in _rows(child, shop, inside)]

    return put


def _rows(record: Any, shop: ShopifyStandIn, parts: list[Part]) -> list[Row]:
    behind: list[Row] = []
    return [_object(record, shop, parts, behind), *behind]


def _object(record: Any, shop: ShopifyStandIn, parts: list[Part], behind: list[Row]) -> Row:
    row: Row = {}
    for part in parts:
        part(record, shop, row, behind)
    return row


def _nodes_of(selections: SelectionSetNode) -> SelectionSetNode:
    """What is asked of each node: below `nodes`, or below `edges { node }`."""
    for each in selections.selections:
        if isinstance(each, FieldNode) and each.selection_set is not None:
            if each.name.value in ("nodes", "node"):
                return each.selection_set
            if each.name.value == "edges":
                return _nodes_of(each.selection_set)
    raise NotBulk("Invalid bulk query: a connection must ask for its nodes")


def _is_list(kind: Any) -> bool:
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def _plain(value: Any) -> Any:
    return value


def _date(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else None
