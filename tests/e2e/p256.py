# SPDX-License-Identifier: ISC
"""Just enough of ECDSA on P-256 to forge tokens with a key of our own, and
to find out Postern's public key from a signature.  Not constant in time."""

import hashlib
import secrets

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b
G = (0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296,
     0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    total = None
    while k:
        if k & 1:
            total = add(total, point)
        point = add(point, point)
        k >>= 1
    return total


def digest(message):
    return int.from_bytes(hashlib.sha256(message).digest(), "big")


class Key:
    def __init__(self):
        self.secret = secrets.randbelow(N - 1) + 1
        self.public = times(self.secret, G)

    def sign(self, message):
        """r and s, 32 bytes each (RFC 7518, 3.4)."""
        k = secrets.randbelow(N - 1) + 1
        r = times(k, G)[0] % N
        s = pow(k, -1, N) * (digest(message) + r * self.secret) % N
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def recover(message, signature):
    """The public keys that may have made it (SEC 1, 4.1.6)."""
    r, s = (int.from_bytes(signature[i:i + 32], "big") for i in (0, 32))
    y = pow(r**3 - 3 * r + B, (P + 1) // 4, P)
    minus_e = times((-digest(message)) % N, G)
    return [times(pow(r, -1, N), add(times(s, (r, v)), minus_e))
            for v in (y, P - y)]


def encodings(public):
    """Every form in which somebody may have a public key as bytes."""
    import base64
    x, y = (c.to_bytes(32, "big") for c in public)
    der = SPKI + b"\x04" + x + y
    text = base64.encodebytes(der).replace(b"\n", b"")
    lines = b"\n".join(text[i:i + 64] for i in range(0, len(text), 64))
    pem = (b"-----BEGIN PUBLIC KEY-----\n" + lines
           + b"\n-----END PUBLIC KEY-----")
    return [b"\x04" + x + y, x + y, bytes([2 + (y[-1] & 1)]) + x, x, der,
            text, pem, pem + b"\n"]
