// The life of a supervisor process: signals, demo origin, runtime directory, regions, node, admin plane; and the
// orderly end.
import CLinux
import Foundation
import Glibc
import Logging
import ShmCache

enum NodeRunner {
    static func run(_ flags: RunFlags) async throws {
        let signals = try Signals.descriptor()
        LogWriter.shared.start()
        raiseDescriptorLimit()
        let log = logger()
        let settings = try flags.settings()
        let demo = settings.hasOrigin ? nil : try await startDemo()
        let loaded = try LoadedConfiguration.load(flags, demoOrigin: demo)
        let directory = try RuntimeDirectory.take(settings.runtimeDirectory ?? RuntimeDirectory.defaultPath())
        var store = DescriptorStore.received()
        do {
            let orphans = try Orphans.find(directory)
            // Orphans know more than the store: who serves what. Then the store's copies are not needed.
            if !orphans.answering.isEmpty { store?.closeAll() }
            let runner: Node
            if orphans.answering.isEmpty {
                let listeners = try await listeners(loaded, &store, isPatient: orphans.hasDead)
                runner = try make(loaded, flags, demo, directory, log, store, listeners)
            } else {
                Console.say("adopting \(orphans.answering.count) workers of a supervisor that died")
                runner = try await adopt(orphans.answering, loaded, flags, demo, directory, log)
            }
            await runner.note(storedBefore: store?.names ?? [])
            try await live(runner, signals, isDemo: demo != nil) { try await runner.begin(loaded) }
        } catch {
            // Orphans that were not taken over must be found by the next one.
            directory.clear(keepingWorkers: true)
            throw error
        }
    }

