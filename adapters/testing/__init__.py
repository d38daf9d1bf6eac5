"""What an adapter is tested with: the conformance suite and a fake source that can be slow, fail, drift or hang on demand."""
