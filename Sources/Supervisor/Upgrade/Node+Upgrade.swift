// `martlet upgrade`: preflight of the new binary as a child, then exec in place, so that the process id, the children
// and every descriptor stay. What cannot be undone happens only after everything that could fail was tried.
import CLinux
import ControlChannel
import Foundation
import Glibc
import Logging
import ShmCache

extension Node {
    /// Without any path both are upgraded from where they were started; with one, only what is named.
    func upgrade(binary: String?, worker: String?, timeoutSeconds: Double) async -> OperationID {
        if binary == nil, let worker {
            return await reload(timeoutSeconds: timeoutSeconds, worker: worker, what: "worker upgrade")
        }
        let operation = operations.begin("upgrade")
        guard !isUpgrading else {
            operations.finish(operation, succeeded: false, "an upgrade is under way already")
            return operation
        }
        isUpgrading = true
        let deadline = deadline(timeoutSeconds)
        let path = binary ?? ownBinary
        Task {
            await self.upgradeSteps(
                operation, path, worker, replacesWorkers: binary == nil || worker != nil, deadline)
        }
        return operation
    }

    private func upgradeSteps(
        _ operation: OperationID, _ path: String, _ worker: String?, replacesWorkers: Bool, _ deadline: Int64
    ) async {
        do {
            try await quiesce(operation, deadline)
            let binary = try Self.openBinary(path)
            defer { close(binary) }
            let isWatched = try await preflight(operation, binary, path, worker, replacesWorkers, deadline)
            refuseLongQuestions()
            try await quiesce(operation, deadline)
            let state = try savedState(operation, worker, replacesWorkers, deadline)
            operations.progress(operation, "taking over in place")
            var final = state
            final.operations = operations
            try exec(binary, path, final, isWatched: isWatched)
        } catch {
            isUpgrading = false
            let text = untouched(error, "the running supervisor")
            operations.finish(operation, succeeded: false, text)
            log.error("upgrade: \(text)")
            await carryOutPostponed()
        }
    }

    /// Never waits, as the opening of a named pipe would: this is the node's loop.
    private static func openBinary(_ path: String) throws(Failure) -> Int32 {
        let binary = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard binary >= 0 else { throw .runtime("\(path): \(systemText(errno))") }
        var facts = cl_file_facts()
        guard unsafe cl_descriptor_facts(binary, &facts) == 0, facts.isRegular else {
            close(binary)
            throw .runtime("\(path) is no regular file")
        }
        return binary
    }

