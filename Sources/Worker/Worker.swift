// The worker: everything one process owns, and its loop. What happens to a connection, a request, a fill or an origin
// is in the folders beside this file, as extensions by subject; this file only turns the wheel.

internal import CLinux
internal import ControlChannel
internal import Glibc
internal import HTTPMessage
internal import ShmCache

struct Worker: ~Copyable {
    let assignment: Assignment
    let settings: WorkerSettings
    let router: Router
    var control: ControlPort
    var accepting: AcceptingSlots

    var poller: Poller
    var timers: TimerWheel
    var clock: TurnClock

    let region: CacheRegion
    let keyHash: KeyHash
    let node: NodeRegion
    var lane: Lane
    var counters: LaneCounters

    var clients: Slab<ClientConnection>
    var contexts: Slab<RequestContext>
    var requests: RequestBuffers
    var origins: Slab<OriginConnection>
    var exchanges: Slab<Exchange>
    var pool: OriginPool
    var upstreams: [Upstream]
    /// Exchanges in the lines before origins.
    var waitingInLine = 0
    /// Nil where every origin speaks plain HTTP, or has an address for a name.
    var tls: TLSContext?
    var resolver: Resolver?
    var resolverTimer = TimerHandle()
    /// Buffers for responses, requests to origins, keys and decoded chunks.
    var buffers: BufferPool
    var scratch: Scratch
    var rendered = RenderedAnswers()
    var repeated: RepeatedRequests
    /// Contexts with work that no event will announce, and those that wait for a fill.
    var queues = ContextQueues()
    /// Origin connections that had more to say than one turn listens to.
    var talkative: [SlabID] = []
    /// Client connections that had sent more requests than one turn answers.
    var persistent: [SlabID] = []
    var share = TurnShare()
    /// Origin connections whose fill found no room in the cache.
    var heldBackOrigins: [SlabID] = []
    /// First of the exchanges whose fill is complete and being packed and committed, a step per turn.
    var firstFinishing = UInt32.max
    var drain = DrainState()
    /// Pairs with sibling workers, for handing connections over.
    var partners = Slab<HandOverPartner>(limit: 256)
    /// The partners that take this worker's connections, and whose turn it is.
    var takers: [UInt32] = []
    var nextTaker = 0
    /// How many of the partners are siblings of the same generation.
    var siblings = 0
    /// Connections that a partner was sent and has not answered for.
    var travelling = 0
    var rebalancing = Rebalancing()
    /// When the supervisor was lost; nil while there is one.
    var orphanedMilliseconds: Int64?
    /// Fires while draining, and while there is no supervisor.
    var periodic = TimerHandle()
    /// Another process woke this one: some fill has moved.
    var hasForeignWake = false
    /// Connections whose answer came from elsewhere (an origin, a fill): looked at when the turn's events are done.
    var answered: [SlabID] = []
    /// Connections that came in this turn and were not read from yet.
    var fresh: [SlabID] = []
    /// Connections whose requests were received and are to be answered, and those whose answers are to be sent.
    var heard = Cohort()
    var heldBack = Cohort()
    var holdsAnswersBack = false
    /// Counts loop turns.
    var turn: UInt64 = 0
    /// Waiting contexts are to be looked at in any case.
    var looksAgain = false
    /// The request that is being served again because its fill came to nothing.
    var returning = ReturningRequest()
    /// When clients that are slower than their fills are looked at next.
    var nextSlowLook: Int64 = 0
    var isStopping = false
    var random: RandomNumbers

    private init(
        _ snapshot: ConfigurationSnapshot, _ provisions: consuming Provisions, region: consuming CacheRegion,
        node: consuming NodeRegion, lane: consuming Lane, poller: consuming Poller,
        control socket: consuming WorkerControlSocket
    ) {
        settings = WorkerSettings(snapshot)
        router = Router(snapshot)
        assignment = provisions.assignment
        counters = node.counters(lane: Int(provisions.assignment.lane))
        clock = TurnClock(lane)
        let limit = settings.connectionLimit
        timers = TimerWheel(capacity: 3 * limit + 3 * settings.origins.count + 4, nowMilliseconds: clock.milliseconds)
        clients = Slab(limit: limit)
        contexts = Slab(limit: limit)
        requests = RequestBuffers(
            limit: 3 * limit, capacity: settings.requestBufferBytes, limits: settings.limits,
            fieldCapacity: settings.limits.fieldCount)
        repeated = RepeatedRequests(limits: settings.limits)
        origins = Slab(limit: limit)
        // Fetches go on when their clients have gone, and refreshes have none.
        exchanges = Slab(limit: 2 * limit)
        pool = OriginPool(
            originCount: settings.origins.count, idleLimit: settings.pool.idleConnections,
            openLimit: settings.pool.connections)
        upstreams = settings.origins.map { Upstream($0) }
        buffers = BufferPool(bufferCapacity: settings.sendBufferBytes, retainedLimit: 1024)
        scratch = Scratch(limits: settings.limits, responses: settings.responseLimits)
        random = RandomNumbers()
        accepting = AcceptingSlots(provisions.listeners)
        answered.reserveCapacity(1024)
        talkative.reserveCapacity(256)
        persistent.reserveCapacity(256)
        fresh.reserveCapacity(1024)
        control = ControlPort(socket: socket, provisions: provisions)
        keyHash = region.keyHash
        self.region = region
        self.node = node
        self.lane = lane
        self.poller = poller
    }

