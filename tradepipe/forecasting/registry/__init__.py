"""The model registry: versions of members, where each is active, and what was made with it."""
