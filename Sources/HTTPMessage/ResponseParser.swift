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
    /// 101 with an Upgrade field that names another protocol than HTTP.
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
    private var requestMethod = Method.get
    private var position = 0
    private var phase = Phase.statusLine
    private var scanned = 0

    private enum Phase: UInt8 { case statusLine, fields }

    package init(limits: MessageLimits = MessageLimits()) {
        self.limits = limits
    }

    /// Gets ready for the response to a request of that method, and for the next one after an interim response.
    package mutating func reset(requestMethod: Method) {
        self.requestMethod = requestMethod
        head = ResponseHead()
        position = 0
        phase = .statusLine
        scanned = 0
    }

    /// Parses on, as `RequestParser.parse` does.
    package mutating func parse(_ bytes: RawSpan, into fields: inout FieldTable) -> ResponseProgress {
        if scanned > position, !LineResumption.mayProceed(bytes, &scanned, ByteClass.value) {
            return whenIncomplete(bytes)
        }
        if phase == .statusLine {
            fields.removeAll()
            switch StatusLine.parse(bytes, &position, into: &head) {
            case .complete: phase = .fields
            case .needMore: return whenIncomplete(bytes)
            case .rejected(let reason): return .rejected(reason)
            }
            if position > limits.startLineBytes &+ 2 { return .rejected(.headTooLong) }
        }
        switch FieldLines.parse(bytes, &position, into: &fields, nameLimit: limits.fieldNameBytes) {
        case .complete: break
        case .needMore: return whenIncomplete(bytes)
        case .rejected(let reason): return .rejected(reason)
        }
        if position > limits.headBytes { return .rejected(.headTooLong) }
        if fields.count > limits.fieldCount { return .rejected(.tooManyFields) }
        head.length = position
        if let reason = settle(bytes, &fields) { return .rejected(reason) }
        return .complete(headLength: position)
    }

    private mutating func whenIncomplete(_ bytes: RawSpan) -> ResponseProgress {
        scanned = LineResumption.scannedEnd(bytes)
        if phase == .statusLine, bytes.byteCount &- position > limits.startLineBytes &+ 2 {
            return .rejected(.headTooLong)
        }
        return bytes.byteCount >= limits.headBytes ? .rejected(.headTooLong) : .needMore
    }

    /// What the fields mean together (RFC 9112 section 6.3), given the request's method.
    private mutating func settle(_ bytes: RawSpan, _ fields: inout FieldTable) -> Rejection? {
        let declared: BodyFraming?
        switch Framing.settle(bytes, &fields, minorVersion: head.minorVersion) {
        case .success(let framing): declared = framing
        case .failure(let reason): return reason
        }
        if case .length(let count) = declared { head.declaredLength = count }
        let hasNoBody = requestMethod == .head || head.status < 200 || head.status == 204 || head.status == 304
        head.framing = hasNoBody ? .none : declared ?? .untilClose
        if case .length(let count) = head.framing, count > limits.bodyBytes { return .bodyTooLong }
        head.connection = ConnectionField.settle(bytes, &fields)
        head.keepAlive =
            ConnectionField.keepsAlive(head.connection, minorVersion: head.minorVersion) && head.framing != .untilClose
            && !promisesForbiddenBody(declared)
        if head.status == 101 {
            guard UpgradeField.isTunnelable(bytes, fields), head.connection.contains(.upgrade), head.minorVersion >= 1
            else { return .invalidStatus }
            head.upgrade = true
        }
        ConnectionField.dropStandard(&fields)
        return nil
    }
}

extension ResponseParser {
    /// A 204 has no content and says nothing of one (RFC 9110 section 8.6). Who does may send it, too, and that would
    /// be read as the next answer.
    private func promisesForbiddenBody(_ declared: BodyFraming?) -> Bool {
        head.status == 204 && declared != nil && declared != .length(0)
    }
}

/// The status line (RFC 9112 section 4).
enum StatusLine {
    static func parse(_ bytes: RawSpan, _ position: inout Int, into head: inout ResponseHead) -> SectionProgress {
        let start = position
        guard bytes.byteCount &- start >= 13 else { return partial(bytes, start) }
        let word = bytes.word(at: start)
        guard word & 0x00FF_FFFF_FFFF_FFFF == 0x002E_312F_5054_5448, ByteClass.isDigit(bytes.byte(at: start &+ 7)),
            bytes.byte(at: start &+ 8) == 0x20
        else { return .rejected(.malformedStatusLine) }
        head.minorVersion = Swift.min(bytes.byte(at: start &+ 7) &- 0x30, 1)
        var status: UInt16 = 0
        for offset in 9..<12 {
            let byte = bytes.byte(at: start &+ offset)
            guard ByteClass.isDigit(byte) else { return .rejected(.malformedStatusLine) }
            status = status &* 10 &+ UInt16(byte &- 0x30)
        }
        guard status >= 100 else { return .rejected(.invalidStatus) }
        head.status = status
        let reasonStart = start &+ 12
        let end = FieldLines.endOfValue(bytes, reasonStart)
        guard end &+ 1 < bytes.byteCount else {
            return end < bytes.byteCount && bytes.byte(at: end) != 0x0D ? .rejected(.malformedStatusLine) : .needMore
        }
        guard bytes.pair(at: end) == 0x0A0D else { return .rejected(.malformedStatusLine) }
        if end > reasonStart {
            // The space may be missing where there is no reason; anything else in its place is an error.
            guard bytes.byte(at: reasonStart) == 0x20 else { return .rejected(.malformedStatusLine) }
            head.reason = Extent(start: reasonStart &+ 1, end: end)
        }
        position = end &+ 2
        return .complete
    }

    /// Too few bytes to say: refused as soon as they cannot become a status line.
    private static func partial(_ bytes: RawSpan, _ start: Int) -> SectionProgress {
        let pattern: StaticString = "HTTP/1.d ddd"
        for offset in 0..<Swift.min(bytes.byteCount &- start, 12) {
            let byte = bytes.byte(at: start &+ offset)
            let wanted = pattern.byte(at: offset)
            let matches = wanted == 0x64 ? ByteClass.isDigit(byte) : byte == wanted
            if !matches { return .rejected(.malformedStatusLine) }
        }
        return .needMore
    }
}
