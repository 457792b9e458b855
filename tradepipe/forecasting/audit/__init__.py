"""An outside look at fits, by the peer libraries."""
