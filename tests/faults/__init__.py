"""What a query does when a hospital fails."""
