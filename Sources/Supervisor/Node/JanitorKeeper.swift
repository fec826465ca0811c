// When the node's janitor is started, replaced and let go. Pure: told what is and what time it is, it says what to do.

struct JanitorKeeper {
    enum Step: Equatable {
        case nothing
        case start(launch: UInt32)
        /// Asked to go; its end is awaited.
        case dismiss
    }

    /// The launch that the running process came from; nil while none runs.
    private(set) var running: UInt32?
    private(set) var isLeaving = false
    private var startedAt: Milliseconds = 0
    private var backOff = BackOff()
    private(set) var startAt: Milliseconds?

    /// What to do when a janitor of the launch `wanted` should run, or none.
    mutating func step(wanted: UInt32?, now: Milliseconds) -> Step {
        if let running {
            guard running != wanted, !isLeaving else { return .nothing }
            isLeaving = true
            return .dismiss
        }
        guard let wanted else {
            startAt = nil
            return .nothing
        }
        if let startAt, startAt > now { return .nothing }
        startAt = nil
        running = wanted
        isLeaving = false
        startedAt = now
        return .start(launch: wanted)
    }

    /// The process is gone, or could not be started. True if nobody had asked it to go.
    mutating func ended(now: Milliseconds, settings: MachineSettings) -> Bool {
        guard running != nil else { return false }
        let isUnexpected = !isLeaving
        running = nil
        isLeaving = false
        if isUnexpected { startAt = now + backOff.died(age: now - startedAt, settings: settings) }
        return isUnexpected
    }
}
