"""Figures of the gateway: what it fetches against what answers need, and how long planning takes."""
