// Leaving in good order: no new connections, idle ones handed on or closed, busy ones finished, then drained.

internal import ControlChannel
internal import Glibc
internal import ShmCache

struct DrainState {
    private(set) var isDraining = false
    /// When each class's time is up; nil for never.
    private(set) var idleDue: Int64?
    private(set) var requestDue: Int64?
    private(set) var streamDue: Int64?
    /// An answer that nothing was written of for so long stands still; 0 for never. The word of the first drain: a stop
    /// that follows shortens what is left, not what counts as moving.
    private var stillMilliseconds: Int64 = 0
    /// Since when idle connections are being closed, because nobody takes them.
    var lastCallMilliseconds: Int64?
    var outcome = DrainOutcome()
    var hasReported = false

    /// Deadlines count from when they come. Those of a later drain (a stop after a reload) never put off what is due
    /// before them.
    mutating func begin(_ deadlines: DrainDeadlines, _ now: Int64) {
        if !isDraining { stillMilliseconds = Int64(deadlines.requestMilliseconds) }
        isDraining = true
        idleDue = Self.earlier(idleDue, deadlines.idleMilliseconds, now)
        requestDue = Self.earlier(requestDue, deadlines.requestMilliseconds, now)
        streamDue = Self.earlier(streamDue, deadlines.streamMilliseconds, now)
    }

    private static func earlier(_ due: Int64?, _ limit: UInt32, _ now: Int64) -> Int64? {
        guard limit > 0 else { return due }
        return min(due ?? .max, now + Int64(limit))
    }

    static func isPast(_ due: Int64?, _ now: Int64) -> Bool { due.map { now > $0 } ?? false }

    /// Whether a request has had its time: an answer that moves may go on as long as a stream.
    func hasOutlived(_ now: Int64, movedMilliseconds: Int64) -> Bool {
        guard Self.isPast(requestDue, now) else { return false }
        let moves = stillMilliseconds == 0 || now - movedMilliseconds < stillMilliseconds
        return !moves || Self.isPast(streamDue, now)
    }
}

extension Worker {
    mutating func startDrain(_ deadlines: DrainDeadlines) {
        let isFirst = !drain.isDraining
        drain.begin(deadlines, clock.milliseconds)
        guard isFirst else { return }
        for slot in accepting.slots { stopAccepting(slot) }
        armPeriodic()
        sweepDraining()
    }

    /// Makes sure that the worker looks after its drain or its orphaned node again soon.
    mutating func armPeriodic() {
        guard !periodic.isArmed else { return }
        periodic = timers.arm(deadlineMilliseconds: clock.milliseconds + 50, owner: Token(.periodic).raw)
    }

    mutating func periodicTimerExpired() {
        periodic = TimerHandle()
        lookAfterOrphan()
        if drain.isDraining { sweepDraining() }
        if drain.isDraining || orphanedMilliseconds != nil { armPeriodic() }
    }

    /// Hands on or closes what is idle, and cuts what has outlived its class's deadline.
    mutating func sweepDraining() {
        let now = clock.milliseconds
        noteLastCall(now)
        var c: UInt32 = 0
        while c < clients.endIndex {
            defer { c += 1 }
            guard clients.isTaken(c) else { continue }
            switch clients[c].phase {
            case .reading where clients[c].isIdle: retireIdle(c)
            case .tunnelling:
                // Also one that holds more than can go with it.
                guard handOverTunnel(c) != .given, clients.isTaken(c), clients[c].phase == .tunnelling else { continue }
                if DrainState.isPast(drain.streamDue, now) { cut(c) }
            case .lingering, .leaving: break
            case .reading, .answering:
                let moved = clients[c].noteMovement(now)
                if drain.hasOutlived(now, movedMilliseconds: moved) { cut(c) }
            }
        }
        if !lane.isGivenBack, needsNoLane { giveLaneBack() }
    }

    /// Only tunnels are left: nothing will be looked up, pinned or stored any more.
    private var needsNoLane: Bool {
        guard clients.count > 0, exchanges.count == clients.count, firstFinishing == .max else { return false }
        var c: UInt32 = 0
        while c < clients.endIndex {
            if clients.isTaken(c) {
                let travels = clients[c].phase == .leaving && !clients[c].context.isNone
                guard clients[c].phase == .tunnelling || travels else { return false }
            }
            c += 1
        }
        var e: UInt32 = 0
        while e < exchanges.endIndex {
            if exchanges.isTaken(e), exchanges[e].usesCache { return false }
            e += 1
        }
        return true
    }

    /// Tunnels may last for hours, and there are only so many lanes for the workers to come.
    private mutating func giveLaneBack() {
        counters.set(Counter.connectionsOpen.rawValue, 0)
        counters.giveBack()
        let wake = control.eventDescriptor(ofLane: Int(assignment.lane))
        if wake >= 0 { poller.remove(wake, Token(.wake)) }
        lane.giveBack()
        control.send(.laneReleased)
    }

    private mutating func cut(_ c: UInt32) {
        drain.outcome.cut += 1
        abortClient(c)
    }

    /// How long a request that crosses the end of an idle connection is still answered, with `Connection: close`.
    private static var lastCallMilliseconds: Int64 { 250 }

    /// Nobody has taken this worker's connections for the whole idle time: they are closed, but not at once.
    private mutating func noteLastCall(_ now: Int64) {
        if hasTaker || !DrainState.isPast(drain.idleDue, now + 2) {
            drain.lastCallMilliseconds = nil
        } else if drain.lastCallMilliseconds == nil {
            drain.lastCallMilliseconds = now
        }
    }

    /// An idle connection goes to a sibling. Where there is none it waits for one, in the end it is closed.
    mutating func retireIdle(_ c: UInt32) {
        guard handOver(c) == .nobody, let since = drain.lastCallMilliseconds else { return }
        guard clock.milliseconds - since >= Self.lastCallMilliseconds else { return }
        drain.outcome.closed += 1
        endIdle(c)
    }

    /// Done when no connection, hand-over or fill is left.
    mutating func finishDrainIfDone() {
        guard drain.isDraining, clients.count == 0, exchanges.count == 0, !hasUnansweredHandOvers else { return }
        guard !drain.hasReported else { return }
        drain.hasReported = true
        control.send(.drained(drain.outcome))
        isStopping = true
    }
}
