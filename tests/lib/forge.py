"""An audit log with something exchanged and its chain made anew: what somebody could do who
may write the disk.  It verifies; only replay can tell.  Layout: runtime/audit/format.h."""

import hashlib
import struct

HEADER_BYTES, HASH_BYTES = 136, 32


def exchange(directory, old, new):
    """Replaces bytes by as many others in every record of a log of one segment."""
    assert len(old) == len(new)
    segment, = directory.glob("audit-*.seg")
    whole = segment.read_bytes()
    out, chain, at = [whole[:HEADER_BYTES]], whole[40:40 + HASH_BYTES], HEADER_BYTES
    while at + 4 <= len(whole):
        size, = struct.unpack_from("<I", whole, at)
        if size == 0:
            break
        body = whole[at:at + size - HASH_BYTES].replace(old, new)
        chain = hashlib.sha256(chain + body).digest()
        out += [body, chain]
        at += size
    segment.write_bytes(b"".join(out))
    (directory / "durable").unlink()  # firmware/audit_mark.h knows the old end of the chain
