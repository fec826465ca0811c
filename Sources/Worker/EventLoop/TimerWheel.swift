// Hierarchical timing wheel (Varghese and Lauck 1987, scheme 7): four levels of 64 slots, 16 ms a tick, so that
// arming, cancelling and expiring are constant time and an idle worker sleeps until the next timer. No I/O, no clock:
// pure.

/// What a timer belongs to; comes back when it expires. The same 64-bit word that epoll carries.
struct TimerHandle: Equatable {
    var node: UInt32 = .max
    var isArmed: Bool { node != .max }
}

@safe struct TimerWheel: ~Copyable {
    static let tickMilliseconds: Int64 = 16
    private static let levels = 4
    private static let slotBits: UInt64 = 6
    private static let slots = 1 << 6
    private static let none = UInt32.max

    private struct Node {
        var previous: UInt32
        var next: UInt32
        /// Which slot list the node is the head of, when `previous` is none.
        var slot: UInt32
        var dueTick: UInt64
        var owner: UInt64
    }

    private var nodes: UnsafeMutablePointer<Node>
    private var heads: UnsafeMutablePointer<UInt32>
    private let capacity: Int
    private var used = 0
    private var firstFree = TimerWheel.none
    private var currentTick: UInt64
    /// Which slots of the lowest level hold timers, so that looking ahead is one instruction.
    private var occupied: UInt64 = 0
    private(set) var armedCount = 0

    init(capacity: Int, nowMilliseconds: Int64) {
        self.capacity = capacity
        unsafe nodes = .allocate(capacity: capacity)
        unsafe heads = .allocate(capacity: Self.levels * Self.slots)
        unsafe heads.initialize(repeating: Self.none, count: Self.levels * Self.slots)
        currentTick = UInt64(nowMilliseconds / Self.tickMilliseconds)
    }

    deinit {
        unsafe nodes.deallocate()
        unsafe heads.deallocate()
    }

    /// Arms a timer that expires at the first tick not before `deadlineMilliseconds`. When every node is in use the
    /// handle stays unarmed: the caller must treat that as "out of resources" (capacity covers every connection there
    /// can be).
    mutating func arm(deadlineMilliseconds: Int64, owner: UInt64) -> TimerHandle {
        var node = firstFree
        if node == Self.none {
            guard used < capacity else { return TimerHandle() }
            node = UInt32(used)
            used += 1
        } else {
            unsafe firstFree = nodes[Int(node)].next
        }
        let ticks = (deadlineMilliseconds + Self.tickMilliseconds - 1) / Self.tickMilliseconds
        let due = max(UInt64(max(ticks, 0)), currentTick + 1)
        unsafe nodes[Int(node)] = Node(previous: Self.none, next: Self.none, slot: 0, dueTick: due, owner: owner)
        link(node)
        armedCount += 1
        return TimerHandle(node: node)
    }

    /// Disarms the timer and clears the handle.
    mutating func cancel(_ handle: inout TimerHandle) {
        guard handle.isArmed else { return }
        unlink(handle.node)
        free(handle.node)
        handle = TimerHandle()
    }

    private mutating func free(_ node: UInt32) {
        unsafe nodes[Int(node)].next = firstFree
        firstFree = node
        armedCount -= 1
    }

    private mutating func link(_ node: UInt32) {
        let due = unsafe nodes[Int(node)].dueTick
        let distance = due - currentTick
        var level = 0
        while level < Self.levels - 1, distance >= 1 << (Self.slotBits * UInt64(level + 1)) { level += 1 }
        // Beyond the horizon (74 hours) it waits in the last slot of the top level and is linked anew when that comes
        // up.
        let horizon = (UInt64(1) << (Self.slotBits * UInt64(Self.levels))) - 1
        let place = min(due, currentTick + horizon) >> (Self.slotBits * UInt64(level))
        let slot = UInt32(level * Self.slots) + UInt32(place & 63)
        let head = unsafe heads[Int(slot)]
        unsafe nodes[Int(node)].previous = Self.none
        unsafe nodes[Int(node)].next = head
        unsafe nodes[Int(node)].slot = slot
        if head != Self.none { unsafe nodes[Int(head)].previous = node }
        unsafe heads[Int(slot)] = node
        if level == 0 { occupied |= 1 << UInt64(slot) }
    }

    private mutating func unlink(_ node: UInt32) {
        let n = unsafe nodes[Int(node)]
        if n.previous == Self.none {
            unsafe heads[Int(n.slot)] = n.next
            if n.next == Self.none, n.slot < 64 { occupied &= ~(1 << UInt64(n.slot)) }
        } else {
            unsafe nodes[Int(n.previous)].next = n.next
        }
        if n.next != Self.none { unsafe nodes[Int(n.next)].previous = n.previous }
    }

    /// Takes one expired timer and gives its owner; nil when none is due at `nowMilliseconds`. Its handle is dead
    /// afterwards:
    /// the owner must forget it.
    mutating func nextExpired(nowMilliseconds: Int64) -> UInt64? {
        let target = UInt64(max(nowMilliseconds, 0) / Self.tickMilliseconds)
        while true {
            let head = unsafe heads[Int(currentTick & 63)]
            if head != Self.none, unsafe nodes[Int(head)].dueTick <= currentTick {
                let owner = unsafe nodes[Int(head)].owner
                unlink(head)
                free(head)
                return owner
            }
            guard currentTick < target else { return nil }
            if armedCount == 0 {
                currentTick = target
                return nil
            }
            currentTick += 1
            cascade()
        }
    }

    /// When a lower level wraps, the next slot of the level above is spread over it.
    private mutating func cascade() {
        var level = 1
        while level < Self.levels, currentTick & ((1 << (Self.slotBits * UInt64(level))) - 1) == 0 {
            let place = (currentTick >> (Self.slotBits * UInt64(level))) & 63
            let slot = level * Self.slots + Int(place)
            var node = unsafe heads[slot]
            unsafe heads[slot] = Self.none
            while node != Self.none {
                let next = unsafe nodes[Int(node)].next
                link(node)
                node = next
            }
            level += 1
        }
    }

    /// Milliseconds until the wheel next needs a turn (never later than the next timer), or -1 when nothing is armed.
    func sleepMilliseconds(nowMilliseconds: Int64) -> Int32 {
        guard armedCount > 0 else { return -1 }
        // The rest of this lap of the lowest level; past it a cascade is due anyway.
        let position = currentTick & 63
        let ahead = position == 63 ? 0 : occupied >> (position + 1)
        let tick = ahead == 0 ? (currentTick | 63) + 1 : currentTick + 1 + UInt64(ahead.trailingZeroBitCount)
        let wait = Int64(tick) * Self.tickMilliseconds - nowMilliseconds
        return Int32(clamping: max(wait, 0))
    }
}
