"""XML from strangers, streamed: no document type, no entities, no network, bounded depth and memory."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final, cast

from lxml import etree
from lxml.etree import _Element as Element

from reconciliation.formats.base import Unreadable

CHUNK: Final = 65_536
LARGEST_ELEMENT: Final = 4_000_000  # bytes read without finding a requested element


def events(stream: BinaryIO, tags: Sequence[str]) -> Iterator[tuple[str, Element]]:
    """Yield ("start" | "end", element) for the elements of these local names; the reader frees what it has used.

    Raises:
        Unreadable: what is no well-formed XML, has a document type, nests deeper than libxml2's 256, or ends early.
    """
    names = [f"{{*}}{tag}" for tag in tags]
    parser = etree.XMLPullParser(
        events=("start", "end"), tag=names, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    quiet = 0
    try:
        while chunk := stream.read(CHUNK):
            parser.feed(chunk)
            quiet += len(chunk)
            for event, found in parser.read_events():
                quiet = 0
                element = cast("Element", found)
                _refuse_document_type(element)
                yield str(event), element
            if quiet > LARGEST_ELEMENT:
                raise Unreadable(None, "xml_invalid", f"One element of the XML is larger than {LARGEST_ELEMENT} bytes.")
    except etree.XMLSyntaxError as fault:
        raise Unreadable(fault.lineno, "xml_invalid", f"The XML cannot be read: {fault.msg}.") from None
    try:
        parser.close()
    except etree.XMLSyntaxError as fault:
        detail = f"The XML ends before it is complete: {fault.msg}. Fetch it again from the bank."
        raise Unreadable(fault.lineno, "file_truncated", detail) from None


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
