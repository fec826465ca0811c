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
    /// Trailers that would frame or route a message are refused in a request, where somebody may be smuggling, and
    /// dropped like all other forbidden ones in a response (RFC 9110 section 6.5.1 asks for no more).
    private let refusesFramingTrailers: Bool
    /// The message's Connection names fields, and a trailer may be one of them (RFC 9110 section 7.6.1): all are
    /// dropped, which is always allowed.
    package var dropsTrailers = false
    /// Bytes of data announced so far.
    package internal(set) var bodyBytes: UInt64 = 0
    private var line: ChunkLine
    private var state = State.line
    /// Bytes of the current chunk that have not come yet.
    private var remaining: UInt64 = 0

    private enum State: UInt8 { case line, data, dataCarriageReturn, dataLineFeed, trailers, done }

    package init(limits: MessageLimits = MessageLimits(), ofResponse: Bool = false) {
        self.limits = limits
        refusesFramingTrailers = !ofResponse
        line = ChunkLine()
    }

    /// Gets ready for another body.
    package mutating func reset() {
        bodyBytes = 0
        state = .line
        remaining = 0
        line = ChunkLine()
    }

    /// The body has ended.
    package var isComplete: Bool { state == .done }

    /// Decodes from `position` of `input` on and moves `position` behind what was used. Once trailers begin nothing
    /// of them is used before they are complete, so that their offsets are those of one input.
    package mutating func next(_ input: RawSpan, _ position: inout Int, trailers: inout FieldTable) -> ChunkStep {
        while true {
            switch state {
            case .line:
                switch line.parse(input, &position, limits) {
                case .needMore: return .needMore
                case .rejected(let reason): return .rejected(reason)
                case .complete:
                    if let reason = beginChunk() { return .rejected(reason) }
                }
            case .data:
                let available = input.byteCount &- position
                guard available > 0 else { return .needMore }
                let count = remaining < UInt64(available) ? Int(remaining) : available
                let data = Extent(start: position, end: position &+ count)
                position &+= count
                remaining &-= UInt64(count)
                if remaining == 0 { state = .dataCarriageReturn }
                return .data(data)
            case .dataCarriageReturn, .dataLineFeed:
                guard position < input.byteCount else { return .needMore }
                let wanted: UInt8 = state == .dataCarriageReturn ? 0x0D : 0x0A
                guard input.byte(at: position) == wanted else { return .rejected(.missingChunkEnd) }
                position &+= 1
                state = state == .dataCarriageReturn ? .dataLineFeed : .line
            case .trailers:
                return parseTrailers(input, &position, &trailers)
            case .done:
                return .end
            }
        }
    }

    /// The size line is complete: data follows, or the trailers.
    private mutating func beginChunk() -> Rejection? {
        remaining = line.size
        line.reset()
        guard remaining > 0 else {
            state = .trailers
            return nil
        }
        guard remaining <= limits.bodyBytes, bodyBytes <= limits.bodyBytes &- remaining else { return .bodyTooLong }
        bodyBytes &+= remaining
        state = .data
        return nil
    }

    private mutating func parseTrailers(
        _ input: RawSpan, _ position: inout Int, _ trailers: inout FieldTable
    ) -> ChunkStep {
        trailers.removeAll()
        var end = position
        switch FieldLines.parse(input, &end, into: &trailers, nameLimit: limits.fieldNameBytes) {
        case .needMore:
            return input.byteCount &- position > limits.trailerBytes ? .rejected(.trailersTooLong) : .needMore
        case .rejected(.tooManyFields):
            return .rejected(.trailersTooLong)
        case .rejected(let reason):
            return .rejected(reason)
        case .complete:
            guard end &- position <= limits.trailerBytes, trailers.count <= limits.trailerCount else {
                return .rejected(.trailersTooLong)
            }
            if refusesFramingTrailers, trailers.containsAny(Trailers.forbidden) { return .rejected(.forbiddenTrailer) }
            Trailers.drop(&trailers, all: dropsTrailers)
            position = end
            state = .done
            return .end
        }
    }
}

/// Which fields a trailer section may have (RFC 9110 section 6.5.1).
enum Trailers {
    /// They would change the framing or the routing of a message that is already on its way.
    static var forbidden: FieldSet { FieldSet(.contentLength) | .transferEncoding | .host }

    /// They belong into the head: not forwarded from trailers.
    static var dropped: FieldSet {
        FieldSet(.connection) | .te | .trailer | .upgrade | .expect | .keepAlive | .proxyConnection
            | .proxyAuthenticate | .proxyAuthorization | .cacheControl | .cdnCacheControl | .martletCacheControl
            | .surrogateControl | .pragma | .age | .date | .expires | .vary | .ifMatch | .ifNoneMatch
            | .ifModifiedSince | .ifUnmodifiedSince | .ifRange | .range | .contentRange | .contentType
            | .contentEncoding | .location | .authorization | .setCookie | .cookie | .via | .forwarded
            | .xForwardedFor | .xForwardedHost | .xForwardedProto | .xForwardedPort | .xForwardedPrefix
            | .xForwardedScheme | .xHost | .xOriginalUrl | .xRewriteUrl | .xHttpMethod | .xHttpMethodOverride
            | .warning | .retryAfter | .cacheStatus | .maxForwards
    }

    /// The same of a name that shares its bit with others.
    private static func isDropped(sharing field: KnownField) -> Bool {
        switch field {
        case .maxForwards, .http2Settings, .proxyAuthenticationInfo, .wwwAuthenticate, .xMethodOverride, .xRealIp,
            .xForwardedServer, .xForwardedSsl, .xOriginalHost:
            true
        default: false
        }
    }

    static func drop(_ trailers: inout FieldTable, all isAll: Bool) {
        let never = dropped.union(forbidden)
        guard isAll || trailers.containsAny(never) else { return }
        for index in 0..<trailers.count {
            let field = trailers[index].field
            let isNever = field.rawValue < 64 ? never.intersects(field.bit) : isDropped(sharing: field)
            if isAll || isNever { trailers.drop(at: index) }
        }
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
