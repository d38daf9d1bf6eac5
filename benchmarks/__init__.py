"""Figures of the gateway: what it fetches against what answers need, how long planning takes, adapters beside raw drivers."""
