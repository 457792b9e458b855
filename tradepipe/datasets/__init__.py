"""Published datasets: immutable manifests with semantic versions, verified before use."""
