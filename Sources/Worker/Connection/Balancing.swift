// Evening the workers out: one that has clearly more connections than the others passes new ones on to the least
// loaded, and looks once more when everybody has had time to count what came. Steering spreads connections at random;
// this keeps the spread narrow. How they travel is HandOver's business.

internal import ControlChannel
internal import ShmCache

/// What this worker and its siblings carry at one moment.
struct Spread {
    let own: Int
    var total: Int
    var workers = 1
    var least = Int.max

    init(own: Int) {
        self.own = own
        total = own
    }

    /// True when no other was found to be lighter.
    mutating func add(_ load: Int) -> Bool {
        total += load
        workers += 1
        guard load < least else { return false }
        least = load
        return true
    }

    /// When connections are better off elsewhere: more than 15 % above the mean, and by so many that a few short-lived
    /// ones never travel.
    var isOverloaded: Bool { workers > 1 && own > least + 4 && own * workers * 100 > total * 115 }

    /// When connections that already rest are better off elsewhere: nobody gains where a worker has but a few.
    var isLopsided: Bool { isOverloaded && total >= 8 * workers }

    /// While giving: until this worker has no more than its share.
    var isAboveMean: Bool { workers > 1 && own > least + 1 && own * workers > total }
}

/// When a worker looks at the spread again. Connections that arrive together are accepted by workers that know little
/// of each other: the counts of those that had no turn yet are old.
struct Rebalancing {
    var timer = TimerHandle()
    /// Looks in a row that found too many connections, all of them busy.
    var failures = 0

    /// Longer and longer: busy connections come to rest when they like.
    var delayMilliseconds: Int64 { 5 << Int64(min(failures, 7)) }
}

extension Worker {
    /// Passes a connection that has just come in to the least loaded sibling, if this worker has too many. `unserved`
    /// of its connections have only just come and may be gone in a moment: they do not count yet. False when it stays.
    mutating func passOn(_ c: UInt32, unserved: Int) -> Bool {
        guard siblings > 0, !drain.isDraining, clients[c].mayTravel, clients[c].isIdle else { return false }
        let (spread, lightest) = spread(unserved: unserved)
        guard let lightest, spread.isOverloaded else { return false }
        return give(c, to: lightest)
    }

    /// Connections have come: whether this worker now has too many shows when the others have counted theirs.
    mutating func expectRebalancing() {
        rebalancing.failures = 0
        armRebalancing()
    }

    private mutating func armRebalancing() {
        guard siblings > 0, !drain.isDraining, !rebalancing.timer.isArmed else { return }
        let deadline = clock.milliseconds + rebalancing.delayMilliseconds
        rebalancing.timer = timers.arm(deadlineMilliseconds: deadline, owner: Token(.rebalancing).raw)
    }

    /// Gives idle connections away until this worker has no more than its share, if it has clearly more.
    mutating func rebalancingTimerExpired() {
        rebalancing.timer = TimerHandle()
        guard siblings > 0, !drain.isDraining, spread(unserved: 0).spread.isLopsided else { return }
        rebalancing.failures = giveSurplus() ? 0 : rebalancing.failures + 1
        armRebalancing()
    }

    /// False when nothing could be given.
    private mutating func giveSurplus() -> Bool {
        var hasGiven = false
        var c: UInt32 = 0
        while c < clients.endIndex {
            defer { c += 1 }
            guard clients.isTaken(c), clients[c].isIdle, clients[c].slot != .max else { continue }
            let (spread, lightest) = spread(unserved: 0)
            guard let lightest, spread.isAboveMean, give(c, to: lightest) else { break }
            hasGiven = true
        }
        return hasGiven
    }

    /// The loads of all siblings that take connections, and which of them is the lightest.
    private borrowing func spread(unserved: Int) -> (spread: Spread, lightest: UInt32?) {
        var spread = Spread(own: clients.count - unserved - travelling)
        var lightest: UInt32?
        var index: UInt32 = 0
        while index < partners.endIndex {
            defer { index += 1 }
            guard partners.isTaken(index), partners[index].role == .sibling, !partners[index].refuses else { continue }
            let open = node.value(counter: Counter.connectionsOpen.rawValue, lane: Int(partners[index].lane))
            if spread.add(Int(open) + partners[index].unanswered) { lightest = index }
        }
        return (spread, lightest)
    }
}
