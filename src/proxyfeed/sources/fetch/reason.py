"""
Why the network failed, in words, from the innermost of the exceptions that libraries wrap.
"""

from __future__ import annotations

import os
import socket
import ssl


def root_of(error: BaseException) -> BaseException:
    """
    Return what the system said in the depths of *error*, or *error* itself.

    A `ConnectError` holds an ``OSError: All connection attempts failed``, that one holds a group
    with one `ConnectionRefusedError` for each address of the host, of which the first will do.
    """
    root = error
    inner = _inner(error)
    while inner is not None:
        if isinstance(root, BaseExceptionGroup) or (isinstance(inner, OSError) and inner.errno):
            root = inner
        inner = _inner(inner)
    return root


def reason_of(error: BaseException) -> str:
    root = root_of(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {root.verify_message}"
    if isinstance(root, ssl.SSLError):
        return f"TLS failed: {root.reason or root}"
    if isinstance(root, socket.gaierror):
        return f"the name cannot be resolved: {root.strerror}"
    if isinstance(root, OSError) and root.errno:
        # asyncio puts "Connect call failed ('192.0.2.1', 80)" in place of the system's words.
        return os.strerror(root.errno)
    return str(root) or type(root).__name__


def _inner(error: BaseException) -> BaseException | None:
    if isinstance(error, BaseExceptionGroup):
        return error.exceptions[0]
    # httpcore raises "from None", which leaves the cause in the context.
    return error.__cause__ or error.__context__
