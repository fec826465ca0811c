// When the node's janitor is started, replaced and let go. Pure: told what is and what time it is, it says what to do.

struct JanitorKeeper {
    enum Step: Equatable {
        case nothing
        case start(launch: UInt32)
        /// Asked to go; its end is awaited.
        case dismiss
        /// It was asked, and stays.
        case kill
    }

    /// The launch that the running process came from; nil while none runs.
    private(set) var running: UInt32?
    private(set) var isLeaving = false
    private var startedAt: Milliseconds = 0
    private var backOff = BackOff()
    private(set) var startAt: Milliseconds?
    /// When one that is leaving has had time enough.
    private var killAt: Milliseconds?
    static let patience: Milliseconds = 5_000

    /// When there will be something to do without any event.
    var nextAt: Milliseconds? { startAt ?? killAt }

    /// What to do when a janitor of the launch `wanted` should run, or none.
    mutating func step(wanted: UInt32?, now: Milliseconds) -> Step {
        if let running {
            if isLeaving {
                guard let killAt, killAt <= now else { return .nothing }
                self.killAt = nil
                return .kill
            }
            guard running != wanted else { return .nothing }
            isLeaving = true
            killAt = now + Self.patience
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
        killAt = nil
        if isUnexpected { startAt = now + backOff.died(age: now - startedAt, settings: settings) }
        return isUnexpected
    }
}
