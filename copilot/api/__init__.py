"""GraphQL over HTTP and websocket: schema, resolvers, authentication and limits."""
