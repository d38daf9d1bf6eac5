"""The federated query gateway: front doors, engine, planner, runtime."""