    /// Attaches to the node, gets ready to serve, and says so.
    static func start(
        _ provisions: consuming Provisions, control socket: consuming WorkerControlSocket
    ) throws(StartupFailure) -> Worker {
        let snapshot: ConfigurationSnapshot
        do { snapshot = try ConfigurationSnapshot(descriptor: provisions.configurationDescriptor) } catch {
            throw StartupFailure(reason: "configuration snapshot: \(error)")
        }
        let laneIndex = Int(provisions.assignment.lane)
        if let cpu = provisions.assignment.cpu { _ = cl_affinity_set(0, Int32(cpu)) }
        var worker: Worker
        do {
            let region = try CacheRegion.attach(descriptor: provisions.cacheDescriptor)
            let node = try NodeRegion.attach(descriptor: provisions.nodeDescriptor)
            let lane = try region.attachLane(laneIndex)
            let poller = try Poller.open(snapshot.backend)
            worker = Worker(
                snapshot, provisions, region: region, node: node, lane: lane, poller: poller, control: socket)
        } catch let error as RegionError {
            throw StartupFailure(reason: "cache region: \(error)")
        } catch let error as PollError {
            throw StartupFailure(reason: error.explanation)
        } catch {
            throw StartupFailure(reason: "event loop: \(error)")
        }
        for (index, descriptor) in worker.control.eventDescriptors.enumerated() where descriptor >= 0 {
            worker.lane.setEventDescriptor(descriptor, forLane: index)
        }
        try worker.watchOwnDescriptors()
        try worker.prepareOrigins()
        worker.node.promiseBeat(lane: laneIndex, processID: getpid())
        worker.control.send(.ready(backend: worker.poller.backend, build: WorkerSettings.build))
        return worker
    }

    /// What only some origins need, and checks and questions that go on by themselves.
    private mutating func prepareOrigins() throws(StartupFailure) {
        if settings.origins.contains(where: { $0.scheme == .https }) { tls = try TLSContext(settings.tls) }
        if settings.origins.contains(where: Self.needsResolver) {
            resolver = try Resolver(servers: settings.dns.servers)
            startResolving()
        }
        startHealthChecks()
    }

    private mutating func watchOwnDescriptors() throws(StartupFailure) {
        var watched = poller.addReadable(control.descriptor, Token(.control))
        let wake = control.eventDescriptor(ofLane: Int(assignment.lane))
        if wake >= 0 { watched = watched && poller.addReadable(wake, Token(.wake)) }
        if control.adoptionDescriptor >= 0 {
            watched = watched && poller.addReadable(control.adoptionDescriptor, Token(.adoption))
        }
        guard watched else { throw StartupFailure(reason: "epoll_ctl: errno \(cl_errno())") }
    }

    /// Serves until told to stop or until a drain is done.
    mutating func run() {
        while !isStopping {
            let timeout = sleepMilliseconds()
            lane.endTurn()
            lane.maintain(now: clock.cache)
            let ready = poller.wait(timeoutMilliseconds: timeout)
            clock = TurnClock(lane)
            lane.beginTurn(now: clock.cache)
            turn &+= 1
            counters.add(Counter.turns.rawValue)
            for index in 0..<ready {
                guard let event = poller.event(index) else { continue }
                dispatch(event)
            }
            answerHeard()
            servePersistent()
            hearTalkative()
            resumeHeldBack()
            progressFresh()
            expireTimers()
            stepFinishing()
            serveQueues()
            if queues.slowCount > 0 { lookAfterSlowReaders() }
            progressAnswered()
            serveLines()
            finishDrainIfDone()
        }
        lane.endTurn()
    }

    private mutating func sleepMilliseconds() -> Int32 {
        // What came about after the queues were served: nobody will tell of it.
        if lane.takeLocalWake() { looksAgain = true }
        if firstFinishing != .max || looksAgain || queues.next != nil || !answered.isEmpty { return 0 }
        if !talkative.isEmpty || !fresh.isEmpty || !persistent.isEmpty { return 0 }
        let wait = timers.sleepMilliseconds(nowMilliseconds: clock.milliseconds)
        var most = heldBackOrigins.isEmpty ? Self.beatMilliseconds : 1
        if queues.slowCount > 0 { most = min(most, Int32(Self.slowLookMilliseconds)) }
        return wait < 0 ? most : min(wait, most)
    }

    /// The supervisor sees by the lane's count of turns that this process lives: also when there is nothing to do.
    private static var beatMilliseconds: Int32 { 1_000 }

    @inline(__always)
    borrowing func count(_ counter: Counter, _ amount: UInt64 = 1) { counters.add(counter.rawValue, amount) }
}
