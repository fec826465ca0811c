// Idle connections of each origin, most recently used first, and the bounds on how many there may be.

struct OriginPool: ~Copyable {
    private struct Entry {
        var firstIdle = UInt32.max
        var lastIdle = UInt32.max
        var idleCount: UInt32 = 0
        var openCount: UInt32 = 0
        /// Counts the addresses that have failed: says which one the next connection tries first.
        var addressTurn: UInt32 = 0
    }

    private var entries: [Entry]
    private let idleLimit: UInt32
    private let openLimit: UInt32

    init(originCount: Int, idleLimit: UInt32, openLimit: UInt32) {
        entries = Array(repeating: Entry(), count: originCount)
        self.idleLimit = idleLimit
        self.openLimit = openLimit
    }

    func mayOpen(_ origin: UInt16) -> Bool { entries[Int(origin)].openCount < openLimit }
    func mayKeep(_ origin: UInt16) -> Bool { entries[Int(origin)].idleCount < idleLimit }
    var openTotal: Int { entries.reduce(0) { $0 + Int($1.openCount) } }

    func hasIdle(_ origin: UInt16) -> Bool { entries[Int(origin)].idleCount > 0 }
    /// Connections with something to do.
    func busy(_ origin: UInt16) -> UInt32 { entries[Int(origin)].openCount - entries[Int(origin)].idleCount }

    mutating func opened(_ origin: UInt16) { entries[Int(origin)].openCount += 1 }
    mutating func closed(_ origin: UInt16) { entries[Int(origin)].openCount -= 1 }

    /// Whose turn it is: the address after the last that failed, the turn modulo their number.
    func addressTurn(of origin: UInt16) -> UInt32 { entries[Int(origin)].addressTurn }
    /// The address of that turn has failed. Several connections to it that fail together count once.
    mutating func addressFailed(_ origin: UInt16, turn: UInt32) {
        if entries[Int(origin)].addressTurn == turn { entries[Int(origin)].addressTurn &+= 1 }
    }

    /// The address of that turn has answered before those that came after it.
    mutating func prefer(_ origin: UInt16, turn: UInt32) { entries[Int(origin)].addressTurn = turn }

    mutating func restartAddresses(_ origin: UInt16) { entries[Int(origin)].addressTurn = 0 }

    mutating func push(_ index: UInt32, _ connections: inout Slab<OriginConnection>) {
        let origin = Int(connections[index].origin)
        let head = entries[origin].firstIdle
        connections[index].isPooled = true
        connections[index].previousIdle = .max
        connections[index].nextIdle = head
        if head == .max { entries[origin].lastIdle = index } else { connections[head].previousIdle = index }
        entries[origin].firstIdle = index
        entries[origin].idleCount += 1
    }

    mutating func pop(_ origin: UInt16, _ connections: inout Slab<OriginConnection>) -> UInt32? {
        let head = entries[Int(origin)].firstIdle
        guard head != .max else { return nil }
        remove(head, &connections)
        return head
    }

    /// The connection to any origin that has been idle for longest.
    func oldestIdle(_ connections: borrowing Slab<OriginConnection>) -> UInt32? {
        var oldest = UInt32.max
        for entry in entries where entry.lastIdle != .max {
            let isOlder =
                oldest == .max
                || connections[entry.lastIdle].lastProgressMilliseconds < connections[oldest].lastProgressMilliseconds
            if isOlder { oldest = entry.lastIdle }
        }
        return oldest == .max ? nil : oldest
    }

    mutating func remove(_ index: UInt32, _ connections: inout Slab<OriginConnection>) {
        let origin = Int(connections[index].origin)
        connections[index].isPooled = false
        let previous = connections[index].previousIdle
        let next = connections[index].nextIdle
        if previous == .max { entries[origin].firstIdle = next } else { connections[previous].nextIdle = next }
        if next == .max { entries[origin].lastIdle = previous } else { connections[next].previousIdle = previous }
        entries[origin].idleCount -= 1
    }
}
