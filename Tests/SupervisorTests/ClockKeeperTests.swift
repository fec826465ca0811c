// The cache clock follows the wall clock when the two have parted, and not for less.
import Testing

@testable import Supervisor

@Suite struct ClockKeeperTests {
    private let second: Int64 = 1_000_000_000

    @Test func aClockThatIsRightIsLeftAlone() {
        let keeper = ClockKeeper()
        for difference in [0, 1, -1, 2, -2] as [Int64] {
            #expect(keeper.correction(before: 0, wall: difference * second, after: 0) == nil)
        }
    }

    @Test func oneThatIsWrongIsMovedByTheWholeDifference() {
        let keeper = ClockKeeper()
        for difference in [3, -3, 4_000, -4_000, 1_700_000_000] as [Int64] {
            #expect(keeper.correction(before: 5, wall: difference * second + 5, after: 5) == difference * second)
        }
    }

    @Test func readingsThatArePausedBetweenProveNothing() {
        #expect(ClockKeeper().correction(before: 0, wall: 0, after: 10 * second) == nil)
    }

    @Test func whatATestMovesIsKept() {
        var keeper = ClockKeeper()
        keeper.keep(difference: 100 * second)
        keeper.advance(-30 * second)
        #expect(keeper.correction(before: 70 * second, wall: 0, after: 70 * second) == nil)
        #expect(keeper.correction(before: 0, wall: 0, after: 0) == 70 * second)
    }
}
