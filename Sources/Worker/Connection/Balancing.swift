// Evening the workers out: one that has clearly more connections than the others passes new ones on to the least
// loaded. Steering spreads connections at random; this keeps the spread narrow. How they travel is HandOver's business.

internal import ControlChannel
internal import ShmCache

/// When a new connection is better off elsewhere. Pure.
enum Spread {
    /// More than 15 % above the mean, and by so many that a few short-lived connections never travel.
    static func isOverloaded(own: Int, least: Int, total: Int, workers: Int) -> Bool {
        workers > 1 && own > least + 4 && own * workers * 100 > total * 115
    }
}

extension Worker {
    /// Passes a connection that has just come in to the least loaded sibling, if this worker has too many. `unserved`
    /// of its connections have only just come and may be gone in a moment: they do not count yet. False when it stays.
    mutating func passOn(_ c: UInt32, unserved: Int) -> Bool {
        guard siblings > 0, !drain.isDraining, clients[c].mayTravel, clients[c].isIdle else { return false }
        let own = clients.count - unserved - travelling
        var total = own
        var workers = 1
        var least = Int.max
        var chosen: UInt32?
        var index: UInt32 = 0
        while index < partners.endIndex {
            defer { index += 1 }
            guard partners.isTaken(index), partners[index].role == .sibling, !partners[index].refuses else { continue }
            let open = node.value(counter: Counter.connectionsOpen.rawValue, lane: Int(partners[index].lane))
            let load = Int(open) + partners[index].unanswered
            total += load
            workers += 1
            if load < least {
                least = load
                chosen = index
            }
        }
        guard let chosen, Spread.isOverloaded(own: own, least: least, total: total, workers: workers) else {
            return false
        }
        return give(c, to: chosen)
    }
}
