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
    let node: NodeRegion
    var lane: Lane
    let counters: LaneCounters

    var clients: Slab<ClientConnection>
    var contexts: Slab<RequestContext>
    var requests: RequestBuffers
    var origins: Slab<OriginConnection>
    var exchanges: Slab<Exchange>
    var pool: OriginPool
    /// Buffers for responses, requests to origins, keys and decoded chunks.
    var buffers: BufferPool
    var scratch: Scratch
    /// First of the contexts that wait for a fill.
    var firstFillWaiter = UInt32.max
    /// First of the exchanges whose fill is complete and being packed and committed, a step per turn.
    var firstFinishing = UInt32.max
    var drain = DrainState()
    var isStopping = false
    var random: RandomNumbers

    init(_ provisions: consuming Provisions, control socket: consuming WorkerControlSocket) throws(StartupFailure) {
        let snapshot: ConfigurationSnapshot
        do { snapshot = try ConfigurationSnapshot(descriptor: provisions.configurationDescriptor) } catch {
            throw StartupFailure(reason: "configuration snapshot: \(error)")
        }
        settings = WorkerSettings(snapshot)
        router = Router(snapshot)
        assignment = provisions.assignment
        do {
            region = try CacheRegion.attach(descriptor: provisions.cacheDescriptor)
            node = try NodeRegion.attach(descriptor: provisions.nodeDescriptor)
            lane = try region.attachLane(Int(provisions.assignment.lane))
            poller = try Poller()
        } catch let error as RegionError {
            throw StartupFailure(reason: "cache region: \(error)")
        } catch {
            throw StartupFailure(reason: "event loop: \(error)")
        }
        counters = node.counters(lane: Int(provisions.assignment.lane))
        clock = TurnClock(region)
        let connectionLimit = settings.connectionLimit
        timers = TimerWheel(capacity: 3 * connectionLimit, nowMilliseconds: clock.milliseconds)
        clients = Slab(limit: connectionLimit)
        contexts = Slab(limit: connectionLimit)
        requests = RequestBuffers(
            limit: 2 * connectionLimit, capacity: settings.requestBufferBytes, limits: settings.limits,
            fieldCapacity: settings.limits.fieldCount)
        origins = Slab(limit: connectionLimit)
        exchanges = Slab(limit: connectionLimit)
        pool = OriginPool(
            originCount: settings.origins.count, idleLimit: settings.pool.idleConnections,
            openLimit: settings.pool.connections)
        buffers = BufferPool(bufferCapacity: settings.sendBufferBytes, retainedLimit: 1024)
        scratch = Scratch(chunkBytes: region.chunkSizeBytes, limits: settings.limits)
        random = RandomNumbers()
        accepting = AcceptingSlots(provisions.listeners)
        control = ControlPort(socket: socket, provisions: provisions)
        for (index, descriptor) in control.eventDescriptors.enumerated() where descriptor >= 0 {
            lane.setEventDescriptor(descriptor, forLane: index)
        }
        try watchOwnDescriptors()
        control.send(.ready(backend: .epoll, build: WorkerSettings.build))
    }

    private mutating func watchOwnDescriptors() throws(StartupFailure) {
        var watched = poller.addReadable(control.descriptor, Token(.control))
        let wake = control.eventDescriptor(ofLane: Int(assignment.lane))
        if wake >= 0 { watched = watched && poller.addReadable(wake, Token(.wake)) }
        if control.adoptionDescriptor >= 0 {
            watched = watched && poller.addReadable(control.adoptionDescriptor, Token(.adoption))
        }
        guard watched else { throw StartupFailure(reason: "epoll_ctl: \(errorText(cl_errno()))") }
    }

    /// Serves until told to stop or until a drain is done.
    mutating func run() {
        while !isStopping {
            let timeout = sleepMilliseconds()
            lane.endTurn()
            lane.maintain(now: clock.cache)
            let ready = poller.wait(timeoutMilliseconds: timeout)
            clock = TurnClock(region)
            lane.beginTurn(now: clock.cache)
            counters.add(Counter.turns.rawValue)
            for index in 0..<ready {
                let (token, state) = poller.event(index)
                dispatch(token, state)
            }
            expireTimers()
            stepFinishing()
            wakeFillWaiters()
            finishDrainIfDone()
        }
        lane.endTurn()
    }

    private borrowing func sleepMilliseconds() -> Int32 {
        if firstFinishing != .max { return 0 }
        return timers.sleepMilliseconds(nowMilliseconds: clock.milliseconds)
    }

    @inline(__always)
    borrowing func count(_ counter: Counter, _ amount: UInt64 = 1) { counters.add(counter.rawValue, amount) }
}
