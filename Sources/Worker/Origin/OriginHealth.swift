// Whether an origin counts as up: what requests met (passive) and what checks found (active). A pure state machine of
// events and a clock.

internal import ControlChannel

struct OriginHealth: Equatable {
    /// What an event changed.
    enum Change: Equatable {
        case none
        /// Requests failed in a row: left out for this long.
        case ejected(milliseconds: Int64)
        /// Checks failed in a row: out until they succeed.
        case wentDown
        case cameUp
    }

    /// Ejections in a row lengthen the pause up to this many times.
    static let longestPause: Int64 = 10

    private var isDown = false
    private var goodChecks: UInt32 = 0
    private var badChecks: UInt32 = 0
    private var failures: UInt32 = 0
    private var ejections: Int64 = 0
    private var ejectedUntilMilliseconds: Int64 = .min

    /// May be picked, unless there is no other.
    func isUp(nowMilliseconds: Int64) -> Bool { !isDown && nowMilliseconds >= ejectedUntilMilliseconds }

    /// A request was answered (whatever the answer said).
    mutating func requestSucceeded() {
        failures = 0
        ejections = 0
    }

    /// A request could not be sent, was not answered in time, or its answer was broken.
    mutating func requestFailed(nowMilliseconds: Int64, _ settings: HealthSettings) -> Change {
        guard settings.ejectAfter > 0, nowMilliseconds >= ejectedUntilMilliseconds else { return .none }
        failures += 1
        // One that comes back from a pause is on probation: its first failure sends it out again.
        guard failures >= settings.ejectAfter || ejections > 0 else { return .none }
        failures = 0
        ejections = min(ejections + 1, Self.longestPause)
        let pause = Int64(settings.ejectMilliseconds) * ejections
        ejectedUntilMilliseconds = nowMilliseconds + pause
        return .ejected(milliseconds: pause)
    }

    /// An active check has ended.
    mutating func checked(isGood: Bool, _ settings: HealthSettings) -> Change {
        goodChecks = isGood ? goodChecks + 1 : 0
        badChecks = isGood ? 0 : badChecks + 1
        if isDown, goodChecks >= settings.rise {
            isDown = false
            ejectedUntilMilliseconds = .min
            return .cameUp
        }
        if !isDown, badChecks >= settings.fall {
            isDown = true
            return .wentDown
        }
        return .none
    }
}
