"""Figures as SVG, PNG and Markdown. The same figure always gives the same bytes: no dates, no random ids."""

import base64
import io
import re
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKDOWN_LIMIT = 60_000
"""Bytes of a picture inside asset metadata, base64 included: every materialisation event carries it."""

_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
_RESOLUTIONS = (110, 90, 75, 60, 45)
_COLOURS = 64

# matplotlib's settings are the process's; nobody else's rendering may see ours half set.
_RENDERING = threading.Lock()


def to_svg(figure: "Figure") -> str:
    """The figure as one `<svg>` element to stand in a page: text as text, transparent, no ids but those it uses."""
    import matplotlib as mpl  # noqa: PLC0415

    stream = io.StringIO()
    with _RENDERING, mpl.rc_context({"svg.hashsalt": "tradepipe", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", transparent=True, metadata=_NO_METADATA)
    text = stream.getvalue()
    # Group ids such as "axes_1" would come twice in a page with two figures; nothing refers to them.
    text = re.sub(r'<g id="[^"]+"', "<g", text[text.index("<svg") :]).strip()
    # A hundredth of a point is finer than any screen, and half as long to write as a millionth.
    return re.sub(r' d="[^"]+"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)


def to_png(figure: "Figure", *, resolution: int = 110) -> bytes:
    """The figure as PNG on white, `resolution` pixels an inch."""
    import matplotlib as mpl  # noqa: PLC0415

    stream = io.BytesIO()
    with _RENDERING, mpl.rc_context():
        figure.savefig(stream, format="png", dpi=resolution, facecolor="white", metadata={"Software": None})
    return stream.getvalue()


def to_markdown(figure: "Figure", alt: str = "plot", *, limit: int = MARKDOWN_LIMIT) -> str:
    """The figure as a Markdown image with its data inside, at most `limit` characters.

    The resolution goes down until it fits.

    Raises:
        ValueError: if it does not fit at the lowest resolution.
    """
    words = re.sub(r"[\[\]\n]", " ", alt)
    text = ""
    for resolution in _RESOLUTIONS:
        picture = _few_colours(to_png(figure, resolution=resolution))
        text = f"![{words}](data:image/png;base64,{base64.b64encode(picture).decode('ascii')})"
        if len(text) <= limit:
            return text
    raise ValueError(
        f"plot {alt!r}: {len(text):,} characters at {_RESOLUTIONS[-1]} dpi, {limit:,} are allowed;"
        " draw less or raise limit"
    )


def to_small_png(figure: "Figure", *, resolution: int = 110) -> bytes:
    """As `to_png`, in 64 colours: a third of the bytes, for pictures that are kept under version control."""
    return _few_colours(to_png(figure, resolution=resolution))


def _few_colours(png: bytes) -> bytes:
    """The picture with a palette of 64 colours: a third of the size, and no difference to the eye."""
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib

    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE).save(stream, format="png", optimize=True)
    return stream.getvalue()
