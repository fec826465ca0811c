// Pulls body sources of the cache into a sink. The same code serves every protocol and every kind of stored body; it
// knows sinks only by their contract.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

enum BodyPump {
    /// Pieces up to this size are copied behind the head, so that a small response is one contiguous send.
    static let copyLimit = 16 * 1024
    /// A whole raw body up to this size is copied behind its head for one contiguous send; a longer one goes from where
    /// it lies. It may have to come from memory, and then it comes once.
    static let wholeCopyLimit = 4 * 1024
    /// What one source may give before others have their turn.
    static let pieceLimit = 256 * 1024

    /// A stored object. `view` is the object under the source's pin, or as just looked up.
    static func pump<Sink: ResponseSink & ~Copyable>(
        _ view: borrowing ItemView, _ source: inout BodySource, limit: Int = .max, into sink: inout Sink
    ) -> PumpOutcome {
        var budget = limit
        while true {
            while source.position < source.end {
                guard budget > 0 else { return .paused }
                let before = source.position
                defer { budget -= source.position - before }
                let step = pumpPiece(view, &source, into: &sink)
                guard step == .finished else { return step }
            }
            guard source.multipart != nil else { return .finished }
            guard let part = nextPart(view, &source, into: &sink) else { return .blocked }
            if part == .finished { return .finished }
        }
    }

    /// One piece; `.finished` means that the piece is in the sink.
    private static func pumpPiece<Sink: ResponseSink & ~Copyable>(
        _ view: borrowing ItemView, _ source: inout BodySource, into sink: inout Sink
    ) -> PumpOutcome {
        let owed = source.end - source.position
        switch view.bodyPiece(at: source.position) {
        case .raw(let bytes):
            return offer(bytes.extracting(0..<min(bytes.byteCount, owed)), of: view, &source, into: &sink)
        case .compressed(let chunk):
            let skip = source.position - chunk.bodyOffset
            let length = min(chunk.rawLength - skip, owed)
            switch sink.append(chunk, dropping: skip, length: length) {
            case .appended: source.position += length
            case .full: return .blocked
            case .damaged: return .failed
            case .failed: return .clientGone
            }
            return .finished
        case .missing, .end:
            return .failed
        }
    }

    private static func offer<Sink: ResponseSink & ~Copyable>(
        _ bytes: RawSpan, of view: borrowing ItemView, _ source: inout BodySource, into sink: inout Sink
    ) -> PumpOutcome {
        if bytes.byteCount <= copyLimit, sink.append(bytes) {
            source.position += bytes.byteCount
            return .finished
        }
        let outcome: OfferOutcome
        if sink.prefersFile(for: bytes.byteCount), let place = view.lend(bytes) {
            outcome = sink.offer(bytes, in: place)
        } else {
            outcome = sink.offer(bytes, more: source.position + bytes.byteCount < source.end)
        }
        switch outcome {
        case .took(let taken):
            source.position += taken
            return taken < bytes.byteCount ? .blocked : .finished
        case .failed:
            return .clientGone
        }
    }

    /// Writes the next part's head (or the closing delimiter, then `.finished`); nil when the sink is full.
    private static func nextPart<Sink: ResponseSink & ~Copyable>(
        _ view: borrowing ItemView, _ source: inout BodySource, into sink: inout Sink
    ) -> PumpOutcome? {
        guard source.multipart?.value.hasWrittenEnd == false else { return .finished }
        guard let stored = StoredHead(view.header) else { return .finished }
        let type = stored.contentType
        let written = sink.write { source.multipart?.value.writeDelimiter(type: type, into: &$0) }
        guard written else { return nil }
        if let range = source.multipart?.value.advance() {
            source.position = Int(range.first)
            source.end = Int(range.last) + 1
        }
        return .waiting
    }

    /// A fill, as far as it has come.
    static func pumpFill<Sink: ResponseSink & ~Copyable>(
        _ source: inout BodySource, limit: Int = .max, into sink: inout Sink
    ) -> PumpOutcome {
        guard let ticket = source.ticket.take() else { return .failed }
        let outcome = pull(ticket, position: &source.position, end: source.end, limit: limit, into: &sink)
        source.ticket = consume ticket
        return outcome
    }

    private static func pull<Sink: ResponseSink & ~Copyable>(
        _ ticket: borrowing FillTicket, position: inout Int, end: Int, limit: Int, into sink: inout Sink
    ) -> PumpOutcome {
        var budget = limit
        while position < end {
            guard budget > 0 else { return .paused }
            // The phase is read before the bytes: bytes that came in between are not missed when it says complete.
            let phase = ticket.phase
            let bytes = ticket.read(at: position)
            if bytes.byteCount == 0 {
                switch phase {
                case .complete: return end == .max ? .finished : .failed
                case .failed: return .failed
                case .waiting, .streaming, .orphaned: return .waiting
                }
            }
            let part = bytes.extracting(0..<min(bytes.byteCount, end - position, budget))
            budget -= part.byteCount
            // More only when it is certain: a last piece held back for company would wait 200 ms in the kernel.
            let moreFollows = phase == .complete && end != .max && position + part.byteCount < end && budget > 0
            switch sink.offer(part, more: moreFollows) {
            case .took(let taken):
                position += taken
                if taken < part.byteCount { return .blocked }
            case .failed:
                return .clientGone
            }
        }
        return .finished
    }
}
