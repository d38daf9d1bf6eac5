"""From SQL text to a Plan: parse, bind, guard, expand, prune, push down, cut. Pure: no I/O, no clock, no randomness."""
