"""XML from strangers, streamed: no document type, no entities, no network, bounded depth and memory."""

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, cast

from lxml import etree
from lxml.etree import _Element as Element

from reconciliation.formats.base import Unreadable

CHUNK: Final = 32_768
_BLANKS: Final = b" \t\r\n"
_NEXT: Final = re.compile(rb"<\?xml\s|(?<=Document>)\s+(?=<(?:[A-Za-z_][\w.-]*:)?Document[\s>])")
_LONGEST_START: Final = 64
LARGEST_ELEMENT: Final = 4_000_000  # bytes read without finding a requested element


def events(stream: BinaryIO, tags: Sequence[str]) -> Iterator[tuple[str, Element]]:
    """Yield ("start" | "end", element) for the elements of these local names; the reader frees what it has used.

    Raises:
        Unreadable: what is no well-formed XML, has a document type, nests deeper than libxml2's 256, or ends early.
    """
    names = [f"{{*}}{tag}" for tag in tags]
    for pieces in _documents(stream):
        yield from _events(pieces, names)


def _documents(stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """The pieces of each document; some banks put one behind another into a file, and blanks before the first."""
    ahead = [b""]
    first = True
    while piece := _trimmed(ahead, stream):
        if not first and not piece.lstrip().startswith(b"<"):
            raise Unreadable(None, "xml_invalid", "Something stands behind the end of the XML that is none of it.")
        ahead[0] = piece
        pieces = _until_next(ahead, stream)
        yield pieces
        for _ in pieces:  # the rest of a document that its reader did not want
            pass
        first = False
    if first:
        yield iter(())


def _trimmed(ahead: list[bytes], stream: BinaryIO) -> bytes:
    """What comes next, without the blanks before it."""
    piece = ahead[0].lstrip(_BLANKS)
    while not piece and (more := stream.read(CHUNK)):
        piece = more.lstrip(_BLANKS)
    return piece


def _until_next(ahead: list[bytes], stream: BinaryIO) -> Iterator[bytes]:
    """The pieces up to where the next document begins, which stays ahead."""
    piece, ahead[0] = ahead[0], b""
    begun = False
    while piece:
        # A beginning may lie across two pieces.
        more = stream.read(CHUNK)
        found = _NEXT.search(piece + more[:_LONGEST_START], 0 if begun else 1)
        if found is not None and found.start() < len(piece):
            yield piece[: found.start()]
            ahead[0] = piece[found.start() :] + more
            return
        yield piece
        piece, begun = more, True


def _events(pieces: Iterator[bytes], names: list[str]) -> Iterator[tuple[str, Element]]:
    parser = etree.XMLPullParser(
        events=("start", "end"), tag=names, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    quiet = 0
    try:
        for piece in pieces:
            parser.feed(piece)
            quiet += len(piece)
            for event, found in parser.read_events():
                quiet = 0
                element = cast("Element", found)
                _refuse_document_type(element)
                yield str(event), element
            if quiet > LARGEST_ELEMENT:
                raise Unreadable(None, "xml_invalid", f"One element of the XML is larger than {LARGEST_ELEMENT} bytes.")
    except etree.XMLSyntaxError as fault:
        raise Unreadable(fault.lineno, "xml_invalid", _reason(fault)) from None
    try:
        parser.close()
    except etree.XMLSyntaxError as fault:
        detail = "The XML ends before it is complete. Fetch it again from the bank."
        raise Unreadable(fault.lineno, "file_truncated", detail) from None


def _reason(fault: etree.XMLSyntaxError) -> str:
    """What is wrong, in other words than the parser's."""
    if "depth" in (fault.msg or ""):
        return f"Line {fault.lineno}: the XML nests far deeper than any bank's file. Fetch it again from the bank."
    return f"Line {fault.lineno}: the XML is damaged here. Fetch it again from the bank."


def free(element: Element) -> None:
    """Let go of an element that was read, and of its like before it."""
    element.clear()
    previous = element.getprevious()
    parent = element.getparent()
    if previous is not None and parent is not None and previous.tag == element.tag:
        parent.remove(previous)


def line_of(element: Element) -> int:
    """The source line an element begins on."""
    return cast("int | None", element.sourceline) or 0


def _refuse_document_type(element: Element) -> None:
    if element.getparent() is None and element.getroottree().docinfo.internalDTD is not None:
        raise Unreadable(line_of(element), "xml_forbidden", "The XML has a document type, which no bank's file has.")
