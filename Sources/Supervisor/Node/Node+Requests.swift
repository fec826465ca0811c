// What operators ask of the node, by admin socket or signal: reload, worker count, stop. Each becomes an operation.
import CLinux
import ControlChannel
import Foundation
import Glibc
import Logging
import ShmCache

extension Node {
    func deadline(_ seconds: Double) -> Milliseconds {
        LoopExecutor.now() + Milliseconds(min(max(seconds, 0.1), 1e6) * 1_000)
    }

    /// The first generation, or the one that follows adopted workers.
    func begin(_ loaded: LoadedConfiguration, timeoutSeconds: Double = 60) async throws -> OperationID {
        let operation = operations.begin("start")
        loading += 1
        defer { loading -= 1 }
        do {
            try await resizeCache(loaded.settings, operation)
        } catch {
            // Whoever takes over a running node takes it as it is.
            operations.progress(operation, "\(error)")
            log.error("\(error)")
        }
        do {
            try replace(operation, loaded, what: "start", timeoutSeconds, flags, flags)
        } catch {
            // Told to stop meanwhile: that is no failure, and the stop is at work.
            guard isStopping else { throw error }
            operations.finish(operation, succeeded: false, "\(error)")
        }
        return operation
    }

    /// Loads the configuration again and starts a generation from it; a bad one changes nothing.
    func reload(
        timeoutSeconds: Double, worker: String? = nil, what: String = "reload", change: RunFlags.Change = .init()
    ) async -> OperationID {
        let operation = operations.begin(what)
        await carryOut(
            PostponedChange(
                operation: operation, kind: .reload(change, worker: worker, what: what),
                deadline: deadline(timeoutSeconds)))
        return operation
    }

    func reload(
        operation: OperationID, timeoutSeconds: Double, worker: String? = nil, what: String = "upgrade",
        change: RunFlags.Change = .init(), before: RunFlags? = nil
    ) async {
        loading += 1
        defer { loading -= 1 }
        hangups.begins(operation)
        // Said before anything can fail: the manager waits for the two together, whatever the outcome.
        if !machine.serving.isEmpty { systemd.reloading() }
        // In the order in which they were asked for, however long a load takes: the last word must stand.
        let earlier = lastLoad
        let load = Task {
            await earlier?.value
            await self.load(operation, timeoutSeconds, worker, what, change, before)
        }
        lastLoad = load
        await load.value
    }

    private func load(
        _ operation: OperationID, _ timeoutSeconds: Double, _ worker: String?, _ what: String,
        _ change: RunFlags.Change, _ before: RunFlags?
    ) async {
        countAskedMeanwhile = nil
        var flags = flags
        flags.take(change)
        if let worker { flags.worker = worker }
        let demo = demoOrigin
        let wanted = flags
        let result = await Task.detached { () -> Result<LoadedConfiguration, Failure> in
            do throws(Failure) {
                return .success(try LoadedConfiguration.load(wanted, demoOrigin: demo))
            } catch {
                return .failure(error)
            }
        }.value
        do {
            var loaded = try result.get()
            try regions.checkPlace(loaded.settings.cacheFile)
            operations.progress(operation, "configuration is good")
            try await resizeCache(loaded.settings, operation)
            var changed = self.flags
            if worker != nil { changed.worker = loaded.workerPath }
            changed.take(change)
            if let count = countAskedMeanwhile {
                changed.workers = String(count)
                loaded.count = count
            }
            try replace(operation, loaded, what: what, timeoutSeconds, before ?? self.flags, changed)
        } catch {
            cacheWishes[operation] = nil
            if let before { self.flags.worker = before.worker }
            let text = untouched(error, "generation \(machine.current.number)")
            operations.finish(operation, succeeded: false, text)
            log.error("\(what): \(text)")
            if machine.stopping == nil, !machine.serving.isEmpty { systemd.ready(text) }
            hangupEnded(operation)
        }
    }

    private func replace(
        _ operation: OperationID, _ loaded: LoadedConfiguration, what: String, _ timeoutSeconds: Double,
        _ before: RunFlags, _ changed: RunFlags
    ) throws {
        if isStopping { throw Failure.runtime("the node is stopping") }
        let placement = listeners.placement
        let launch: UInt32
        do {
            place(loaded.settings)
            launch = try open(loaded)
        } catch {
            pin(to: placement)
            throw error
        }
        pending.begin(
            operation,
            BeforeChange(
                addresses: loaded.listen, flags: before, changedFlags: changed, settings: machine.settings))
        flags = changed
        apply(loaded.settings)
        step(
            .request(
                ChangeRequest(
                    operation: operation, kind: .replace(launch: launch, count: loaded.count, what: what),
                    deadline: deadline(timeoutSeconds))))
    }

