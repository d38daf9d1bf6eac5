"""What docker/ configures, started without a container."""
