// Where an HTTP/1.1 response goes: frames body bytes (identity, chunked, until close) and hands them to the socket,
// keeping only what frames them. Body bytes the socket did not take are offered again by the source: they are never
// copied here.

internal import CLinux
internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

/// How the end of a response's body is told to the client (RFC 9112 section 6).
enum ResponseFraming: Equatable {
    /// No body: HEAD, 204, 304, or a length of zero.
    case none
    /// Content-Length; the count still owed.
    case length(UInt64)
    /// One chunk per offer.
    case chunked
    /// The end of the connection is the end of the body.
    case untilClose
}

/// What a sink did with an offer.
enum OfferOutcome: Equatable {
    /// Took this many of the offered bytes. Fewer than offered: it is full, wait for room.
    case took(Int)
    /// The peer is gone.
    case failed
}

/// What became of a chunk.
enum ChunkAppend: Equatable {
    case appended
    /// No room now.
    case full
    /// The stored bytes do not decode.
    case damaged
    /// The peer is gone.
    case failed
}

/// A place for response bytes with back-pressure. HTTP/1.1 connections, streams of a multiplexed connection and test
/// doubles are sinks. The contract: after a partial take the next offer begins with the very bytes that were not taken.
protocol ResponseSink: ~Copyable {
    /// How many bytes one offer may usefully carry now (flow control); 0 means wait.
    var window: Int { get }
    /// Appends bytes that this sink copies at once (a head, a small body). Returns false when they do not fit.
    mutating func append(_ bytes: RawSpan) -> Bool
    /// Lets `body` write bytes of the response's own making. False when they do not fit, even after sending.
    mutating func write(_ body: (inout ByteSink) -> Void) -> Bool
    /// Decodes a stored chunk straight into what is to be sent: `length` bytes of it after the first `skip`.
    mutating func append(_ chunk: CompressedChunk, dropping skip: Int, length: Int) -> ChunkAppend
    /// Offers body bytes that stay valid for the call only. `more` says that further bytes follow at once.
    mutating func offer(_ bytes: RawSpan, more: Bool) -> OfferOutcome
    /// Whether so many body bytes had better go from the cache's file.
    func prefersFile(for count: Int) -> Bool
    /// As `offer`, of bytes that lie at a place of the cache's file too: they go from there, without a copy.
    mutating func offer(_ bytes: RawSpan, in file: FilePlace) -> OfferOutcome
    /// The body is complete: frames its end.
    mutating func end() -> OfferOutcome
}

struct ClientSink: ~Copyable {
    let descriptor: Int32
    /// Head, framing and small bodies that the socket has not taken yet. Nil between responses.
    private(set) var pending: Buffer?
    var framing = ResponseFraming.none
    /// Bytes of the running chunk that were framed but not yet taken.
    private var chunkRemaining = 0
    /// The last send was cut short: the socket will say when it is writable.
    private(set) var isBlocked = false
    private(set) var bytesSent: UInt64 = 0
    /// Where in all that was and will be sent the current response begins.
    private var responseStart: UInt64 = 0
    /// The kernel may hold more than of copied bytes, since a long body goes from the cache's file.
    private var holdsFile = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    var hasPending: Bool {
        @inline(__always) get { pendingCount > 0 }
    }
    var hasBuffer: Bool { pending != nil }
    var pendingCount: Int {
        @inline(__always) get { readableCount(pending) }
    }
    var pendingSpace: Int { writableCount(pending) }

    mutating func adopt(_ buffer: consuming Buffer) { pending = consume buffer }

    /// Gives the buffer back once everything in it is sent.
    mutating func takeEmptyBuffer() -> Buffer? {
        guard pending?.isEmpty ?? false else { return nil }
        return pending.take()
    }

    /// What is still to be sent, for a connection that changes workers.
    borrowing func copyPending(to bytes: inout [UInt8]) { copyReadable(pending, to: &bytes) }

    mutating func surrender() -> Buffer? { pending.take() }

    /// Writes the head of a plain hit. False when there is no room even after sending.
    mutating func appendHit(
        _ stored: borrowing StoredHead, _ form: SentForm, bodyLength: UInt64, now: Int64, keepAlive: Bool,
        minorVersion: UInt8, settings: PolicySettings
    ) -> Bool {
        guard makeRoom(forHeadOf: stored.block.byteCount) else { return false }
        guard var buffer = pending.take() else { return false }
        var output = buffer.sink()
        ClientHead.writeHit(
            stored: stored, bodyLength: bodyLength, objectLength: UInt64(form.objectLength), coding: form.coding,
            now: now, keepAlive: keepAlive, minorVersion: minorVersion, settings: settings, into: &output)
        let count = output.overflowed ? 0 : output.count
        buffer.commit(count)
        pending = consume buffer
        return count > 0
    }

