// The change under way: a generation that takes over from another, a few more workers, or a few fewer.

struct Change: Equatable, Codable, Sendable {
    enum Kind: Equatable, Codable, Sendable {
        /// A new generation takes over; `first` when there is no old one.
        case replace(first: Bool)
        case grow
    }

    enum Phase: Equatable, Codable, Sendable {
        /// The new workers start and answer their probes.
        case starting
        /// The first slot is being moved, or has been and is watched.
        case canary(until: Milliseconds?)
        /// The watch is over: that worker has not crashed, and must now answer another probe, in case it hangs.
        case confirming(MemberID)
        /// Slots are moved one at a time, from `remaining`'s front.
        case moving
    }

    var request: ChangeRequest
    var kind: Kind
    var generation: UInt32
    var count: Int
    var launch: UInt32
    var what: String
    var members: [MemberID]
    var phase = Phase.starting
    /// Slots still to be moved; the first one is under way in `canary` and `moving`.
    var remaining: [Int] = []
    var moveDeadline: Milliseconds?
    var startedAt: Milliseconds
    /// Whom the first slot was moved to.
    var watched: MemberID?
    /// Who held a slot before it was moved.
    var previousHolders: [Int: MemberID] = [:]
}

/// How often a slot's workers died young, and when the next one may start.
struct BackOff: Equatable, Codable, Sendable {
    var failures = 0
    var startAt: Milliseconds?

    /// Delay before the next start.
    mutating func died(age: Milliseconds, settings: MachineSettings) -> Milliseconds {
        failures = age >= settings.healthyMilliseconds ? 0 : failures + 1
        if failures <= 1 { return 0 }
        let shift = Int64(min(failures - 2, 16))
        return min(settings.firstBackOffMilliseconds << shift, settings.longestBackOffMilliseconds)
    }
}
