// A worker without a supervisor: it goes on serving, takes over the slots of siblings that die meanwhile, and does
// not live for ever. A new supervisor ends this state (AdoptionPort).

internal import ControlChannel
internal import Glibc
internal import ShmCache

extension Worker {
    mutating func becomeOrphan() {
        guard orphanedMilliseconds == nil, !isStopping else { return }
        orphanedMilliseconds = clock.milliseconds
        WorkerSignals.obeyTermination()
        WorkerMain.report("martlet-worker: the supervisor is gone; serving on until another one adopts this worker")
        armPeriodic()
    }

    /// There is a supervisor again, which may be gone in no time: then this worker is an orphan as on the first day.
    mutating func endOrphanhood() {
        orphanedMilliseconds = nil
        WorkerSignals.leaveToSupervisor()
    }

    mutating func lookAfterOrphan() {
        guard let since = orphanedMilliseconds else { return }
        let limit = Int64(assignment.orphanSeconds) * 1000
        if limit > 0, clock.milliseconds - since > limit, !drain.isDraining {
            WorkerMain.report("martlet-worker: nobody has adopted this worker in \(limit / 1000) s: it drains and ends")
            return startDrain(
                DrainDeadlines(idleMilliseconds: 1, requestMilliseconds: 30_000, streamMilliseconds: 30_000))
        }
        if !drain.isDraining { acceptForDeadSiblings() }
    }

    /// Connections queue up in a dead sibling's slots, and nobody is there to replace it.
    private mutating func acceptForDeadSiblings() {
        for slot in 0..<node.slotCount where !accepting.isAccepting(UInt16(slot)) {
            let holder = node.slot(slot).processID
            guard holder > 0, kill(holder, 0) != 0, errno == ESRCH else { continue }
            startAccepting(UInt16(slot))
        }
    }
}
