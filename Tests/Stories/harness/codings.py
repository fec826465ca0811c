"""Decoding what a node has encoded, by the libraries' decoders."""

import ctypes
import zlib

MOST_BYTES = 8 << 20


def _gzip(data):
    return zlib.decompress(data, wbits=31)


def _br(data):
    library = ctypes.CDLL("libbrotlidec.so.1")
    output = ctypes.create_string_buffer(MOST_BYTES)
    count = ctypes.c_size_t(MOST_BYTES)
    if library.BrotliDecoderDecompress(ctypes.c_size_t(len(data)), data, ctypes.byref(count), output) != 1:
        raise ValueError("not br")
    return output.raw[:count.value]


def _zstd(data):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    output = ctypes.create_string_buffer(MOST_BYTES)
    count = library.ZSTD_decompress(output, ctypes.c_size_t(MOST_BYTES), data, ctypes.c_size_t(len(data)))
    if count > MOST_BYTES:
        raise ValueError("not zstd")
    return output.raw[:count]


DECODERS = {"gzip": _gzip, "br": _br, "zstd": _zstd}


def decoded(response):
    """A response's body as it was before its Content-Encoding."""
    coding = response.get("Content-Encoding")
    return DECODERS[coding](response.body) if coding else response.body
