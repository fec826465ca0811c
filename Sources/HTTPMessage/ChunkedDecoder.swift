// The chunked transfer coding (RFC 9112 section 7.1), from bytes to pieces of data. It copies nothing and keeps
// nothing but counters; extensions are checked and forgotten.

/// What a call of `ChunkedDecoder.next` came to.
package enum ChunkStep: Equatable, Sendable {
    /// These bytes of the input are body data; `position` is already behind them. Call again for more.
    case data(Extent)
    /// The input up to `position` is used up; what is behind it must be offered again together with more.
    case needMore
    /// The body is complete; `position` is behind it and the trailers are in the table (offsets as in the input).
    /// Trailer fields that may not be forwarded are marked as dropped.
    case end
    /// The body is refused: nothing behind this can be trusted.
    case rejected(Rejection)
}

/// Decodes one chunked body.
package struct ChunkedDecoder: ~Copyable {
    package let limits: MessageLimits
    /// Bytes of data found so far.
    package internal(set) var bodyBytes: UInt64 = 0
    var state = State.size
    var remaining: UInt64 = 0
    var lineBytes = 0
    var extensionBytes = 0
    var digits: UInt8 = 0

    enum State: UInt8 {
        case size, beforeSemicolon, extensionNameStart, extensionName, afterName, extensionValueStart, token, quoted,
            escaped, afterValue, lineFeed, data, dataCarriageReturn, dataLineFeed, trailers, done
    }

    package init(limits: MessageLimits = MessageLimits()) {
        self.limits = limits
    }

    /// Gets ready for another body.
    package mutating func reset() {
        bodyBytes = 0
        state = .size
        remaining = 0
        lineBytes = 0
        extensionBytes = 0
        digits = 0
    }

    /// The body has ended.
    package var isComplete: Bool { state == .done }

    /// Decodes from `position` of `input` on and moves `position` behind what was used.
    package mutating func next(_ input: RawSpan, _ position: inout Int, trailers: inout FieldTable) -> ChunkStep {
        .needMore
    }
}

/// The other way: what goes around data to make it a chunk.
package enum ChunkedEncoder {
    /// Most bytes that `writeHeader` writes.
    package static let maxHeaderBytes = 18

    /// Writes the size line of a chunk of `size` bytes, which must not be 0. The data and CR LF follow it.
    package static func writeHeader(size: Int, into sink: inout ByteSink) {
        sink.appendHexadecimal(UInt64(size))
        sink.append("\r\n")
    }

    /// Writes the last chunk. Trailer lines and an empty line follow it, or `writeEnd` alone.
    package static func writeLastChunk(into sink: inout ByteSink) {
        sink.append("0\r\n")
    }

    /// Writes the last chunk and the empty line: the end of a body without trailers.
    package static func writeEnd(into sink: inout ByteSink) {
        sink.append("0\r\n\r\n")
    }
}
