from tests.projects import researched

__all__ = ["researched"]
