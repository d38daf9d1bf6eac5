"""The catalog as a durable history: numbered records, each created once, and checkpoints. docs/catalog-store.md.

storage (local, hdfs, objects) → envelope → record → log → writer, follower, upkeep, repair, history → changes
"""
