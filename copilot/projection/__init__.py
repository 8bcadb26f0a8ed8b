"""The graph in Neo4j: kept in step with Postgres, filled, and compared with it."""
