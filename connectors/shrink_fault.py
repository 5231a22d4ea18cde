"""A fault that is too large for the broker becomes smaller: first without its value, then without all but our headers."""

from __future__ import annotations

from typing import Final

from connectors.outgoing import Outgoing

OMITTED: Final = "obi.value_omitted"
"""Header that says the size in bytes of the value that was left out."""


def shrink_fault(fault: Outgoing) -> Outgoing | None:
    """A smaller form of the fault; None when nothing is left to leave out.

    The original stays in the raw topic; ``obi.topic``, ``obi.partition`` and ``obi.offset`` say where.
    """
    headers = fault.headers or []
    if fault.value:
        return Outgoing(fault.key, b"", [*headers, (OMITTED, b"%d" % len(fault.value))])
    ours = [(name, value) for name, value in headers if name.startswith("obi.")]
    if fault.key is None and len(ours) == len(headers):
        return None
    return Outgoing(None, fault.value, ours)
