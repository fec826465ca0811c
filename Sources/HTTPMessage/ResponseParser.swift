// Bytes from an origin to a response head: resumable, as strict as for requests. A rejection here means 502.

/// What a call of `ResponseParser.parse` came to.
package enum ResponseProgress: Equatable, Sendable {
    /// The head is not complete: call again with the same bytes and more behind them.
    case needMore
    /// The head is complete and takes this many bytes. For 1xx (but 101) call `reset` and parse the next one.
    case complete(headLength: Int)
    /// The response is refused: the origin's connection must be closed.
    case rejected(Rejection)
}

/// Everything known of a response once its head is complete.
@usableFromInline package struct ResponseHead: Sendable {
    @usableFromInline package var status: UInt16 = 0
    /// The reason phrase; may be empty.
    package var reason: Extent = .empty
    package var minorVersion: UInt8 = 1
    /// How long the body is, given the request's method (RFC 9112 section 6.3).
    package var framing: BodyFraming = .none
    /// What Content-Length says, also where there is no body (HEAD, 304).
    package var declaredLength: UInt64?
    package var connection: ConnectionOptions = []
    /// The origin's connection may be used again after the body.
    package var keepAlive: Bool = true
    /// 101 with an Upgrade field.
    package var upgrade: Bool = false
    /// Bytes of the head, empty line included.
    package var length: Int = 0

    package init() {}

    /// 1xx: another response follows (101 excepted).
    @inlinable package var isInterim: Bool { status < 200 && status != 101 }
}

/// Parses one response head after the other.
package struct ResponseParser: ~Copyable {
    package internal(set) var head = ResponseHead()
    package let limits: MessageLimits
    var requestMethod = Method.get
    var position = 0
    var phase = Phase.start
    var scanned = 0

    enum Phase: UInt8 { case start, fields, complete }

    package init(limits: MessageLimits = MessageLimits()) {
        self.limits = limits
    }

    /// Gets ready for the response to a request of that method.
    package mutating func reset(requestMethod: Method) {
        self.requestMethod = requestMethod
        head = ResponseHead()
        position = 0
        phase = .start
        scanned = 0
    }

    /// Parses on, as `RequestParser.parse` does.
    package mutating func parse(_ bytes: RawSpan, into fields: inout FieldTable) -> ResponseProgress {
        .needMore
    }
}
