// Bytes of a connection to a request head: resumable, strict, without allocation. It keeps only offsets between
// calls; bodies are not its business.

/// What a call of `RequestParser.parse` came to.
package enum RequestProgress: Equatable, Sendable {
    /// The head is not complete: call again with the same bytes and more behind them.
    case needMore
    /// As `needMore`, and method, target and authority in `head` are final. Said once per request at most.
    case routable
    /// The head is complete and takes this many bytes, a tolerated leading empty line included.
    case complete(headLength: Int)
    /// The message is refused: answer with the status and close.
    case rejected(Rejection)
}

/// Parses one request head after the other. Reusable: call `reset()` between requests.
package struct RequestParser: ~Copyable {
    /// What has been learned; final once `complete` was returned (see `RequestProgress.routable` for the exception).
    package internal(set) var head = RequestHead()
    package let limits: MessageLimits
    /// Where the first line that is not parsed begins.
    private var position = 0
    private var phase = Phase.start
    /// Up to here the bytes of an incomplete line were looked at.
    private var scanned = 0
    private var saidRoutable = false

    private enum Phase: UInt8 { case start, requestLine, fields, complete, rejected }

    package init(limits: MessageLimits = MessageLimits()) {
        self.limits = limits
    }

    /// Forgets the current request. The next `parse` is given a span that begins with the next request.
    package mutating func reset() {
        head = RequestHead()
        position = 0
        phase = .start
        scanned = 0
        saidRoutable = false
    }

    /// Parses on. `bytes` begins at the request's first byte in every call (the table's and the head's offsets are
    /// relative to it) and may hold bytes after the head, which are not looked at. The table is emptied at the
    /// beginning of a request.
    package mutating func parse(_ bytes: RawSpan, into fields: inout FieldTable) -> RequestProgress {
        let expected = phase == .fields ? ByteClass.value : ByteClass.query
        // Until the method has ended its length must be watched, however few bytes come at a time.
        let methodHasEnded = phase == .fields || !head.methodText.isEmpty
        if methodHasEnded, scanned > position, !LineResumption.mayProceed(bytes, &scanned, expected) {
            return whenIncomplete(bytes, &fields)
        }
        if phase == .start {
            fields.removeAll()
            switch skipEmptyLine(bytes) {
            case .complete: phase = .requestLine
            case .needMore: return .needMore
            case .rejected(let reason): return .rejected(reason)
            }
        }
        if phase == .requestLine {
            switch RequestLine.parse(bytes, &position, into: &head, limits) {
            case .complete: phase = .fields
            case .needMore: return whenIncomplete(bytes, &fields)
            case .rejected(let reason): return .rejected(reason)
            }
        }
        switch FieldLines.parse(bytes, &position, into: &fields, nameLimit: limits.fieldNameBytes) {
        case .complete: return finish(bytes, &fields)
        case .needMore: return whenIncomplete(bytes, &fields)
        case .rejected(let reason): return .rejected(reason)
        }
    }

    /// One empty line before the request line is tolerated (RFC 9112 section 2.2).
    @inline(__always)
    private mutating func skipEmptyLine(_ bytes: RawSpan) -> SectionProgress {
        guard bytes.byteCount > 0 else { return .needMore }
        guard bytes.byte(at: 0) == 0x0D else { return .complete }
        guard bytes.byteCount > 1 else { return .needMore }
        guard bytes.byte(at: 1) == 0x0A else { return .rejected(.malformedRequestLine) }
        position = 2
        return .complete
    }

    /// The bytes ran out inside a line: remembers how far they were looked at, and enforces the limits.
    private mutating func whenIncomplete(_ bytes: RawSpan, _ fields: inout FieldTable) -> RequestProgress {
        scanned = LineResumption.scannedEnd(bytes)
        if phase == .requestLine, bytes.byteCount &- position > limits.startLineBytes &+ 2 {
            return .rejected(.targetTooLong)
        }
        if bytes.byteCount >= limits.headBytes { return .rejected(.headTooLong) }
        guard phase == .fields, !saidRoutable else { return .needMore }
        if head.form == .absolute {
            saidRoutable = true
            return .routable
        }
        guard let value = fields.first(.host), let authority = Authority.parse(bytes, value) else { return .needMore }
        head.take(authority)
        saidRoutable = true
        return .routable
    }

    /// The empty line was reached: what the fields mean together.
    @inline(__always)
    private mutating func finish(_ bytes: RawSpan, _ fields: inout FieldTable) -> RequestProgress {
        if position > limits.headBytes { return .rejected(.headTooLong) }
        if fields.count > limits.fieldCount { return .rejected(.tooManyFields) }
        head.length = position
        if let reason = RequestSemantics.settle(bytes, &fields, &head, limits) { return .rejected(reason) }
        phase = .complete
        return .complete(headLength: position)
    }
}

/// How a parser goes on with a line that was incomplete: not at all, before the new bytes can complete or spoil it.
enum LineResumption {
    /// Whether a byte has come since that is not of the class `expected`; moves `scanned` on if not.
    static func mayProceed(_ bytes: RawSpan, _ scanned: inout Int, _ expected: UInt8) -> Bool {
        var at = scanned
        while at < bytes.byteCount {
            if ByteClass.of(bytes.byte(at: at)) & expected == 0 { return true }
            at &+= 1
        }
        scanned = at
        return false
    }

    /// How far the bytes are looked at: a CR at their end must be looked at again.
    static func scannedEnd(_ bytes: RawSpan) -> Int {
        let end = bytes.byteCount
        return end > 0 && bytes.byte(at: end &- 1) == 0x0D ? end &- 1 : end
    }
}
