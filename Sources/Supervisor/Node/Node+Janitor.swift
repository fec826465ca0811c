// The node's janitor process: one at a time, of the running generation's binary. It serves nobody, so nothing waits for
// it: one that dies is replaced, one that cannot be started is tried again, more and more slowly.
import CLinux
import ControlChannel
import Foundation
import Glibc
import Logging
import ShmCache

extension Node {
    /// Makes the janitor that runs the one that should; called after every event.
    func tendJanitor() {
        let wanted: UInt32?
        if machine.stopping != nil || machine.serving.isEmpty || end != nil {
            wanted = nil
        } else if machine.change != nil {
            // A change that fails is taken back: until it is through, nothing new.
            wanted = keeper.running
        } else {
            wanted = machine.current.launch
        }
        switch keeper.step(wanted: wanted, now: LoopExecutor.now()) {
        case .nothing: break
        case .start(let launch): startJanitor(launch)
        case .dismiss: tellJanitor(.stop)
        case .kill:
            guard let janitor else { return }
            log.warning("the janitor (pid \(janitor.pid)) did not leave when told to: killing it")
            _ = cl_pidfd_send_signal(janitor.pidfd, SIGKILL)
        }
    }

    private func startJanitor(_ number: UInt32) {
        do {
            guard let launch = launches[number] else { throw Failure.runtime("its configuration is gone") }
            let process = try WorkerProcess.spawn(
                MemberID(number: 0), path: launch.workerPath, arguments: ["martlet-worker", "--janitor"])
            janitor = process
            janitorStartedAt = Date()
            loop.watch(process.pidfd, token: LoopToken.janitorProcess.packed)
            loop.watch(process.control.fd, token: LoopToken.janitorControl.packed)
            try process.introduceJanitor(generation: machine.current.number, launch: launch, regions: regions)
            watchJanitorQueue()
        } catch {
            log.warning("the janitor could not be started: \(error)")
            // Once started it waits for an introduction that will not come.
            if let janitor { _ = cl_pidfd_send_signal(janitor.pidfd, SIGKILL) }
            if janitor == nil { _ = keeper.ended(now: LoopExecutor.now(), settings: machine.settings) }
        }
    }

    private func tellJanitor(_ message: SupervisorMessage) {
        do { try janitor?.control.send(message, []) } catch { log.debug("janitor: \(error)") }
        watchJanitorQueue()
    }

    private func watchJanitorQueue() {
        guard let janitor else { return }
        loop.watch(
            janitor.control.fd, token: LoopToken.janitorControl.packed, writable: janitor.control.hasQueued)
    }

    func hearJanitor() {
        guard let janitor else { return }
        do {
            try janitor.control.flush()
            while true {
                switch try janitor.control.receive() {
                case .nothing: return watchJanitorQueue()
                case .closed: return loop.unwatch(janitor.control.fd)
                case .message(let message, let descriptors):
                    for fd in descriptors { close(fd) }
                    if case .ready(_, let build) = message { janitor.build = build }
                    if case .failed(let reason) = message { log.warning("the janitor cannot work: \(reason)") }
                }
            }
        } catch {
            loop.unwatch(janitor.control.fd)
        }
    }

    func janitorEnded() {
        guard let janitor, let reason = janitor.reap() else { return }
        loop.unwatch(janitor.pidfd)
        loop.unwatch(janitor.control.fd)
        self.janitor = nil
        if keeper.ended(now: LoopExecutor.now(), settings: machine.settings) {
            janitorRestarts += 1
            log.warning("the janitor (pid \(janitor.pid)) \(reason); the workers go on without it")
        }
        let regions = regions
        Task.detached { _ = regions.cache.recoverLane(Regions.janitorLane) }
        step(.tick)
    }

    /// Before this program ends or becomes another one: the janitor is gone when this returns. Killing it harms nobody.
    func endJanitor() {
        guard let janitor else { return }
        _ = cl_pidfd_send_signal(janitor.pidfd, SIGKILL)
        for _ in 0..<1_000 where janitor.reap() == nil { usleep(1_000) }
        loop.unwatch(janitor.pidfd)
        loop.unwatch(janitor.control.fd)
        self.janitor = nil
        _ = keeper.ended(now: LoopExecutor.now(), settings: machine.settings)
        _ = regions.cache.recoverLane(Regions.janitorLane)
    }

    /// How it looks to who searches for processes that stand still: until it has its lane it has done nothing. Whoever
    /// else has the lane is what is left of an earlier supervisor's.
    func janitorSample() -> StuckWatch.Sample? {
        let lane = Regions.janitorLane
        var sample = StuckWatch.Sample(
            state: regions.cache.laneState(lane), beats: true, samplesInTurn: StuckWatch.samplesOfJanitor,
            samplesAtRest: StuckWatch.samplesOfJanitor)
        if case .live(let pid, _, _) = sample.state {
            sample.beats = regions.node.hasPromisedBeat(lane: lane, processID: pid)
            return sample
        }
        guard let janitor else { return nil }
        sample.state = .live(processID: janitor.pid, turn: 0, inTurn: false)
        return sample
    }

    /// A janitor that this supervisor did not start. While it holds the lane its number is its own.
    func endStrangeJanitor(_ pid: Int32, _ text: String) {
        let pidfd = cl_pidfd_open(pid)
        guard pidfd >= 0 else { return }
        defer { close(pidfd) }
        guard case .live(pid, _, _) = regions.cache.laneState(Regions.janitorLane) else { return }
        log.warning("a janitor of before (pid \(pid)) \(text): killing it")
        _ = cl_pidfd_send_signal(pidfd, SIGKILL)
    }

    func janitorStatus() -> StatusDocument.Janitor? {
        guard let janitor else { return nil }
        let lane = Regions.janitorLane
        var counters: [String: UInt64] = [:]
        for counter in [
            Counter.janitorWakes, .janitorEvictions, .janitorDictionaries, .janitorRecompressions,
            .janitorEncodings,
        ] {
            counters["\(counter.declaration.name)"] = regions.node.value(counter: counter.rawValue, lane: lane)
        }
        return .init(
            pid: janitor.pid, lane: lane,
            state: keeper.isLeaving ? "leaving" : janitor.build.isEmpty ? "starting" : "working",
            uptimeSeconds: Int(Date().timeIntervalSince(janitorStartedAt)), restarts: janitorRestarts,
            build: janitor.build, counters: counters)
    }
}

extension WorkerProcess {
    /// Everything the janitor needs: the regions and the lanes' eventfds, and no listener.
    func introduceJanitor(generation: UInt32, launch: Launch, regions: Regions) throws(ControlError) {
        let assignment = Assignment(
            generation: generation, lane: UInt16(Regions.janitorLane), slot: .max, slots: 0, cpu: nil,
            orphanSeconds: 1)
        try control.send(
            .assign(assignment),
            [.keeping(regions.cache.descriptor), .keeping(regions.node.descriptor), .keeping(launch.configuration)])
        try control.send(
            .eventDescriptors(firstLane: 0, count: UInt16(regions.events.count)),
            regions.events.map { .keeping($0) })
        try control.send(.listeners([], last: true), [])
    }
}
