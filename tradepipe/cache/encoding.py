"""Windows as bytes: Arrow IPC, compressed with Zstandard."""

import io

import polars as pl


def encode(frame: pl.DataFrame) -> bytes:
    """The frame's bytes; whoever decodes them gets a frame of their own."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc(buffer, compression="zstd")
    return buffer.getvalue()


def decode(data: bytes) -> pl.DataFrame | None:
    """The frame, or None when the bytes are no window (another program's, or cut short)."""
    try:
        return pl.read_ipc(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, ValueError):
        return None
