"""The indicators, one module a family. Every module here is imported by the registry: a new one needs no listing."""