    /// The other side of an upgrade in place.
    static func resume(_ state: SavedState, stateDescriptor: Int32) async throws {
        close(stateDescriptor)
        let signals = try Signals.descriptor()
        LogWriter.shared.start()
        for fd in state.descriptors { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
        let directory = RuntimeDirectory(path: state.directory, lock: state.lock, wasMade: state.directoryWasMade)
        let regions = try Regions.adopt(cache: state.cache, node: state.node, events: state.events)
        if let demo = state.demoOrigin { _ = try await startDemo(port: Int(demo.port)) }
        let node = Node(
            loop: try LoopExecutor(), directory: directory, regions: regions,
            listeners: try Listeners(state.listeners), machine: state.machine, flags: state.flags,
            demoOrigin: state.demoOrigin, cacheAsked: state.cacheAsked, log: logger())
        node.loop.start(delegate: node)
        // Before anybody asks after the operation that is under way.
        await node.restore(state)
        try await live(node, signals, isDemo: false, admin: state.admin) {
            await node.resume(state)
            return nil
        }
    }

    private static func adopt(
        _ orphans: [Orphan], _ loaded: LoadedConfiguration, _ flags: RunFlags, _ demo: OriginURL?,
        _ directory: RuntimeDirectory, _ log: Logger
    ) async throws -> Node {
        let inheritance = try Inheritance.from(orphans, workerPath: loaded.workerPath)
        let (workers, launches, revision) = (inheritance.workers, inheritance.launches, inheritance.revision)
        let (regions, machine) = (inheritance.regions, inheritance.machine)
        try regions.checkPlace(loaded.settings.cacheFile)
        let node = Node(
            loop: try LoopExecutor(), directory: directory, regions: regions,
            listeners: inheritance.takeListeners(), machine: machine, flags: flags, demoOrigin: demo,
            log: log)
        node.loop.start(delegate: node)
        await node.inherit(workers, launches, revision)
        return node
    }

    /// A worker that has died holds its listeners for a moment longer where a ring had them: the kernel ends rings in
    /// its own time. Whoever starts after such deaths has patience with ports that are in use.
    private static func listeners(
        _ loaded: LoadedConfiguration, _ store: inout DescriptorStore?, isPatient: Bool
    ) async throws -> Listeners {
        var listeners = store?.takeListeners(usualSlots: loaded.slotCount) ?? Listeners(slots: loaded.slotCount)
        let rejected = store?.rejected ?? []
        // The manager's copies hold their addresses until it has heard of it.
        if !rejected.isEmpty { SystemdNotifier().forget(rejected) }
        let end = LoopExecutor.now() + (isPatient || !rejected.isEmpty ? 2_000 : 0)
        while true {
            do throws(Failure) {
                try listeners.open(loaded.listen, live: Array(0..<loaded.count))
                return listeners
            } catch {
                guard error.code == EADDRINUSE, LoopExecutor.now() < end else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private static func make(
        _ loaded: LoadedConfiguration, _ flags: RunFlags, _ demo: OriginURL?, _ directory: RuntimeDirectory,
        _ log: Logger, _ store: DescriptorStore?, _ listeners: consuming Listeners
    ) throws -> Node {
        let slots = listeners.slots
        let regions = try regions(loaded, store, slots)
        if let path = loaded.settings.cacheFile, let text = regions.historyText {
            Console.say("cache file \(path): \(text)")
        }
        let machine = NodeMachine(settings: MachineSettings(slots: slots, lanes: Regions.workerLanes))
        let node = Node(
            loop: try LoopExecutor(), directory: directory, regions: regions, listeners: listeners, machine: machine,
            flags: flags, demoOrigin: demo, log: log)
        node.loop.start(delegate: node)
        return node
    }

    /// From the manager's store when they are all there: the cache is warm although every process is gone.
    private static func regions(
        _ loaded: LoadedConfiguration, _ store: DescriptorStore?, _ slots: Int
    ) throws -> Regions {
        guard let store, store.hasRegions, let cache = store.cache, let node = store.node else {
            return try Regions.create(loaded.settings, slots: slots)
        }
        let events = (0..<Regions.laneCount).compactMap { store.lanes[$0] }
        let regions = try Regions.adopt(cache: cache, node: node, events: events)
        // To serve from it is better than not to serve; reloads refuse until it is settled.
        do throws(Failure) {
            try regions.checkPlace(loaded.settings.cacheFile)
        } catch {
            Console.complain("the service manager's cache is used: \(error.description)")
        }
        regions.cache.recoverDeadLanes()
        return regions
    }

    private static func live(
        _ node: Node, _ signals: Int32, isDemo: Bool, admin: AdminPort.Record? = nil,
        _ begin: @Sendable () async throws -> OperationID?
    ) async throws {
        await node.watchSignals(signals)
        node.directory.writePIDFile()
        let port = try admin.map { AdminPort(listener: $0.listener) } ?? AdminPort.listen(in: node.directory)
        await node.openAdmin(port, admin?.connections ?? [])
        let operation = try await begin()
        let announcing = Task.detached {
            if let operation { await announce(node, operation, isDemo: isDemo) }
        }
        let end = await node.waitForEnd()
        announcing.cancel()
        // No new questions. Whoever waits for the outcome of the stop is told it first.
        unsafe unlink(node.directory.adminSocket)
        await node.closeAdmin(patienceMilliseconds: 2_000)
        node.systemd.flush()
        if end == .stopped {
            await node.purger.close()
            await node.regions.leaveClean(patienceMilliseconds: 1_000)
        }
        node.directory.clear()
        if case .failed(let reason) = end { throw Failure.runtime("the node could not be started: \(reason)") }
    }

    /// Says where the node serves once it does; with the demo site, shows a miss and a hit.
    private static func announce(_ node: Node, _ operation: OperationID, isDemo: Bool) async {
        while await node.operation(operation.number)?.outcome == nil {
            if (try? await Task.sleep(for: .milliseconds(10))) == nil { return }
        }
        guard await node.operation(operation.number)?.outcome?.succeeded == true else { return }
        let addresses = await node.listeners.addresses.filter(\.isActive).map(\.text)
        let workers = await node.machine.current.count
        Console.say("martlet \(Build.version) serves on \(addresses.joined(separator: ", ")) with \(workers) workers")
        Console.say("admin socket \(node.directory.adminSocket); Ctrl-C stops")
        guard isDemo, let first = addresses.first(where: { !$0.hasPrefix("unix:") }) else { return }
        let base = "http://" + first.replacingOccurrences(of: "0.0.0.0", with: "127.0.0.1")
        Console.say("no origin is configured: the demo site stands in. Pages: / /about /api/birds /api/now /slow")
        do {
            for line in try await DemoShow.lines(at: OriginURL(base)) { Console.say(line) }
            Console.say("look yourself: curl -i \(base)/")
        } catch {
            Console.say("the demo requests failed: \(error)")
        }
    }

    private static func startDemo(port: Int = 0) async throws -> OriginURL {
        let (ports, continuation) = AsyncStream<Int>.makeStream()
        Task.detached {
            do {
                try await DemoOrigin().run(port: port) { port in continuation.yield(port) }
            } catch {
                continuation.finish()
            }
        }
        for await port in ports { return try OriginURL("http://127.0.0.1:\(port)") }
        throw Failure.runtime("the demo site cannot listen on a loopback port")
    }

    // MARK: Process

    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    static func logger() -> Logger {
        var log = Logger(label: "martlet") { StreamLogHandler(label: $0, stream: LogStream()) }
        let wanted = ProcessInfo.processInfo.environment["MARTLET_LOG"].flatMap(Logger.Level.init(rawValue:))
        log.logLevel = wanted ?? .notice
        return log
    }
}