    /// Waits until nothing is under way: no change, no starting worker, no message and no answer half sent. The answer
    /// that names the operation must be out before the program image goes.
    private func quiesce(_ operation: OperationID, _ deadline: Int64) async throws {
        while true {
            if isStopping { throw Failure.runtime("the node is stopping") }
            let isStarting = machine.members.values.contains(where: \.isStarting)
            let isTalking =
                !unconnected.isEmpty || workers.values.contains { $0.control.hasQueued || $0.probe >= 0 }
            let isQuiet = loading == 0 && machine.change == nil && machine.queue.isEmpty && !isStarting && !isTalking
            if isQuiet, admin?.isBusy(LoopExecutor.now()) != true { return }
            if !isQuiet { operations.progress(operation, "waiting for the change under way") }
            guard LoopExecutor.now() < deadline else {
                throw Failure.runtime("timed out: \(isQuiet ? "an admin request" : "a change") was under way")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Runs the new binary as a child on the very descriptor that will be executed; it must understand the state, map
    /// both regions and load the configuration. Whether it will stop the watchdog.
    private func preflight(
        _ operation: OperationID, _ binary: Int32, _ path: String, _ worker: String?, _ replacesWorkers: Bool,
        _ deadline: Int64
    ) async throws -> Bool {
        operations.progress(operation, "preflight of \(path)")
        refuseLongQuestions()
        let state = try savedState(operation, worker, replacesWorkers, deadline).write()
        let null = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        let output = unsafe cl_memfd_create("martlet-preflight")
        defer { for fd in [state, null, output] where fd >= 0 { close(fd) } }
        guard null >= 0, output >= 0 else { throw Failure.runtime("preflight: \(systemText(cl_errno()))") }
        let descriptors = [null, output, output, state, binary, regions.cache.descriptor, regions.node.descriptor]
        let pid = WorkerProcess.start(
            "/proc/self/fd/4", arguments: ["martlet", "preflight"], descriptors: descriptors)
        guard pid > 0 else { throw Failure.runtime("\(path) cannot be executed: \(systemText(cl_errno()))") }
        let pidfd = cl_pidfd_open(pid)
        guard pidfd >= 0 else {
            let code = cl_errno()
            kill(pid, SIGKILL)
            _ = cl_wait(pid)
            throw Failure.runtime("preflight: \(systemText(code))")
        }
        defer { close(pidfd) }
        var status: Int32 = 0
        while unsafe cl_pidfd_wait(pidfd, &status) == 0 {
            if isStopping || LoopExecutor.now() >= deadline {
                _ = cl_pidfd_send_signal(pidfd, SIGKILL)
                while unsafe cl_pidfd_wait(pidfd, &status) == 0 { try await Task.sleep(for: .milliseconds(5)) }
                if isStopping { throw Failure.runtime("the node is stopping") }
                throw Failure.runtime("preflight of \(path) did not end in time")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
        let reason = ExitReason(waitStatus: status)
        guard reason == .exited(0) else {
            throw Failure.runtime("preflight of \(path) \(reason)\(lines(output).first.map { ": \($0)" } ?? "")")
        }
        // Many a program exits with 0 whatever it is told.
        guard lines(output).contains(PreflightCommand.verdict) else {
            throw Failure.runtime("preflight of \(path) ended well but tried nothing: that is no martlet supervisor")
        }
        return lines(output).contains(PreflightCommand.promise)
    }

    private func lines(_ fd: Int32) -> [String] {
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = unsafe Glibc.pread(fd, &bytes, bytes.count, 0)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        return text.split(separator: "\n").map(String.init)
    }

    private func savedState(
        _ operation: OperationID, _ worker: String?, _ replacesWorkers: Bool, _ deadline: Int64
    ) throws -> SavedState {
        var next = flags
        next.worker = worker ?? flags.worker
        let descriptors = (cache: regions.cache.descriptor, node: regions.node.descriptor)
        let records = workers.values.map { worker in
            SavedState.Worker(
                id: worker.id, pid: worker.pid, pidfd: worker.pidfd, control: worker.control.fd,
                isChild: worker.isChild, backend: worker.backend?.rawValue, build: worker.build)
        }
        let launches = launches.map { number, launch in
            SavedState.LaunchRecord(
                number: number, workerPath: launch.workerPath, configuration: launch.configuration,
                revision: launch.revision, orphanSeconds: launch.orphanSeconds)
        }
        return SavedState(
            directory: directory.path, lock: directory.lock, admin: admin?.record,
            directoryWasMade: directory.wasMadeByUs,
            cache: descriptors.cache, node: descriptors.node, events: regions.events, listeners: listeners.record,
            machine: machine, workers: records, launches: launches, nextLaunch: nextLaunch, revision: revision,
            operations: operations, restarts: restarts, restartCount: restartCount, flags: next,
            demoOrigin: demoOrigin, cacheAsked: cacheAsked, startedAt: startedAt,
            upgrades: upgrades + 1, storedAddresses: storedAddresses,
            operation: operation, replacesWorkers: replacesWorkers, flagsBefore: flags, postponed: postponed,
            paired: Array(paired), timeoutSeconds: max(1, Double(deadline - LoopExecutor.now()) / 1_000))
    }

    /// Returns only if the kernel refuses the binary.
    private func exec(_ binary: Int32, _ path: String, _ state: SavedState, isWatched: Bool) throws {
        try Self.checkRoom()
        let memory = try state.write()
        let kept = Set(state.descriptors + [memory])
        guard let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") else {
            close(memory)
            throw Failure.runtime("/proc/self/fd cannot be read")
        }
        let warning =
            "; if it has not taken over in \(Watchdog.seconds) s, SIGALRM ends it, the workers serve on, and the next "
            + "`martlet run` adopts them"
        log.notice("upgrading in place to \(path)\(isWatched ? warning : "")")
        // The next program starts its own.
        endJanitor()
        for fd in open.compactMap({ Int32($0) }) where fd > 2 {
            _ = fcntl(fd, F_SETFD, kept.contains(fd) ? 0 : FD_CLOEXEC)
        }
        let arguments = ["martlet", "resume", "--state", String(memory)]
        var argv: [UnsafeMutablePointer<CChar>?] = unsafe arguments.map { unsafe strdup($0) }
        unsafe argv.append(nil)
        LogWriter.shared.flush()
        if isWatched { Watchdog.arm() }
        unsafe fexecve(binary, argv, environ)
        let code = errno
        Watchdog.disarm()
        unsafe argv.forEach { unsafe free($0) }
        for fd in kept { _ = fcntl(fd, F_SETFD, FD_CLOEXEC) }
        close(memory)
        tendJanitor()
        throw Failure.runtime("\(path) cannot be executed: \(systemText(code))")
    }

    /// The next program image opens some descriptors before it has closed any: there is no way back by then.
    private static func checkRoom() throws(Failure) {
        var taken: [Int32] = []
        defer { for fd in taken { close(fd) } }
        for _ in 0..<16 {
            let fd = fcntl(2, F_DUPFD_CLOEXEC, 3)
            guard fd >= 0 else { throw .runtime("no room for a new supervisor: \(systemText(errno))") }
            taken.append(fd)
        }
    }

    // MARK: The other side of exec

    /// Everything as the old image left it; workers are watched again.
    func restore(_ state: SavedState) {
        // A supervisor without a janitor may have saved the state.
        machine.settings.lanes = Regions.workerLanes
        startedAt = state.startedAt
        nextLaunch = state.nextLaunch
        revision = state.revision
        operations = state.operations
        restarts = state.restarts
        restartCount = state.restartCount
        upgrades = state.upgrades
        storedAddresses = state.storedAddresses
        storedSlots = state.listeners.slots
        postponed = state.postponed ?? PostponedChanges()
        paired = Set(state.paired ?? [])
        for record in state.launches {
            launches[record.number] = Launch(
                workerPath: record.workerPath, configuration: record.configuration, revision: record.revision,
                orphanSeconds: record.orphanSeconds)
        }
        take(state.workers)
        closeUnnamedLater()
    }

    /// Ends the upgrade, or goes on with the workers.
    func resume(_ state: SavedState) async {
        // This is the loop: it turns, the admin socket is served, and there are threads for what is asked.
        await Watchdog.tryThreads()
        Watchdog.disarm()
        let text = "supervisor \(Build.version) took over in place"
        if state.replacesWorkers {
            operations.progress(state.operation, text)
            await reload(
                operation: state.operation, timeoutSeconds: state.timeoutSeconds, before: state.flagsBefore)
        } else {
            operations.finish(state.operation, succeeded: true, text)
        }
        await carryOutPostponed()
    }

    func inherit(_ adopted: [SavedState.Worker], _ launches: [UInt32: Launch], _ revision: UInt64) {
        self.launches = launches
        self.revision = revision
        nextLaunch = (launches.keys.max() ?? 0) + 1
        take(adopted)
    }

    /// Watches workers that this process did not start.
    private func take(_ adopted: [SavedState.Worker]) {
        // An older supervisor had taken some for alive that it could not open.
        let gone = adopted.filter { $0.pidfd < 0 }
        for saved in adopted where saved.pidfd >= 0 {
            let worker = WorkerProcess(
                id: saved.id, pid: saved.pid, pidfd: saved.pidfd, isChild: saved.isChild,
                control: SupervisorControlSocket(taking: saved.control))
            worker.backend = saved.backend.flatMap(IOBackend.init(rawValue:))
            worker.build = saved.build
            workers[worker.id] = worker
            watch(worker)
        }
        for saved in gone {
            close(saved.control)
            step(.exited(saved.id, .unknown))
        }
        step(.tick)
    }
}
