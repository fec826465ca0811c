// A worker that stands still inside a turn for five seconds of regular looks is stuck; nothing less is.
import ShmCache
import Testing

@testable import Supervisor

@Suite struct StuckWatchTests {
    private func live(_ turn: UInt64, inTurn: Bool = true, pid: Int32 = 7) -> [Int: LaneState] {
        [3: .live(processID: pid, turn: turn, inTurn: inTurn)]
    }

    /// Looks every half second; gives the number of the first look that found somebody.
    private func firstFound(_ looks: Int, every step: Milliseconds = 500, _ lanes: (Int) -> [Int: LaneState]) -> Int? {
        var watch = StuckWatch()
        for number in 0..<looks where !watch.look(lanes(number), now: Milliseconds(number) * step).isEmpty {
            return number
        }
        return nil
    }

    @Test func standingStillInATurnIsFoundAfterFiveSeconds() {
        #expect(firstFound(40) { _ in live(9) } == 10)
    }

    @Test func workingIsNot() {
        #expect(firstFound(40) { live(UInt64($0)) } == nil)
        #expect(firstFound(40) { live(UInt64($0 / 9)) } == nil)
    }

    @Test func waitingBetweenTurnsIsNot() {
        #expect(firstFound(40) { _ in live(9, inTurn: false) } == nil)
        #expect(firstFound(40) { live(9, inTurn: $0 % 9 != 0) } == nil)
    }

    @Test func anotherProcessInTheLaneBeginsAnew() {
        #expect(firstFound(40) { live(9, pid: $0 < 9 ? 7 : 8) } == 19)
    }

    @Test func aGapInTheLooksProvesNothing() {
        #expect(firstFound(40, every: 1_100) { _ in live(9) } == nil)
    }

    @Test func aDeadOrFreeLaneIsNobody() {
        #expect(firstFound(40) { _ in [3: .dead(processID: 7)] } == nil)
        #expect(firstFound(40) { _ in [3: .free] } == nil)
    }

    @Test func itIsSaidOnceUntilFiveMoreSeconds() {
        var watch = StuckWatch()
        let found = (0..<21).filter { !watch.look(live(9), now: Milliseconds($0) * 500).isEmpty }
        #expect(found == [10])
    }
}
