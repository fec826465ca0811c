// One request to an origin and its response: whom it is for, what was asked, how far it is. It outlives the origin
// connection it runs on (a retry takes another) and the client that caused it (a fill serves others too).

internal import CachePolicy
internal import ControlChannel
internal import HTTPMessage
internal import ShmCache

enum ExchangePurpose: UInt8 {
    /// Fetch a whole object and store it if it may be stored.
    case fill
    /// Confirm or replace a stored object.
    case validate
    /// Fetch what is missing beside a stored part.
    case rest
    /// Fetch the rest of an object whose fetcher died, or which the cache gave up.
    case resume
    /// For one request only.
    case relay
}

struct Exchange: ~Copyable {
    let purpose: ExchangePurpose
    let route: Route
    /// The buffer with the request that caused it; retained until the response's head has been judged.
    var request: UInt32
    /// The context that waits for it, or none (background refresh, client gone).
    var context: SlabID
    /// Index of the connection, or `.max`.
    var connection = UInt32.max
    /// The rendered request head, until a response arrives: a retry sends it again.
    var requestHead: Buffer
    /// Base key and, behind it, the key of the object (the same, or a variant's).
    var keys: ExchangeKeys
    var permit: FillPermit?
    var body: OriginBody
    var method: Method
    var clientMinorVersion: UInt8 = 1
    /// What to fall back on when the origin fails.
    var fallback = Reuse.Fallback.never
    var attempts: UInt8 = 0
    /// The origin that is asked, and those of the site that could not be reached, by place.
    var server: UInt16 = 0
    var triedServers: UInt64 = 0
    /// Connections that could not be opened: to this origin, and in all.
    var failuresHere: UInt8 = 0
    var connects: UInt8 = 0
    /// Attempts that had to leave it and go on, see Racing; and whether they are all that is left to it.
    var racers: UInt8 = 0
    var awaitsRacers = false
    /// When it began to wait for a connection.
    var queuedMilliseconds: Int64 = 0
    /// Some of the response has been used: no retry, no other answer.
    var hasResponse = false
    /// Bytes of the response have arrived on this attempt.
    var hasBytes = false
    let startedUnixMilliseconds: Int64
    var sentUnixMilliseconds: Int64
    /// Interim answers so far.
    var interims: UInt16 = 0
    /// The origin's connection may be used again after the response.
    var keepsConnection = false
    /// A validation was answered by another object: the whole is fetched now.
    var isUnconditional = false
    /// The origin is asked for the client's range only.
    var asksRange = false
    /// Its permit is for one range of the object, not for the object.
    var isSlice = false
    /// The head is left where it is, to be judged again in a later turn.
    var holdsHead = false
    /// A client would not have what is stored.
    var isDemand = false
    /// Something is stored that this is to confirm or replace.
    var hasStored = false
    /// The cache's own request for an object that it has: nobody waits for it.
    var isRefresh = false
    /// How long the body must be for its Content-Range to be true.
    var partLength: UInt64?
    /// What is asked for beside a stored part.
    var missing: ByteRange?
    /// The stored part that this answer is being joined with.
    var joined: JoinedPart?
    /// Whether it writes into the cache or reads from it.
    var usesCache: Bool { permit != nil || joined != nil }
    /// The request's body has been sent, or there is none.
    var uploadIsDone = true
    /// Tunnels: the client's end was passed on.
    var hasShutOrigin = false
    /// Bytes at the front of the response's body that the fill has already: a dead owner had stored them.
    var skippedBytes: UInt64 = 0
    /// They must be the same: no validator says that the answer is of the same version.
    var comparesSkipped = false
    /// Lines of the trailers that came behind the body, for the client that caused the exchange.
    var trailers: Buffer?
    /// Since when the cache has had no room for what the origin sent; 0 when it has.
    var fullSinceMilliseconds: Int64 = 0
    /// Next of the exchanges that are being committed.
    var nextFinishing = UInt32.max
    /// The body is whole and being packed.
    var isFinishing = false
    /// Asked for an upgrade (RFC 9110 section 7.8).
    var wantsUpgrade = false

    /// Whether so many bytes more are more than its Content-Range says.
    func exceedsPart(by count: Int) -> Bool {
        guard let partLength else { return false }
        return body.byteCount + UInt64(count) > partLength
    }

    /// Whether its body is as long as its Content-Range says, where it has one that counts.
    var isWholePart: Bool { partLength == nil || partLength == body.byteCount }

    /// Takes down the trailers that were parsed behind the body, if any of them may be passed on.
    mutating func keepTrailers(_ scratch: borrowing Scratch, _ input: RawSpan) {
        guard body.framing == .chunked, scratch.responseFields.count > scratch.responseFields.droppedCount else {
            return
        }
        var lines = Buffer(capacity: scratch.trailerAllowance)
        var sink = lines.sink()
        Worker.writeTrailers(scratch.responseFields, input, &sink)
        let count = sink.overflowed ? 0 : sink.count
        lines.commit(count)
        trailers = consume lines
    }

    /// Gives the buffers back to their pool.
    consuming func surrenderBuffers(to pool: inout BufferPool) {
        pool.give(requestHead)
        pool.give(keys.text)
    }
}

/// The keys of what an exchange fetches, in one buffer.
struct ExchangeKeys: ~Copyable {
    var text: Buffer
    var baseLength = 0
    var baseHash: UInt64 = 0
    var hash: UInt64 = 0
    /// Extents of authority and target within the base key.
    var key: CacheKey
    /// The first of the site's origins.
    var origin: UInt16 = 0

    var isVariant: Bool { text.count > baseLength }

    var base: RawSpan {
        @_lifetime(borrow self) borrowing get { text.readable.extracting(0..<baseLength) }
    }
    /// The text whose hash is `hash`.
    var object: RawSpan {
        @_lifetime(borrow self) borrowing get {
            let all = text.readable
            return all.byteCount > baseLength ? all.extracting(baseLength..<all.byteCount) : all
        }
    }

    init(text: consuming Buffer, key: CacheKey, baseHash: UInt64) {
        self.text = text
        self.key = key
        self.baseHash = baseHash
        hash = baseHash
        baseLength = self.text.count
    }

    /// The base key is the object's again.
    mutating func setBase() {
        text.retract(text.count - baseLength)
        hash = baseHash
    }

    mutating func setVariant(_ variant: borrowing Buffer, hash: UInt64) {
        text.retract(text.count - baseLength)
        if text.writableCount < variant.count {
            var larger = Buffer(capacity: baseLength + variant.count)
            larger.append(text.readable)
            text = consume larger
        }
        text.append(variant.readable)
        self.hash = hash
    }
}
