"""The stand-in's schema is a part of the real one: same names, same types, same arguments."""

from __future__ import annotations

import gzip

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_required_argument,
)

from channelsync.testing.standins.shopify.schema import schema
from support.shopify import shared


@pytest.fixture(scope="module")
def real() -> GraphQLSchema:
    text = gzip.decompress(shared("specs/admin_2026-07.graphql.gz").read_bytes()).decode()
    return build_schema(text, assume_valid=True)


def test_every_type_field_and_argument_is_the_real_one(real: GraphQLSchema) -> None:
    for name, ours in schema().type_map.items():
        if name.startswith("__"):
            continue
        theirs = real.type_map[name]
        assert type(ours) is type(theirs), name
        if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
            assert set(ours.values) <= set(theirs.values), name
        if isinstance(ours, GraphQLObjectType | GraphQLInterfaceType) and isinstance(theirs, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in ours.fields.items():
                where = f"{name}.{field_name}"
                assert str(field.type) == str(theirs.fields[field_name].type), where
                for argument, definition in field.args.items():
                    assert str(definition.type) == str(theirs.fields[field_name].args[argument].type), f"{where}({argument})"
                needed = {argument for argument, definition in theirs.fields[field_name].args.items() if is_required_argument(definition)}
                assert needed <= set(field.args), where
        if isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
            for field_name, part in ours.fields.items():
                assert str(part.type) == str(theirs.fields[field_name].type), f"{name}.{field_name}"


def test_the_directive_is_the_real_one(real: GraphQLSchema) -> None:
    ours, theirs = schema().get_directive("idempotent"), real.get_directive("idempotent")
    assert ours is not None
    assert theirs is not None
    assert ours.locations == theirs.locations
    assert {name: str(arg.type) for name, arg in ours.args.items()} == {name: str(arg.type) for name, arg in theirs.args.items()}
