// Keeps cache time with the wall clock. It is counted apart from it, so that nobody who sets the system clock makes
// a loop's readings jump, and follows when the two have become different.
import CLinux
import Foundation
import Logging
import ShmCache

/// When the cache clock is moved, and by how much. Pure: it is shown readings.
struct ClockKeeper: Sendable {
    /// Both run at one rate, which the kernel keeps with the network's time: only when the system clock is set do they
    /// part. HTTP counts whole seconds, and one too many is what a leap second makes.
    static let toleranceNanoseconds: Int64 = 2_000_000_000
    /// Readings that are further apart than this say that this process did not run in between.
    private static let pauseNanoseconds: Int64 = 100_000_000

    /// By so much what is taken for the wall clock is ahead of it: tests move cache time on purpose.
    private(set) var testShift: Int64 = 0

    /// A node for tests goes on at the time that its cache had.
    mutating func keep(difference: Int64) { testShift = difference }

    mutating func advance(_ nanoseconds: Int64) { testShift &+= nanoseconds }

    /// By how much cache time, read before and after the wall clock, must be moved; nil when not at all.
    func correction(before: Int64, wall: Int64, after: Int64) -> Int64? {
        guard after &- before < Self.pauseNanoseconds else { return nil }
        let difference = wall &+ testShift &- after
        return difference.magnitude > UInt64(Self.toleranceNanoseconds) ? difference : nil
    }
}

extension Node {
    static let isForTests = ProcessInfo.processInfo.environment["MARTLET_TEST"] == "1"

    /// At every look around: workers and janitor see the new time in their next turn.
    func tendClock() {
        let before = regions.cache.now().nanoseconds
        let wall = cl_realtime_nanoseconds()
        let after = regions.cache.now().nanoseconds
        guard let correction = clockKeeper.correction(before: before, wall: wall, after: after) else { return }
        regions.cache.shiftClock(nanoseconds: correction)
        let seconds = Double((correction.magnitude + 50_000_000) / 100_000_000) / 10
        let side = correction < 0 ? "ahead of" : "behind"
        log.notice("the cache clock was \(seconds) s \(side) the wall clock: set to it")
    }

    /// For tests: moves cache time, and keeps it there.
    func advanceClock(nanoseconds: Int64) -> UInt32 {
        clockKeeper.advance(nanoseconds)
        regions.cache.shiftClock(nanoseconds: nanoseconds)
        return regions.cache.now().seconds
    }
}
