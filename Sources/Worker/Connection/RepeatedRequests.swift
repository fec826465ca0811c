// Requests that come again byte for byte, as programs send them, kept parsed and with their keys: the next one is
// looked up at once (docs/decisions/0018). The same bytes are the same request, since parser, router and key rule know
// nothing but them and the configuration, which a worker keeps for its life. What is stored is asked for every time.

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

struct RepeatedRequest: ~Copyable {
    /// The head, parsed, with nothing behind it.
    var request: RequestBuffer
    var bytesHash: UInt64 = 0
    var route = Route(site: 0, origin: 0)
    var key = CacheKey.none
    /// The key's text.
    var keyText: Buffer
    var keyHash: UInt64 = 0
}

struct RepeatedRequests: ~Copyable {
    static var placeCount: Int { 64 }
    /// Longer requests are parsed each time.
    static var byteLimit: Int { 1024 }
    private static var keyLimit: Int { 2048 }

    private let limits: MessageLimits
    /// Made when they are first needed, then written anew.
    private var kept = Slab<RepeatedRequest>(limit: placeCount)
    /// By the hash of their bytes.
    private var places = InlineArray<64, UInt32>(repeating: .max)
    /// The last one that was offered for each place.
    private var offered = InlineArray<64, UInt64>(repeating: 0)
    /// The lengths that there are, modulo 64: most other requests need not be hashed.
    private var lengths: UInt64 = 0

    init(limits: MessageLimits) { self.limits = limits }

    subscript(_ place: UInt32) -> RepeatedRequest {
        @inline(__always) unsafeAddress { unsafe kept.pointer(place) }
    }

    /// Where the request that `buffer` holds lies parsed; nil when it does not, or when parsing it has begun.
    @inline(__always)
    func find(_ buffer: borrowing RequestBuffer, _ hash: KeyHash) -> UInt32? {
        let bytes = buffer.bytes.readable
        guard lengths & Self.bit(bytes.byteCount) != 0, buffer.isUntouched else { return nil }
        return find(bytes, hash)
    }

    private func find(_ bytes: RawSpan, _ hash: KeyHash) -> UInt32? {
        guard bytes.byteCount <= Self.byteLimit else { return nil }
        let bytesHash = hash.hash(bytes)
        let place = places[Self.index(bytesHash)]
        guard place != .max, kept[place].bytesHash == bytesHash,
            equalBytes(kept[place].request.bytes.readable, bytes)
        else { return nil }
        return place
    }

    /// Keeps a request that is one whole head, in place of another where there is one, when it is offered for the
    /// second time: those that come once take nobody's place.
    mutating func offer(
        _ bytes: RawSpan, _ route: Route, _ probe: CacheProbe, _ keyText: borrowing Buffer, _ hash: KeyHash
    ) {
        guard bytes.byteCount <= Self.byteLimit, keyText.count <= Self.keyLimit else { return }
        let bytesHash = hash.hash(bytes)
        let index = Self.index(bytesHash)
        guard offered[index] == bytesHash else {
            offered[index] = bytesHash
            return
        }
        guard let place = makePlace(index) else { return }
        kept[place].request.clear()
        kept[place].request.bytes.append(bytes)
        kept[place].keyText.clear()
        kept[place].keyText.append(keyText.readable)
        kept[place].key = probe.key
        kept[place].keyHash = probe.hash
        kept[place].route = route
        kept[place].bytesHash = bytesHash
        if kept[place].request.parse() != .complete(headLength: bytes.byteCount) { kept[place].request.clear() }
        noteLengths()
    }

    private mutating func makePlace(_ index: Int) -> UInt32? {
        if places[index] == .max {
            let empty = RequestBuffer(capacity: Self.byteLimit, limits: limits, fieldCapacity: limits.fieldCount)
            let fresh = kept.insert(RepeatedRequest(request: empty, keyText: Buffer(capacity: Self.keyLimit)))
            places[index] = fresh?.index ?? .max
        }
        return places[index] == .max ? nil : places[index]
    }

    private mutating func noteLengths() {
        lengths = 0
        for place in 0..<UInt32(kept.count) { lengths |= Self.bit(kept[place].request.bytes.count) }
    }

    @inline(__always)
    private static func bit(_ length: Int) -> UInt64 { 1 << UInt64(length & 63) }
    @inline(__always)
    private static func index(_ hash: UInt64) -> Int { Int(hash & UInt64(placeCount - 1)) }
}

extension Worker {
    /// Answers a request that is kept parsed. Where more is called for than sending what is stored, it goes the way of
    /// all others from there on.
    mutating func serveRepeated(_ c: UInt32, as place: UInt32) {
        begin(c, keepAlive: repeated[place].request.head.keepAlive)
        let probe = CacheProbe(
            key: repeated[place].key, hash: repeated[place].keyHash, closing: clients[c].closesAfterResponse,
            moment: moment())
        let found = Self.answer(probe, lane, repeated, place, &scratch, settings, &rendered, &clients, c)
        let r = clients[c].request
        switch consume found {
        case .rendered(let slot):
            count(.hits)
            requests[r].clear()
            _ = answer(c, rendered: slot)
        case .complete(let counter):
            count(counter)
            requests[r].clear()
        case let answer:
            // Whoever fetches reads the request's head, and the key's text in the scratch.
            let route = repeated[place].route
            guard case .complete = requests[r].parse(), makeProbe(c, request: r, route) != nil else {
                return abortClient(c)
            }
            act(on: answer, c, route, probe)
        }
    }

    /// Offers the request that was just answered to those that are kept: one in 16, so that requests of which each is
    /// another cost little, and those that come often are soon there.
    mutating func offerForRepetition(_ c: UInt32, _ route: Route, _ probe: CacheProbe) {
        let r = clients[c].request
        guard probe.moment.random >> 32 & 15 == 0, requests[r].unreadCount == 0, clients[c].slot != .max else {
            return
        }
        Self.offer(requests, r, route, probe, scratch.key, keyHash, in: &repeated)
    }

    private static func offer(
        _ requests: borrowing RequestBuffers, _ r: UInt32, _ route: Route, _ probe: CacheProbe,
        _ keyText: borrowing Buffer, _ hash: KeyHash, in repeated: inout RepeatedRequests
    ) {
        repeated.offer(requests[r].bytes.readable, route, probe, keyText, hash)
    }
}