    /// Opens the addresses and makes the launch that knows them. On an error everything is as before.
    private func open(_ loaded: LoadedConfiguration) throws -> UInt32 {
        try listeners.open(loaded.listen, live: machine.steered.isEmpty ? Array(0..<loaded.count) : machine.steered)
        noteSteering()
        var snapshot = loaded.snapshot
        snapshot.revision = revision + 1
        snapshot.addresses = listeners.snapshot
        do {
            // After all that fails easily: slots stay, and the workers that run have no listeners for them.
            if loaded.count > listeners.slots || loaded.settings.maximumWorkers != nil {
                try listeners.grow(to: loaded.slotCount)
                machine.settings.slots = listeners.slots
            }
            launches[nextLaunch] = Launch(
                workerPath: loaded.workerPath, configuration: try snapshot.writeToMemoryFile(),
                revision: snapshot.revision, orphanSeconds: loaded.settings.orphanSeconds)
        } catch {
            listeners.use(pending.youngestAddresses ?? addressesInForce)
            closeUnnamed()
            throw error
        }
        revision += 1
        nextLaunch += 1
        return nextLaunch - 1
    }

    /// Which CPUs the next workers are pinned to. What already steers goes on until their slots move.
    private func place(_ settings: Settings) {
        pin(to: settings.pins ? HostFacts.allowedCPUs() : [])
    }

    private func pin(to placement: [Int]) {
        listeners.placement = placement
        if !machine.steered.isEmpty { listeners.steer(machine.steered) }
    }

    private func apply(_ settings: Settings) {
        machine.settings.canaryMilliseconds = Milliseconds(settings.canaryMilliseconds)
        machine.settings.drainIdleMilliseconds = settings.drainIdleMilliseconds
        machine.settings.drainRequestMilliseconds = settings.drainRequestMilliseconds
        machine.settings.drainStreamMilliseconds = settings.drainStreamMilliseconds
        machine.settings.stopMilliseconds = settings.stopMilliseconds
    }

    /// "4", "+1", "-2" or "auto".
    func resize(_ text: String, timeoutSeconds: Double) throws -> OperationID {
        let count = try Self.workerCount(text, current: postponed.plannedCount ?? machine.plannedCount)
        guard count <= listeners.slots else {
            throw Failure.runtime(
                "\(count) workers asked for, but this node has \(listeners.slots) slots (max-workers)")
        }
        let change = PostponedChange(
            operation: operations.begin("workers \(count)"), kind: .resize(count), deadline: deadline(timeoutSeconds))
        if isUpgrading { postpone(change) } else { resize(change.operation, count, change.deadline) }
        return change.operation
    }

    func resize(_ operation: OperationID, _ count: Int, _ deadline: Milliseconds) {
        let before = flags
        flags.workers = String(count)
        countAskedMeanwhile = count
        pending.begin(
            operation,
            BeforeChange(addresses: nil, flags: before, changedFlags: flags, settings: machine.settings))
        step(.request(ChangeRequest(operation: operation, kind: .resize(count), deadline: deadline)))
    }

    static func workerCount(_ text: String, current: Int) throws -> Int {
        if text == "auto" { return min(HostFacts.usableCPUs(), Settings.mostWorkers) }
        guard let number = Int(text) else {
            throw Failure.usage("workers '\(text)': write N, +N, -N or auto")
        }
        let isRelative = text.hasPrefix("+") || text.hasPrefix("-")
        let (count, overflow) = number.addingReportingOverflow(isRelative ? current : 0)
        guard !overflow, (1...Settings.mostWorkers).contains(count) else {
            let asked = overflow ? text : String(count)
            throw Failure.usage("\(asked) workers: there must be 1 to \(Settings.mostWorkers)")
        }
        return count
    }

    /// How long requests are waited for is the configuration's word, not that of whoever waits for the outcome.
    func stop(_ manner: StopManner) -> OperationID {
        let operation = operations.begin("stop")
        systemd.stopping()
        let patience = Double(machine.settings.stopMilliseconds) / 1_000 + 2
        let seconds = manner == .patient ? 1e6 : patience
        step(.request(ChangeRequest(operation: operation, kind: .stop(manner), deadline: deadline(seconds))))
        forgetPostponed()
        return operation
    }

    func operation(_ number: UInt32) -> Operation? { operations.operation(number) }

    // MARK: Signals

    func watchSignals(_ descriptor: Int32) {
        signals = descriptor
        loop.watch(descriptor, token: LoopToken.signals.packed)
    }

    func readSignals() {
        // struct signalfd_siginfo has 128 bytes and begins with the signal's number.
        var info = [UInt32](repeating: 0, count: 32)
        while unsafe read(signals, &info, 128) == 128 {
            let signal = Int32(info[0])
            log.info("signal \(signal)")
            switch signal {
            case SIGTERM, SIGINT: _ = stop(machine.stopping == nil ? .drain : .now)
            case SIGQUIT: _ = stop(.patient)
            case SIGUSR2: Task { _ = await upgrade(binary: nil, worker: nil, timeoutSeconds: 60) }
            case SIGHUP: reloadBySignal()
            default: break
            }
        }
    }
}
