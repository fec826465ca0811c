// The janitor: the same binary as a worker, started with `--janitor`, with a lane of the cache and no sockets. It does
// for all workers what none of them should do between two requests. Nothing depends on it: without one the workers
// evict for themselves. What it does lives in ShmCache; here is only when.

internal import CLinux
internal import CachePolicy
internal import ControlChannel
internal import Glibc
internal import ShmCache

struct Janitor: ~Copyable {
    /// How long it sleeps when there is nothing to do. What cannot wait wakes it.
    private static let idleMilliseconds: Int32 = 5_000
    /// Between looks at segments that only wait for readers to leave.
    private static let limboMilliseconds: Int32 = 5
    /// Segments evicted before it listens again.
    private static let segmentsPerRound = 4

    private var control: ControlPort
    private let region: CacheRegion
    /// Keeps the counters mapped.
    private let node: NodeRegion
    private let counters: LaneCounters
    private var lane: Lane
    private let wake: Int32
    private var encoding: Encoding
    private var isStopping = false

    private init(
        control: consuming ControlPort, region: consuming CacheRegion, node: consuming NodeRegion,
        lane: consuming Lane, policy: PolicySettings
    ) {
        counters = node.counters(lane: lane.index)
        wake = control.eventDescriptor(ofLane: lane.index)
        self.control = control
        self.region = region
        self.node = node
        self.lane = lane
        encoding = Encoding(codings: policy.encodedCodings)
    }

    /// Attaches to the node and says ready.
    static func start(
        _ provisions: consuming Provisions, control socket: consuming WorkerControlSocket
    ) throws(StartupFailure) -> Janitor {
        var janitor: Janitor
        let snapshot: ConfigurationSnapshot
        do { snapshot = try ConfigurationSnapshot(descriptor: provisions.configurationDescriptor) } catch {
            throw StartupFailure(reason: "configuration snapshot: \(error)")
        }
        do {
            let region = try CacheRegion.attach(descriptor: provisions.cacheDescriptor)
            let node = try NodeRegion.attach(descriptor: provisions.nodeDescriptor)
            let lane = try region.attachLane(Int(provisions.assignment.lane))
            janitor = Janitor(
                control: ControlPort(socket: socket, provisions: provisions), region: region, node: node, lane: lane,
                policy: WorkerSettings.policySettings(snapshot))
        } catch {
            throw StartupFailure(reason: "cache region: \(error)")
        }
        // Requests first: what it does is for later.
        _ = setpriority(Int32(PRIO_PROCESS.rawValue), 0, 5)
        _ = unsafe cl_set_process_name("martlet-janitor")
        janitor.lane.becomeJanitor()
        janitor.node.promiseBeat(lane: janitor.lane.index, processID: getpid())
        janitor.control.send(.ready(backend: .epoll, build: WorkerSettings.build))
        return janitor
    }

    /// Works until told to stop, or until the supervisor is gone: the next one brings a janitor of its own.
    mutating func run() {
        while !isStopping, control.isConnected {
            sleep(milliseconds: work())
            obey()
        }
    }

    /// One round of whatever there is to do. How long nothing will be.
    private mutating func work() -> Int32 {
        // A turn without anything in it: a sign of life.
        lane.beginTurn(now: region.now())
        lane.endTurn()
        let outcome = lane.keepUp(now: region.now(), maximumSegments: Self.segmentsPerRound)
        counters.add(Counter.janitorEvictions.rawValue, UInt64(outcome.evictedSegments))
        counters.add(Counter.janitorRecompressions.rawValue, outcome.recompressedObjects)
        if outcome.wantsMore { return 0 }
        let pause = outcome.limboSegments > 0 ? Self.limboMilliseconds : Self.idleMilliseconds
        if lane.sweepPurged(now: region.now()) || lane.countDictionaries(now: region.now()) { return 0 }
        return min(pause, train(), encode())
    }

    /// Makes encoded forms of hot text. How long nothing of the kind will be to do.
    private mutating func encode() -> Int32 {
        let (made, pause) = encoding.step(&lane)
        counters.add(Counter.janitorEncodings.rawValue, UInt64(made))
        return pause
    }

    /// Makes dictionaries where there is something to make them from. How long nothing of the kind will be to do.
    private mutating func train() -> Int32 {
        let now = region.now()
        let (wanted, at) = lane.wantsTraining(now: now)
        guard wanted else { return Self.idleMilliseconds }
        guard at <= now else { return Int32(clamping: (at.nanoseconds - now.nanoseconds) / 1_000_000 + 1) }
        let outcome = lane.trainDictionaries(now: now)
        counters.add(Counter.janitorDictionaries.rawValue, UInt64(outcome.published))
        return 0
    }

    private mutating func sleep(milliseconds: Int32) {
        var descriptors = [
            pollfd(fd: control.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe poll(&descriptors, 2, milliseconds)
        if milliseconds > 0 { counters.add(Counter.janitorWakes.rawValue) }
        guard descriptors[1].revents != 0 else { return }
        var value: UInt64 = 0
        _ = unsafe read(wake, &value, 8)
        lane.acknowledgeWake()
    }

    private mutating func obey() {
        while let (message, descriptors) = control.receive() {
            for descriptor in descriptors { close(descriptor) }
            switch message {
            case .stop, .drain: isStopping = true
            case .report(let serial): control.send(.connections(serial: serial, ConnectionReport()))
            default: break
            }
        }
    }
}
