"""The graph in Neo4j: a projection of what Postgres holds."""
