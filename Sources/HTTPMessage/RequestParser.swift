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
    var position = 0
    var phase = Phase.start
    var scanned = 0
    var saidRoutable = false

    enum Phase: UInt8 { case start, requestLine, fields, complete }

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
        .needMore
    }
}
