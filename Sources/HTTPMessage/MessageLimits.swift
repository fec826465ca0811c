// How much of a message the node is willing to take in. Only numbers live here; the parsers say which status each
// limit answers with.

/// Limits of a message. The defaults follow RFC 9112 section 3 (8000 bytes of request line) and common practice.
package struct MessageLimits: Sendable, Equatable {
    /// Longest request or status line without its line end, in bytes. More answers 414 (502 from an origin).
    package var startLineBytes: Int = 8192
    /// Longest head (start line, fields and the empty line), in bytes. More answers 431.
    package var headBytes: Int = 32768
    /// Most field lines of a head. More answers 431.
    package var fieldCount: Int = 128
    /// Longest method. More answers 501.
    package var methodBytes: Int = 32
    /// Longest field name. More answers 431.
    package var fieldNameBytes: Int = 256
    /// Largest body, in bytes. More answers 413.
    package var bodyBytes: UInt64 = UInt64(Int64.max)
    /// Longest chunk-size line without its line end: digits and extensions, in bytes. More answers 400.
    package var chunkLineBytes: Int = 512
    /// Bytes of chunk extensions in one whole body. More answers 400.
    package var chunkExtensionBytes: Int = 16384
    /// Longest trailer section, in bytes. More answers 431.
    package var trailerBytes: Int = 8192
    /// Most trailer fields. More answers 431.
    package var trailerCount: Int = 32

    package init() {}
}
