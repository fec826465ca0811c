// Reloads asked for by signal (HUP). They are all the same, so a storm of them needs two at most: the one that has read
// the configuration already, and one that will, since it may have changed in between.
import ControlChannel
import Logging

struct HangupReloads: Equatable {
    enum Answer: Equatable {
        case begin
        /// Another one waits and does for this one too.
        case join(isFirst: Bool)
    }

    /// The one that waits or is under way.
    private var current: OperationID?
    private var hasBegun = false
    /// Whether there must be another one after it.
    private(set) var wantsAnother = false
    private var hasSaid = false

    mutating func signal() -> Answer {
        guard current != nil else { return .begin }
        wantsAnother = hasBegun
        defer { hasSaid = true }
        return .join(isFirst: !hasSaid)
    }

    /// It waits for its turn.
    mutating func add(_ operation: OperationID) {
        self = HangupReloads()
        current = operation
    }

    /// It is about to read the configuration.
    mutating func begins(_ operation: OperationID) { if operation == current { hasBegun = true } }

    /// Whatever came of it. True when another one must follow.
    mutating func ended(_ operation: OperationID) -> Bool {
        guard operation == current else { return false }
        defer { self = HangupReloads() }
        return wantsAnother
    }
}

extension Node {
    func reloadBySignal() {
        switch hangups.signal() {
        case .begin: addHangupReload()
        case .join(true): log.notice("reload by signal: one waits already, and does for this and for further signals")
        case .join(false): break
        }
    }

    func hangupEnded(_ operation: OperationID) { if hangups.ended(operation), !isStopping { addHangupReload() } }

    private func addHangupReload() {
        let operation = operations.begin("reload")
        hangups.add(operation)
        let change = PostponedChange(
            operation: operation, kind: .reload(.init(), worker: nil, what: "reload"), deadline: deadline(60))
        // At once, not in a task: an upgrade could take place in between and know nothing of it.
        if isUpgrading { return postpone(change) }
        Task { await carryOut(change) }
    }
}
