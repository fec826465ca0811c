// Where a response's body comes from. A source is pulled: it gives bytes that live for the call, or says wait, end or
// failed.
// Pulling is in BodyPump; a relay is pulled in Origin/Relay, next to the connection that it reads from.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

struct BodySource: ~Copyable {
    enum Kind: UInt8 {
        /// No body (left).
        case none
        /// A stored object under a pin, or a mark of it.
        case item
        /// A running or just finished fill.
        case fill
        /// An exchange with the origin, nothing stored.
        case relay
        /// A fill that the cache gave up: the origin is being asked for the rest.
        case rest
    }

    var kind = Kind.none
    var pin: Pin?
    /// Where a stored object was that could not be pinned, because too much of the cache is: looked at anew in each
    /// turn, and the response is cut if it is gone.
    var mark: Mark?
    var ticket: FillTicket?
    /// The next body byte to send.
    var position = 0
    /// One past the last byte to send; `Int.max` while a fill's length is unknown.
    var end = 0
    var multipart: Box<MultipartPlan>?
    /// The stored head, of a body whose source was given up because its client is too slow: the rest has to be asked
    /// for.
    var head: Box<Buffer>?

    init() {}

    /// `range` of a stored object.
    init(item range: Range<Int>) {
        kind = .item
        position = range.lowerBound
        end = range.upperBound
    }

    /// A fill from its first byte to its end, or a part of it.
    init(fill ticket: consuming FillTicket, from position: Int = 0, to end: Int = .max) {
        kind = .fill
        self.ticket = consume ticket
        self.position = position
        self.end = end
    }
}

extension BodySource {
    /// The stored head of what is being sent, which stays although the body may not. Nil when there is none: of an
    /// encoded form, and of an object that could not be pinned at all.
    borrowing func withHead<Result>(_ lane: borrowing Lane, _ use: (borrowing StoredHead) -> Result?) -> Result? {
        switch pin {
        case .some(let pin):
            let view = lane.view(of: pin)
            guard let head = StoredHead(view.header) else { return nil }
            return use(head)
        case .none: break
        }
        switch ticket {
        case .some(let ticket):
            guard let head = StoredHead(ticket.header) else { return nil }
            return use(head)
        case .none: break
        }
        switch head {
        case .some(let kept):
            guard let head = StoredHead(kept.value.readable) else { return nil }
            return use(head)
        case .none: return nil
        }
    }
}

/// Several ranges in one multipart/byteranges body (RFC 9110 section 14.6). Boxed in the source, which every hit moves
/// about and which seldom has one.
struct MultipartPlan {
    let plan: RangePlan
    let length: UInt64
    let boundary: UInt64
    private var next = 0
    private(set) var hasWrittenEnd = false

    init(plan: RangePlan, length: UInt64, boundary: UInt64) {
        self.plan = plan
        self.length = length
        self.boundary = boundary
    }

    /// Writes the next part's head, or the closing delimiter.
    func writeDelimiter(type: RawSpan, into output: inout ByteSink) {
        guard next < plan.count else { return MultipartRanges.writeEnd(boundary: boundary, into: &output) }
        MultipartRanges.writePartHead(
            plan: plan, index: next, length: length, contentType: type, boundary: boundary, into: &output)
    }

    /// The delimiter is in the sink: the range that it announced, nil at the end.
    mutating func advance() -> ByteRange? {
        guard next < plan.count else {
            hasWrittenEnd = true
            return nil
        }
        next += 1
        return plan.ranges[next - 1]
    }
}

/// How far pulling a source into a sink got.
enum PumpOutcome: Equatable {
    /// Everything is in the sink; it may still have to be flushed.
    case finished
    /// The sink is full: it will say when it has room.
    case blocked
    /// A piece is in the sink, and there is more: others have their turn first.
    case paused
    /// The source has nothing yet: somebody will wake the context.
    case waiting
    /// The source cannot be continued: the response must be cut, visibly.
    case failed
    /// The client is gone.
    case clientGone
}
