"""A TLS client on libssl itself, for what Python's ssl has no call: KeyUpdate (RFC 8446 section 4.6.3), renegotiation.

Only what is needed is bound. Nothing is verified: the server is the test's own.
"""

import ctypes
import socket

VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}
KEY_UPDATE_REQUESTED = 1
_SET_MIN_PROTO_VERSION, _SET_MAX_PROTO_VERSION = 123, 124  # SSL_CTX_ctrl's


def _library():
    library = ctypes.CDLL("libssl.so.3")
    pointer, number = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in [
            ("TLS_client_method", pointer, []), ("SSL_CTX_new", pointer, [pointer]), ("SSL_CTX_free", None, [pointer]),
            ("SSL_CTX_ctrl", ctypes.c_long, [pointer, number, ctypes.c_long, pointer]),
            ("SSL_new", pointer, [pointer]), ("SSL_free", None, [pointer]), ("SSL_set_fd", number, [pointer, number]),
            ("SSL_connect", number, [pointer]), ("SSL_do_handshake", number, [pointer]),
            ("SSL_key_update", number, [pointer, number]), ("SSL_renegotiate", number, [pointer]),
            ("SSL_write", number, [pointer, ctypes.c_char_p, number]),
            ("SSL_read", number, [pointer, ctypes.c_char_p, number])]:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _last_reason() -> str:
    """The newest error's words, "no renegotiation"; empty without one."""
    crypto = ctypes.CDLL("libcrypto.so.3")
    crypto.ERR_peek_last_error.restype = ctypes.c_ulong
    crypto.ERR_reason_error_string.restype = ctypes.c_char_p
    crypto.ERR_reason_error_string.argtypes = [ctypes.c_ulong]
    return (crypto.ERR_reason_error_string(crypto.ERR_peek_last_error()) or b"").decode()


class OpensslClient:
    """One connection after its handshake; a context manager. What fails is False, or nothing read; `reason` says why."""

    def __init__(self, address, version, seconds=20):
        self._ssl, self._context, self._library = None, None, _library()
        self.socket = socket.create_connection(address, seconds)
        self.socket.setblocking(True)  # libssl reads the descriptor itself; the kernel keeps the time
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.socket.setsockopt(socket.SOL_SOCKET, option, seconds.to_bytes(8, "little") + bytes(8))
        self._context = self._library.SSL_CTX_new(self._library.TLS_client_method())
        for control in (_SET_MIN_PROTO_VERSION, _SET_MAX_PROTO_VERSION):
            self._library.SSL_CTX_ctrl(self._context, control, VERSIONS[version], None)
        self._ssl = self._library.SSL_new(self._context)
        self._library.SSL_set_fd(self._ssl, self.socket.fileno())
        if self._library.SSL_connect(self._ssl) != 1:
            self.close()
            raise ConnectionError(f"no handshake: {_last_reason()}")

    @property
    def reason(self) -> str:
        return _last_reason()

    def write(self, octets: bytes) -> bool:
        return self._library.SSL_write(self._ssl, octets, len(octets)) == len(octets)

    def read(self) -> bytes:
        room = ctypes.create_string_buffer(65536)
        octets = self._library.SSL_read(self._ssl, room, len(room))
        return room.raw[:max(0, octets)]

    def update_keys(self) -> bool:
        """Sends a KeyUpdate that asks for one in return."""
        return (self._library.SSL_key_update(self._ssl, KEY_UPDATE_REQUESTED) == 1
                and self._library.SSL_do_handshake(self._ssl) == 1)

    def renegotiate(self) -> bool:
        """Asks for a new handshake, and reads until it is done (RFC 5246 section 7.4.1.2)."""
        return self._library.SSL_renegotiate(self._ssl) == 1 and self._library.SSL_do_handshake(self._ssl) == 1

    def close(self):
        if self._ssl:
            self._library.SSL_free(self._ssl)
        self._library.SSL_CTX_free(self._context)
        self._ssl = self._context = None
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
