"""The bytes of a landing file: those that were scanned, unpacked."""

import gzip
import hashlib
import io
import zipfile
import zlib
from dataclasses import dataclass

from tradepipe.ingest.landing import LandingFile

CHANGED = "changed_while_reading"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class FileFault:
    """Why a file as a whole cannot be read."""

    file: LandingFile
    reason: str
    detail: str


def read_content(file: LandingFile) -> bytes | FileFault:
    """The file's bytes, out of its `.gz` or out of its `.zip` with one member.

    Faults: `changed_while_reading` (not the bytes that were scanned, or gone since), `unreadable` (a zip
    that holds other than one plain member), `file_truncated` (the packing is not whole).
    """
    try:
        content = file.path.read_bytes()
    except OSError as error:
        return FileFault(file, CHANGED, f"the file cannot be read any more: {error.strerror}")
    if hashlib.sha256(content).hexdigest() != file.sha256:
        return FileFault(file, CHANGED, "the file's bytes are not those that were scanned; run again")
    if file.name.endswith(".gz") and content:
        try:
            return gzip.decompress(content)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            return FileFault(file, "file_truncated", f"not a whole gzip file: {error}")
    return _unzipped(file, content) if file.name.endswith(".zip") and content else content


def read_text(file: LandingFile) -> bytes | FileFault:
    """UTF-8 text as bytes, without a byte order mark, lines ending in a line feed.

    Faults: those of `read_content`, `not_text` (no UTF-8), `file_empty`.
    """
    content = read_content(file)
    if isinstance(content, FileFault):
        return content
    content = content.removeprefix(BYTE_ORDER_MARK)
    if not content.isascii():
        try:
            content.decode()
        except UnicodeDecodeError as error:
            return FileFault(file, "not_text", f"byte {error.start} is no UTF-8: {error.reason}")
    if not content[:4096].strip() and not content.decode().strip():
        return FileFault(file, "file_empty", "the file holds no text")
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return content


def _unzipped(file: LandingFile, content: bytes) -> bytes | FileFault:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                return FileFault(file, "unreadable", f"the zip holds {len(members)} files; one is expected")
            return archive.read(members[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError) as error:
        return FileFault(file, "file_truncated", f"not a whole zip file: {error}")
    except (NotImplementedError, RuntimeError) as error:  # a packing that Python lacks, or a password
        return FileFault(file, "unreadable", f"the zip cannot be opened: {error}")
