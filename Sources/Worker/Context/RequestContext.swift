// One request being answered, apart from the connection it came over: its phase, its body source, whom it waits for. A
// connection owns one (HTTP/1.1) or many (multiplexed protocols). Small hits are answered without ever making one.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

enum ContextPhase: UInt8 {
    /// Joined a fill; nothing sent yet.
    case waitingForFill
    /// An exchange with the origin was begun; nothing sent yet.
    case awaitingOrigin
    /// The head is out (or in the sink's buffer); the body source is being pulled.
    case sending
    /// After 101.
    case tunnelling
}

struct RequestContext: ~Copyable {
    let client: SlabID
    /// The buffer that holds the request's head.
    let request: UInt32
    let route: Route
    var phase: ContextPhase
    var body = BodySource()
    /// The exchange that was begun for this request, or `.max`.
    var exchange = UInt32.max
    /// Request body on its way to the origin.
    var upload = Upload()
    /// What will be said in Cache-Status.
    var report = CacheStatus()
    /// Field lines that are for this client alone and therefore not in the stored head it gets.
    var withheld: Buffer?
    /// Lines of the trailers that follow its body.
    var trailers: Buffer?
    /// The origin's status, or the one this node would answer, when the fetch has failed.
    var failureStatus: UInt16 = 0
    var timer = TimerHandle()
    /// How often this request went back to the cache because a fill ended without an answer for it.
    var restarts: UInt8 = 0
    /// How many turns this request has waited for a key in motion, and the turn it waits out now.
    var turnsWaited: UInt16 = 0
    var waitsOutTurn: UInt64 = 0
    let startedMilliseconds: Int64
    var lastProgressMilliseconds: Int64
    /// Some of the body is with the client.
    var hasSentBody = false
    /// Which of the queues it is in, and its neighbours there.
    var queue = ContextQueue.none
    var previousQueued = UInt32.max
    var nextQueued = UInt32.max

    /// Its answer comes from a fill, of this process or another.
    var hangsOnFill: Bool { phase == .waitingForFill || body.kind == .fill }

    init(client: SlabID, request: UInt32, route: Route, phase: ContextPhase, nowMilliseconds: Int64) {
        self.client = client
        self.request = request
        self.route = route
        self.phase = phase
        startedMilliseconds = nowMilliseconds
        lastProgressMilliseconds = nowMilliseconds
    }
}

/// What a request that goes back to the cache brings with it.
struct ReturningRequest {
    /// What is asked for this time is for everybody who waits.
    var isForWaiters = false
    /// How often it went back: its next context counts on from there.
    var restarts: UInt8 = 0
    /// The fill was a validation, which has left what is stored of no use to this request.
    var isValidated = false
}

/// Where a request's body stands on its way to the origin.
struct Upload: ~Copyable {
    enum State: UInt8 {
        /// There is none, or all of it has been passed on.
        case done
        /// The client waits for 100 (Continue): so do we.
        case awaitingContinue
        case flowing
        /// The origin has answered without waiting for it, or is gone: what still comes is not read.
        case abandoned
    }

    var state = State.done
    var remaining: UInt64 = 0
    var decoder: ChunkedDecoder?
    /// Some of the body has left this node: the request cannot be repeated.
    var hasBegun = false
}
