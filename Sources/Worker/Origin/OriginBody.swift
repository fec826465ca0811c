// An origin's response body, from bytes as they arrive to pieces of data: knows the framing and where it stands, never
// the socket. Pieces stay where they are in the connection's buffer until they are used.

internal import HTTPMessage

/// What is next in a body.
enum OriginBodyStep: Equatable {
    /// Body data at this place of the input; report what was used by `used`.
    case data(Extent)
    /// All input is used up: more must arrive.
    case needMore
    /// The body is complete.
    case end
    /// The framing is broken.
    case failed
}

struct OriginBody: ~Copyable {
    private(set) var framing = BodyFraming.none
    private var remaining: UInt64 = 0
    private var decoder: ChunkedDecoder
    /// Where in the input the decoder stands; what is before it, except a piece still being used, can be dropped.
    private var position = 0
    private var piece = Extent.empty
    private(set) var isComplete = false
    /// Data bytes handed out so far.
    private(set) var byteCount: UInt64 = 0

    init(limits: MessageLimits) { decoder = ChunkedDecoder(limits: limits, ofResponse: true) }

    /// `head`: of the answer whose body it is.
    mutating func begin(_ head: ResponseHead) {
        framing = head.framing
        remaining = 0
        position = 0
        piece = .empty
        byteCount = 0
        decoder.reset()
        decoder.dropsTrailers = head.connection.contains(.others)
        isComplete = framing == .none
        if case .length(let length) = framing {
            remaining = length
            isComplete = length == 0
        }
    }

    /// The total length, where the framing tells it beforehand.
    var knownLength: UInt64? {
        switch framing {
        case .none: 0
        case .length(let length): length
        case .chunked, .untilClose: nil
        }
    }

    /// The next piece of `input`, which begins where the last `dropUsed` ended.
    mutating func next(_ input: RawSpan, trailers: inout FieldTable) -> OriginBodyStep {
        if !piece.isEmpty { return .data(piece) }
        if isComplete { return .end }
        switch framing {
        case .none: return .end
        case .length, .untilClose: return nextPlain(input)
        case .chunked: return nextChunked(input, &trailers)
        }
    }

    private mutating func nextPlain(_ input: RawSpan) -> OriginBodyStep {
        var available = input.byteCount - position
        guard available > 0 else { return .needMore }
        if framing != .untilClose {
            available = Int(min(UInt64(available), remaining))
            remaining -= UInt64(available)
        }
        piece = Extent(start: position, end: position + available)
        position += available
        return .data(piece)
    }

    private mutating func nextChunked(_ input: RawSpan, _ trailers: inout FieldTable) -> OriginBodyStep {
        switch decoder.next(input, &position, trailers: &trailers) {
        case .data(let extent):
            piece = extent
            return .data(extent)
        case .needMore: return .needMore
        case .end:
            isComplete = true
            return .end
        case .rejected: return .failed
        }
    }

    /// `count` bytes of the current piece were used.
    mutating func used(_ count: Int) {
        byteCount += UInt64(count)
        piece = Extent(start: piece.lower + count, end: piece.upper)
        if piece.isEmpty, framing != .chunked, framing != .untilClose, remaining == 0 { isComplete = true }
    }

    /// How many bytes at the front of the input nobody needs any more; counts from there afterwards.
    mutating func dropUsed() -> Int {
        let droppable = piece.isEmpty ? position : piece.lower
        position -= droppable
        if !piece.isEmpty { piece = Extent(start: 0, end: piece.length) }
        return droppable
    }

    /// The connection has ended. True when that is a proper end of this body.
    mutating func connectionEnded() -> Bool {
        guard !isComplete, framing == .untilClose, piece.isEmpty else { return isComplete }
        isComplete = true
        return true
    }
}
