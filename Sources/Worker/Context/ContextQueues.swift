// Which contexts have work that no event will announce, which wait for a fill, and which read one and are slow: lists,
// linked through the contexts themselves. What is to be done for each is not known here.

internal import CLinux
internal import ShmCache

/// Where a context stands in the queues.
enum ContextQueue: UInt8 {
    case none
    /// Its response has not begun, and may be able to.
    case starting
    /// In the middle of a body, with more to move.
    case ready
    /// Nothing to do until some fill moves.
    case waiting
    /// Its client's socket is full, and it keeps a fill's space.
    case slow
}

struct ContextQueues {
    private struct List {
        var first = UInt32.max
        var last = UInt32.max
    }

    private var starting = List()
    private var ready = List()
    private var waiting = List()
    private var slow = List()
    private(set) var slowCount = 0

    /// The slow readers, from the one that has been for longest.
    var firstSlow: UInt32? { slow.first == .max ? nil : slow.first }

    /// Responses that have not begun go before those that are in the middle: a first byte is small, and somebody waits
    /// for it. A body gets a bounded piece per turn and goes to the end of its line.
    var next: UInt32? {
        if starting.first != .max { return starting.first }
        return ready.first == .max ? nil : ready.first
    }

    /// Moves a context to the end of a list; from whichever it was in.
    mutating func put(_ x: UInt32, in queue: ContextQueue, _ contexts: inout Slab<RequestContext>) {
        guard contexts[x].queue != queue else { return }
        remove(x, &contexts)
        contexts[x].queue = queue
        switch queue {
        case .none: break
        case .starting: Self.append(x, &starting, &contexts)
        case .ready: Self.append(x, &ready, &contexts)
        case .waiting: Self.append(x, &waiting, &contexts)
        case .slow:
            Self.append(x, &slow, &contexts)
            slowCount += 1
        }
    }

    mutating func remove(_ x: UInt32, _ contexts: inout Slab<RequestContext>) {
        switch contexts[x].queue {
        case .none: return
        case .starting: Self.unlink(x, &starting, &contexts)
        case .ready: Self.unlink(x, &ready, &contexts)
        case .waiting: Self.unlink(x, &waiting, &contexts)
        case .slow:
            Self.unlink(x, &slow, &contexts)
            slowCount -= 1
        }
        contexts[x].queue = .none
    }

    /// Some fill has moved: whoever waits for one may have work.
    mutating func wake(_ contexts: inout Slab<RequestContext>) {
        while waiting.first != .max {
            let x = waiting.first
            put(x, in: contexts[x].phase == .waitingForFill ? .starting : .ready, &contexts)
        }
    }

    private static func append(_ x: UInt32, _ list: inout List, _ contexts: inout Slab<RequestContext>) {
        contexts[x].previousQueued = list.last
        contexts[x].nextQueued = .max
        if list.last == .max { list.first = x } else { contexts[list.last].nextQueued = x }
        list.last = x
    }

    private static func unlink(_ x: UInt32, _ list: inout List, _ contexts: inout Slab<RequestContext>) {
        let previous = contexts[x].previousQueued
        let next = contexts[x].nextQueued
        if previous == .max { list.first = next } else { contexts[previous].nextQueued = next }
        if next == .max { list.last = previous } else { contexts[next].previousQueued = previous }
    }
}

extension Worker {
    /// Longest time that a turn spends on bodies in the middle; what is left goes on in the next turn, after whatever
    /// has happened meanwhile.
    private static var queueBudgetNanoseconds: Int64 { 2_000_000 }

    /// The context waits for a fill to move.
    mutating func awaitFill(_ x: UInt32) { queues.put(x, in: .waiting, &contexts) }

    /// The context has work that nobody will announce.
    mutating func continueLater(_ x: UInt32) { queues.put(x, in: .ready, &contexts) }

    mutating func leaveQueues(_ x: UInt32) { queues.remove(x, &contexts) }

    /// A context that was served and has not queued again waits: for its socket, its origin, or a fill. While it has no
    /// answer yet a full socket is none of its concern: what fills that are earlier answers.
    private mutating func settle(_ x: UInt32) {
        guard contexts[x].queue == .none, contexts[x].hangsOnFill else { return }
        let isBlocked = clients[contexts[x].client.index].sink.isBlocked
        if contexts[x].phase == .waitingForFill || !isBlocked { awaitFill(x) }
    }

    /// Serves the queues, a bounded piece for each, for a bounded time.
    mutating func serveQueues() {
        if lane.takeLocalWake() || hasForeignWake || looksAgain {
            hasForeignWake = false
            looksAgain = false
            queues.wake(&contexts)
        }
        guard queues.next != nil else { return }
        let deadline = cl_monotonic_nanoseconds() + Self.queueBudgetNanoseconds
        while let x = queues.next {
            let id = contexts.id(at: x)
            queues.remove(x, &contexts)
            progress(contexts[x].client.index)
            if contexts.contains(id) { settle(x) }
            if cl_monotonic_nanoseconds() >= deadline { break }
        }
    }
}
