"""Runs a Plan: fragments at once, per-source slots, one deadline, bounded queues, merge. Alone owns threads and time."""

from gateway.runtime.run import Runtime

__all__ = ["Runtime"]
