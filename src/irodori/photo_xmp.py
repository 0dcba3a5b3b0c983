"""The XMP packet of a photo: what is no longer true taken out, the note about the colours put in.

The note is an entry of ``xmpMM:History`` ("edited", by irodori, with the words "colours reconstructed") and the IPTC
digital source type for pictures that were edited with a trained model, unless the photo has a source type already.
ISO 16684-1 (XMP); http://cv.iptc.org/newscodes/digitalsourcetype/.
"""

from __future__ import annotations

from xml.dom import minidom
from xml.parsers.expat import ExpatError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_NAMESPACES = {
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP, _XMP = "http://ns.adobe.com/photoshop/1.0/", "http://ns.adobe.com/xap/1.0/"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

# Properties that describe the old pixels; EXIF and ICC say these things for the new ones.
_OUTDATED = frozenset(
    [(_TIFF, name) for name in ("Orientation", "ImageWidth", "ImageLength", "BitsPerSample", "SamplesPerPixel")]
    + [(_TIFF, name) for name in ("PhotometricInterpretation", "Compression", "XResolution", "YResolution")]
    + [(_TIFF, "ResolutionUnit"), (_EXIF, "ColorSpace"), (_EXIF, "PixelXDimension"), (_EXIF, "PixelYDimension")]
    + [(_PHOTOSHOP, "ColorMode"), (_PHOTOSHOP, "ICCProfile"), (_XMP, "Thumbnails")]
)

_MAX_PACKET = 1 << 20
_MAX_JPEG = 65_000
"""What one segment of a JPEG can carry; a longer packet is replaced by the note alone."""

_EMPTY = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
)


def describe_result(packet: bytes | None, *, software: str | None, note: str, short: bool) -> bytes | None:
    """Return the packet for the coloured picture: ``packet`` merged with the note (without it if ``software`` is None).

    A packet that is broken, nested too deeply, or longer than can be kept (``short``: than a JPEG can carry), gives way
    to the note alone. None when nothing is left to say.
    """
    try:
        merged = _merged(packet, software, note) if packet and len(packet) <= _MAX_PACKET else None
    except RecursionError:  # of minidom, which walks down an element's children by calling itself
        merged = None
    if merged is not None and not (short and len(merged) > _MAX_JPEG):
        return merged
    return _merged(_EMPTY.encode(), software, note) if software else None


def _merged(packet: bytes, software: str | None, note: str) -> bytes | None:
    text = packet.strip(b"\0 \r\n\t")
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        return None  # nothing that XMP needs, and a way to make a parser swell
    try:
        document = minidom.parseString(text)
    except (ExpatError, ValueError):
        return None
    roots = document.getElementsByTagNameNS(RDF, "RDF")
    if not roots:
        return None
    descriptions = [
        node
        for node in roots[0].childNodes
        if node.nodeType == node.ELEMENT_NODE and (node.namespaceURI, node.localName) == (RDF, "Description")
    ]
    for description in descriptions:
        _remove_outdated(description)
    if software:
        if not descriptions:
            descriptions = [roots[0].appendChild(_element(document, roots[0], RDF, "Description"))]
        _add_note(document, descriptions, software, note)
    start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    for node in list(document.childNodes):
        if node.nodeType == node.PROCESSING_INSTRUCTION_NODE:
            document.removeChild(node)
    body = "".join(node.toxml() for node in document.childNodes)
    return f'{start}{body}<?xpacket end="w"?>'.encode()


def _remove_outdated(description: minidom.Element) -> None:
    for namespace, name in _OUTDATED:
        if description.hasAttributeNS(namespace, name):
            description.removeAttributeNS(namespace, name)
    for child in list(description.childNodes):
        if child.nodeType == child.ELEMENT_NODE and (child.namespaceURI, child.localName) in _OUTDATED:
            description.removeChild(child)


def _add_note(document: minidom.Document, descriptions: list[minidom.Element], software: str, note: str) -> None:
    history = _property(descriptions, "xmpMM", "History")
    items = history.getElementsByTagNameNS(RDF, "Seq") if history is not None else []
    if history is None or not items:
        parent = history or descriptions[0].appendChild(_element(document, descriptions[0], *_name("xmpMM", "History")))
        sequence = parent.appendChild(_element(document, parent, RDF, "Seq"))
    else:
        sequence = items[0]
    item = sequence.appendChild(_element(document, sequence, RDF, "li"))
    item.setAttributeNS(RDF, f"{_prefix(item, RDF, 'rdf')}:parseType", "Resource")
    for key, value in (("action", "edited"), ("softwareAgent", software), ("parameters", note)):
        child = item.appendChild(_element(document, item, *_name("stEvt", key)))
        child.appendChild(document.createTextNode(value))
    if _property(descriptions, "Iptc4xmpExt", "DigitalSourceType") is None:
        child = descriptions[0].appendChild(
            _element(document, descriptions[0], *_name("Iptc4xmpExt", "DigitalSourceType"))
        )
        child.appendChild(document.createTextNode(SOURCE_TYPE))


def _property(descriptions: list[minidom.Element], prefix: str, name: str) -> minidom.Element | None:
    for description in descriptions:
        for child in description.childNodes:
            if child.nodeType == child.ELEMENT_NODE and (child.namespaceURI, child.localName) == _name(prefix, name):
                return child
        if description.hasAttributeNS(*_name(prefix, name)):
            return description
    return None


def _name(prefix: str, name: str) -> tuple[str, str]:
    return _NAMESPACES[prefix], name


def _element(document: minidom.Document, parent: minidom.Element, namespace: str, name: str) -> minidom.Element:
    """Make an element, with a declaration of its prefix unless one is in force where it will stand."""
    wanted = next((p for p, uri in _NAMESPACES.items() if uri == namespace), "rdf")
    prefix = _prefix(parent, namespace, wanted)
    element = document.createElementNS(namespace, f"{prefix}:{name}")
    if _bound(parent, prefix) != namespace:
        element.setAttributeNS(_XMLNS, f"xmlns:{prefix}", namespace)
    return element


def _prefix(node: minidom.Node | None, namespace: str, wanted: str) -> str:
    """Return the prefix in force for ``namespace`` at ``node``, else ``wanted``."""
    while isinstance(node, minidom.Element):
        for attribute in node.attributes.values():
            if attribute.prefix == "xmlns" and attribute.value == namespace and attribute.localName:
                return str(attribute.localName)
        node = node.parentNode
    return wanted


def _bound(node: minidom.Node | None, prefix: str) -> str | None:
    while isinstance(node, minidom.Element):
        value = node.getAttributeNS(_XMLNS, prefix)
        if value:
            return str(value)
        node = node.parentNode
    return None