    /// Writes the head of any answer made from a stored one.
    mutating func appendStored(
        _ stored: borrowing StoredHead, _ selection: Selection, length: UInt64?, now: Int64, delivery: Delivery,
        boundary: UInt64, report: CacheStatus, key: RawSpan, withheld: RawSpan = RawSpan(), settings: PolicySettings
    ) -> Bool {
        guard makeRoom(forHeadOf: stored.block.byteCount + withheld.byteCount) else { return false }
        guard var buffer = pending.take() else { return false }
        var output = buffer.sink()
        ClientHead.write(
            stored: stored, selection: selection, length: length, now: now, delivery: delivery, boundary: boundary,
            report: report, key: key, withheld: withheld, settings: settings, into: &output)
        let count = output.overflowed ? 0 : output.count
        buffer.commit(count)
        pending = consume buffer
        return count > 0
    }

    /// Writes the head of an origin's answer that is passed on; without `delivery` an interim one.
    mutating func appendRelayed(
        _ head: ResponseHead, _ bytes: RawSpan, _ fields: borrowing FieldTable, delivery: Delivery?,
        report: CacheStatus,
        key: RawSpan, now: Int64, settings: PolicySettings
    ) -> Bool {
        // There may be many interim ones, and a client that does not read can do without.
        guard makeRoom(forHeadOf: head.length, mayGrow: delivery != nil) else { return false }
        guard var buffer = pending.take() else { return false }
        var output = buffer.sink()
        let delivery = delivery ?? Delivery(framing: .none, keepAlive: true)
        ClientHead.writeRelayed(
            head: head, bytes: bytes, fields: fields, now: now, delivery: delivery, report: report, key: key,
            settings: settings, into: &output)
        let count = output.overflowed ? 0 : output.count
        buffer.commit(count)
        pending = consume buffer
        return count > 0
    }

    /// Passes a chunked body's trailers on, as lines; `end` then writes nothing more.
    mutating func takeTrailers(_ lines: RawSpan) {
        guard framing == .chunked, lines.byteCount > 0 else { return }
        if pendingSpace < lines.byteCount + 2 * ChunkedEncoder.maxHeaderBytes {
            _ = flush(more: true)
            pending?.compact()
        }
        guard var buffer = pending.take() else { return }
        var output = buffer.sink()
        ChunkedEncoder.writeLastChunk(into: &output)
        output.append(lines)
        output.appendLineEnd()
        let count = output.overflowed ? 0 : output.count
        buffer.commit(count)
        pending = consume buffer
        if count > 0 { framing = .none }
    }

    /// Takes the current response back, for another in its place. False when some of it has been sent.
    mutating func takeBack() -> Bool {
        guard bytesSent <= responseStart else { return false }
        let before = Int(responseStart - bytesSent)
        let taken = pendingCount - before
        pending?.retract(taken)
        framing = .none
        chunkRemaining = 0
        return true
    }

    /// The response is complete: frames its end and sends what is left.
    mutating func finish() -> OfferOutcome { end() }

    /// What is added to a stored head on its way out fits in this.
    private static var headAllowance: Int { 1024 }

    /// A client that reads slowly is no reason to cut it: a head that finds no room behind earlier answers gets a
    /// larger buffer. That comes once, since behind a full socket nothing further is answered.
    mutating func makeRoom(forHeadOf count: Int, mayGrow: Bool = true) -> Bool {
        let wanted = count + Self.headAllowance
        if pendingSpace < wanted {
            guard flush(more: true) != .failed else { return false }
            pending?.compact()
            if pendingSpace < wanted, mayGrow { growPending(by: wanted) }
        }
        responseStart = bytesSent + UInt64(pendingCount)
        return pendingSpace >= wanted
    }

    private mutating func growPending(by count: Int) {
        guard let full = pending.take() else { return }
        var larger = Buffer(capacity: full.count + count)
        larger.append(full.readable)
        pending = consume larger
    }

    /// Sends a whole response that was made elsewhere and keeps what the socket does not take. Nothing may be pending,
    /// and the buffer must have room for it. `more` when something follows at once.
    mutating func sendWhole(_ response: RawSpan, more: Bool) -> OfferOutcome {
        framing = .none
        let outcome = sendPending(followedBy: response, more: more)
        guard case .took(let taken) = outcome, taken < response.byteCount else { return outcome }
        let rest = response.extracting(taken...)
        return append(rest) ? outcome : .failed
    }

    mutating func becameWritable() { isBlocked = false }

    /// Sends what is pending. True when nothing is left.
    mutating func flush(more: Bool = false) -> OfferOutcome {
        guard hasPending else { return .took(0) }
        return sendPending(followedBy: RawSpan(), more: more)
    }

    /// One system call for pending bytes and body bytes together; says how many body bytes went.
    private mutating func sendPending(followedBy bytes: RawSpan, more: Bool) -> OfferOutcome {
        let owed = pendingCount
        let length = bytes.byteCount
        guard owed + length > 0 else { return .took(0) }
        let sent: Int
        if pending != nil {
            sent = pending?.send(to: descriptor, followedBy: bytes, more: more) ?? 0
        } else {
            sent = sendSpan(descriptor, bytes, more: more)
        }
        if sent < 0 {
            guard isWouldBlock(sent) else { return .failed }
            isBlocked = true
            return .took(0)
        }
        bytesSent &+= UInt64(sent)
        if sent < owed + length { isBlocked = true }
        pending?.consume(min(sent, owed))
        return .took(max(sent - owed, 0))
    }
}

