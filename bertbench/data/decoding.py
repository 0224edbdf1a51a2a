"""From the bytes of a text file to text."""

from __future__ import annotations

import codecs

from bertbench.errors import DataError

_BYTE_ORDER_MARK = "\ufeff"

#: UTF-16 of Latin script read one byte at a time is half NUL bytes; no text comes near.
_NUL_SHARE_OF_UTF_16 = 0.25


def decode(content: bytes, *, encoding: str, where: str) -> str:
    """Decode a whole file, strictly, and drop a byte-order mark.

    Args:
        content: The file's bytes.
        encoding: Name of a Python codec.
        where: The file, for messages.

    Raises:
        DataError: If the codec is unknown, a byte is not in the encoding, or the text is plainly in another.
    """
    try:
        text = content.decode(encoding)
    except LookupError as error:
        raise DataError(
            f"{where}: data.encoding = {encoding!r} is no text encoding",
            remedy='use a name that Python knows: "utf-8", "utf-16", "cp1252", "latin-1"',
        ) from error
    except UnicodeError as error:
        raise _undecodable(content, encoding, where, error) from error
    if text.count("\0") > len(text) * _NUL_SHARE_OF_UTF_16:
        order = "le" if text[1:2] == "\0" else "be"
        raise DataError(
            f"{where}: full of NUL bytes when read as {encoding!r}", remedy=f'set data.encoding = "utf-16-{order}"'
        )
    return text.removeprefix(_BYTE_ORDER_MARK)


def _undecodable(content: bytes, encoding: str, where: str, error: UnicodeError) -> DataError:
    place = ""
    if isinstance(error, UnicodeDecodeError) and error.start < len(content):
        line = content.count(b"\n", 0, error.start) + 1
        place = f": byte 0x{content[error.start]:02x} at offset {error.start}, line {line}"
    return DataError(
        f"{where}: not in the encoding {encoding!r}{place}",
        remedy=f'set data.encoding, perhaps to "{_guess(content)}", or save the file as UTF-8',
    )


def _guess(content: bytes) -> str:
    """A likely encoding: by the byte-order mark, by trying UTF-8, else what Windows writes in western Europe."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"
