"""The query cost as Shopify documents it: a scalar costs 0, an object 1, a connection its `first` times one node, a mutation 10.

What a list costs that is no connection is not documented: it is taken at its `first`, or at the number of ids or names asked for.
The walk over the document happens once per query text; the result is a function of the variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
)

Cost = Callable[[Mapping[str, Any]], int]
MUTATION = 10


def compile_cost(schema: GraphQLSchema, document: DocumentNode) -> Cost:
    """The requested cost of the document's one operation as a function of its variables."""
    walker = _Walker(schema, {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)})
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    root = schema.get_root_type(operation.operation)
    assert root is not None
    fields = walker.selections(operation.selection_set, root)
    base = MUTATION if operation.operation.value == "mutation" else 0
    return lambda variables: base + sum(field(variables) for field in fields)


class _Walker:
    def __init__(self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self.schema, self.fragments = schema, fragments

    def selections(self, node: SelectionSetNode, parent: Any) -> list[Cost]:
        costs: list[Cost] = []
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                costs.extend(self.field(selection, parent))
            elif isinstance(selection, InlineFragmentNode):
                on = selection.type_condition
                costs.extend(self.selections(selection.selection_set, self.schema.get_type(on.name.value) if on else parent))
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                costs.extend(self.selections(fragment.selection_set, self.schema.get_type(fragment.type_condition.name.value)))
        return costs

    def field(self, node: FieldNode, parent: Any) -> list[Cost]:
        if node.selection_set is None or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return []
        named = get_named_type(parent.fields[node.name.value].type)
        if is_leaf_type(named):
            return []
        if named.name.endswith("Connection"):
            return [self._connection(node, named)]
        children = self.selections(node.selection_set, named)
        times = _size(node)
        return [lambda variables: times(variables) * (1 + sum(child(variables) for child in children))]

    def _connection(self, node: FieldNode, connection: Any) -> Cost:
        assert node.selection_set is not None
        inside: list[Cost] = []
        page_info = 0
        for selection in node.selection_set.selections:
            if isinstance(selection, FieldNode) and selection.selection_set is not None:
                page_info += selection.name.value == "pageInfo"
                if selection.name.value in ("nodes", "edges"):
                    inside.extend(self.field(selection, connection))
        times = _size(node)
        return lambda variables: page_info + times(variables) * sum(part(variables) for part in inside)


def _size(node: FieldNode) -> Cost:
    """How many objects the field may return, from its arguments."""
    for argument in node.arguments or ():
        value = argument.value
        if argument.name.value not in ("first", "last", "ids", "names"):
            continue
        if isinstance(value, VariableNode):
            name = value.name.value
            return lambda variables: _count(variables.get(name))
        if isinstance(value, IntValueNode):
            number = int(value.value)
            return lambda variables: number
        if isinstance(value, ListValueNode):
            length = len(value.values)
            return lambda variables: length
    return lambda variables: 1


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else int(value or 0)


def actual_cost(data: Any) -> int:
    """What an answer really cost: the objects in it."""
    return sum(_objects(value) for value in data.values()) if isinstance(data, dict) else 0


def _objects(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(_objects(part) for part in value.values() if isinstance(part, dict | list))
    return sum(_objects(part) for part in value) if isinstance(value, list) else 0