extension ClientSink: ResponseSink {
    var window: Int { isBlocked ? 0 : Int.max }

    mutating func append(_ bytes: RawSpan) -> Bool {
        guard pendingSpace >= bytes.byteCount else { return false }
        pending?.append(bytes)
        return true
    }

    mutating func write(_ body: (inout ByteSink) -> Void) -> Bool {
        if pending?.write(body) ?? false { return true }
        guard flush(more: true) != .failed else { return false }
        pending?.compact()
        return pending?.write(body) ?? false
    }

    mutating func append(_ chunk: CompressedChunk, dropping skip: Int, length: Int) -> ChunkAppend {
        if pendingSpace < chunk.rawLength {
            guard flush(more: true) != .failed else { return .failed }
            pending?.compact()
            guard pendingSpace >= chunk.rawLength else { return .full }
        }
        let decoded = pending?.append(chunk, dropping: skip, length: length) ?? false
        return decoded ? .appended : .damaged
    }

    mutating func offer(_ bytes: RawSpan, more: Bool) -> OfferOutcome {
        guard !isBlocked else { return .took(0) }
        if holdsFile { holdFile(false) }
        guard framing == .chunked else { return sendPending(followedBy: bytes, more: more) }
        // The chunk that was begun may end before the bytes do: one that stopped there would say that it is full, and
        // nobody would say that it is not.
        var taken = 0
        while taken < bytes.byteCount, !isBlocked {
            if chunkRemaining == 0 { openChunk(bytes.byteCount - taken) }
            let part = bytes.extracting(taken..<min(taken + chunkRemaining, bytes.byteCount))
            guard case .took(let count) = sendPending(followedBy: part, more: true) else { return .failed }
            taken += count
            chunkRemaining -= count
            if chunkRemaining == 0 { appendLineEnd() }
        }
        return .took(taken)
    }

    /// Pieces up to this size are gathered.
    private static var longestGathered: Int { 4 * 1024 }

    /// Takes a short body piece as it is into what is to be sent, framed, and sends nothing: whoever gathers flushes at
    /// the end. False when it is to be offered.
    mutating func gather(_ bytes: RawSpan) -> Bool {
        let room = bytes.byteCount + 2 * ChunkedEncoder.maxHeaderBytes
        guard bytes.byteCount <= Self.longestGathered, pendingSpace >= room, chunkRemaining == 0, !isBlocked else {
            return false
        }
        if holdsFile { holdFile(false) }
        let isChunk = framing == .chunked
        if isChunk { openChunk(bytes.byteCount) }
        pending?.append(bytes)
        if isChunk { appendLineEnd() }
        chunkRemaining = 0
        return true
    }

    /// Less than this is copied: a page of its own costs the kernel more than a copy of its bytes.
    private static var smallestFromFile: Int { 64 << 10 }
    /// From here on pays what it takes to begin at a page: the bytes before go out with the head. Whole pages fill a
    /// segment of 64 KiB in half the time (docs/decisions/0017).
    private static var smallestAligned: Int { 512 << 10 }

    func prefersFile(for count: Int) -> Bool { count >= Self.smallestFromFile && framing != .chunked }

    mutating func offer(_ bytes: RawSpan, in file: FilePlace) -> OfferOutcome {
        guard !isBlocked else { return .took(0) }
        let count = bytes.byteCount
        let isLong = count >= Self.smallestAligned
        if isLong, !holdsFile { holdFile(true) }
        var taken = isLong ? file.bytesBeforePage : 0
        guard case .took(let copied) = sendPending(followedBy: bytes.extracting(0..<taken), more: false) else {
            return .failed
        }
        taken = copied
        while taken < count, !isBlocked {
            let sent = sendFile(descriptor, file, from: taken, count: count - taken)
            if isWouldBlock(sent) {
                isBlocked = true
            } else if isUnsupported(sent) {
                guard case .took(let rest) = sendPending(followedBy: bytes.extracting(taken...), more: false) else {
                    return .failed
                }
                return .took(taken + rest)
            } else if sent <= 0 {
                return .failed
            } else {
                taken += sent
                bytesSent &+= UInt64(sent)
            }
        }
        return .took(taken)
    }

    private mutating func holdFile(_ holds: Bool) {
        boundUnsent(descriptor, ofFile: holds)
        holdsFile = holds
    }

    mutating func end() -> OfferOutcome {
        if framing == .chunked { appendLastChunk() }
        return flush()
    }

    private mutating func openChunk(_ length: Int) {
        chunkRemaining = length
        pending?.write { ChunkedEncoder.writeHeader(size: length, into: &$0) }
    }

    private mutating func appendLineEnd() {
        pending?.write { $0.appendLineEnd() }
    }

    private mutating func appendLastChunk() {
        pending?.write { ChunkedEncoder.writeEnd(into: &$0) }
    }
}
