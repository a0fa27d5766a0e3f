"""An audit log with something exchanged and its chain made anew: what somebody could do who
may write the disk.  It verifies; only replay can tell.  Layout: runtime/audit/format.h."""

import hashlib
import struct

HEADER_BYTES, FRAME_BYTES, HASH_BYTES = 136, 24, 32


def rewrite(directory, change):
    """Puts change(record without its hash) in the place of every record of a log of one
    segment, and chains them anew."""
    segment, = directory.glob("audit-*.seg")
    whole = segment.read_bytes()
    out, chain, at = [whole[:HEADER_BYTES]], whole[40:40 + HASH_BYTES], HEADER_BYTES
    while at + 4 <= len(whole):
        size, = struct.unpack_from("<I", whole, at)
        if size == 0:
            break
        body = change(whole[at:at + size - HASH_BYTES])
        chain = hashlib.sha256(chain + body).digest()
        out += [body, chain]
        at += size
    segment.write_bytes(b"".join(out))
    (directory / "durable").unlink()  # firmware/audit_mark.h knows the old end of the chain


def exchange(directory, old, new):
    """Replaces bytes by as many others in every record."""
    assert len(old) == len(new)
    rewrite(directory, lambda body: body.replace(old, new))


def alter(directory, sequence, change):
    """Puts change(decision part) in the place of the decision part of one record."""
    def one(body):
        size, kind, found, part_bytes, shadow_bytes = struct.unpack_from("<IIQII", body)
        if found != sequence:
            return body
        end = FRAME_BYTES + part_bytes
        part = change(body[FRAME_BYTES:end])
        size += len(part) - part_bytes
        return struct.pack("<IIQII", size, kind, found, len(part), shadow_bytes) + part + body[end:]
    rewrite(directory, one)
