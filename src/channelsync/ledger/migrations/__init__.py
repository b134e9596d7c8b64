"""Every change of the schema since the first release, as alembic revisions. They never import the schema: a released revision stays as it was."""
