// Changes that were asked for while the supervisor was being upgraded. They wait, within their time, and travel to the
// next program image, which does them in order; if the upgrade fails the old one does.
import ControlChannel

struct PostponedChange: Equatable, Codable, Sendable {
    enum Kind: Equatable, Codable, Sendable {
        case reload(RunFlags.Change, worker: String?, what: String)
        case resize(Int)
    }

    var operation: OperationID
    var kind: Kind
    var deadline: Milliseconds
}

struct PostponedChanges: Equatable, Codable, Sendable {
    private(set) var changes: [PostponedChange] = []
    /// As many as the state machine lets wait.
    private static var most: Int { 16 }

    var nextDeadline: Milliseconds? { changes.map(\.deadline).min() }

    /// The worker count that was asked for last.
    var plannedCount: Int? {
        changes.reversed().lazy.compactMap { if case .resize(let count) = $0.kind { count } else { nil } }.first
    }

    /// False when too many wait already.
    mutating func add(_ change: PostponedChange) -> Bool {
        guard changes.count < Self.most else { return false }
        changes.append(change)
        return true
    }

    mutating func takeFirst() -> PostponedChange? { changes.isEmpty ? nil : changes.removeFirst() }

    /// Those whose time is over wait no longer.
    mutating func takeExpired(now: Milliseconds) -> [PostponedChange] {
        defer { changes.removeAll { $0.deadline <= now } }
        return changes.filter { $0.deadline <= now }
    }

    mutating func takeAll() -> [PostponedChange] {
        defer { changes = [] }
        return changes
    }
}

extension Node {
    /// Does what was asked for, or keeps it until the upgrade that is under way is through.
    func carryOut(_ change: PostponedChange) async {
        if isUpgrading { return postpone(change) }
        switch change.kind {
        case .resize(let count): resize(change.operation, count, change.deadline)
        case .reload(let flags, let worker, let what):
            let left = Double(change.deadline - LoopExecutor.now()) / 1_000
            await reload(
                operation: change.operation, timeoutSeconds: left, worker: worker, what: what, change: flags)
        }
    }

    func postpone(_ change: PostponedChange) {
        guard postponed.add(change) else {
            return finish(change.operation, false, "the supervisor is being upgraded, and 16 changes wait already")
        }
        operations.progress(change.operation, "waiting: the supervisor is being upgraded")
        // So that its deadline is known to the loop. Not now: a step that ended another change may be under way.
        Task { self.step(.tick) }
    }

    /// The upgrade is through, or has failed.
    func carryOutPostponed() async {
        while !isUpgrading, let change = postponed.takeFirst() { await carryOut(change) }
    }

    func expirePostponed() {
        for change in postponed.takeExpired(now: LoopExecutor.now()) {
            finish(change.operation, false, "timed out: the supervisor was being upgraded")
        }
    }

    func forgetPostponed() {
        for change in postponed.takeAll() { finish(change.operation, false, "the node was told to stop") }
    }
}
