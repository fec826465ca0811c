// A worker that stands still inside a turn for five seconds of regular looks is stuck, and so is one that had promised
// to turn its loop also at rest and has not for ten; nothing less is.
import ShmCache
import Testing

@testable import Supervisor

@Suite struct StuckWatchTests {
    private func live(
        _ turn: UInt64, inTurn: Bool = true, beats: Bool = false, pid: Int32 = 7
    ) -> [Int: StuckWatch.Sample] {
        [3: .init(state: .live(processID: pid, turn: turn, inTurn: inTurn), beats: beats)]
    }

    /// Looks every half second; gives the number of the first look that found somebody.
    private func firstFound(
        _ looks: Int, every step: Milliseconds = 500, _ lanes: (Int) -> [Int: StuckWatch.Sample]
    ) -> Int? {
        var watch = StuckWatch()
        for number in 0..<looks where !watch.look(lanes(number), now: Milliseconds(number) * step).isEmpty {
            return number
        }
        return nil
    }

    @Test func standingStillInATurnIsFoundAfterFiveSeconds() {
        #expect(firstFound(40) { _ in live(9) } == 10)
        #expect(firstFound(40) { _ in live(9, beats: true) } == 10)
    }

    @Test func workingIsNot() {
        #expect(firstFound(40) { live(UInt64($0)) } == nil)
        #expect(firstFound(40) { live(UInt64($0 / 9)) } == nil)
    }

    @Test func waitingBetweenTurnsIsNotWhereNoBeatWasPromised() {
        #expect(firstFound(80) { _ in live(9, inTurn: false) } == nil)
        #expect(firstFound(40) { live(9, inTurn: $0 % 9 != 0) } == nil)
    }

    @Test func standingStillBetweenTurnsIsFoundAfterTenSeconds() {
        #expect(firstFound(80) { _ in live(9, inTurn: false, beats: true) } == 20)
    }

    @Test func aBeatOnceASecondIsALife() {
        #expect(firstFound(200) { live(UInt64($0 / 2), inTurn: false, beats: true) } == nil)
        #expect(firstFound(200) { live(UInt64($0 / 19), inTurn: false, beats: true) } == nil)
    }

    @Test func anotherProcessInTheLaneBeginsAnew() {
        #expect(firstFound(40) { live(9, pid: $0 < 9 ? 7 : 8) } == 19)
    }

    /// The supervisor was stopped as well: nobody knows how long the workers had been.
    @Test func aGapInTheLooksProvesNothing() {
        #expect(firstFound(40, every: 1_100) { _ in live(9) } == nil)
        #expect(firstFound(80, every: 1_100) { _ in live(9, inTurn: false, beats: true) } == nil)
        var watch = StuckWatch()
        var times = (0..<19).map { Milliseconds($0) * 500 }
        times += [100_000, 100_500, 101_000]
        let found = times.map { watch.look(live(9, inTurn: false, beats: true), now: $0).count }
        #expect(found.allSatisfy { $0 == 0 })
    }

    @Test func aJanitorHasLonger() {
        let samples = StuckWatch.samplesOfJanitor
        #expect(
            firstFound(200) { _ in
                [3: .init(state: .live(processID: 7, turn: 9, inTurn: true), beats: false, samplesInTurn: samples)]
            } == 120)
    }

    @Test func aJanitorHasLongerAtRestAsWell() {
        let samples = StuckWatch.samplesOfJanitor
        let sample = StuckWatch.Sample(
            state: .live(processID: 7, turn: 9, inTurn: false), beats: true, samplesInTurn: samples,
            samplesAtRest: samples)
        #expect(firstFound(200) { _ in [3: sample] } == 120)
    }

    @Test func aDeadOrFreeLaneIsNobody() {
        #expect(firstFound(40) { _ in [3: .init(state: .dead(processID: 7), beats: true)] } == nil)
        #expect(firstFound(40) { _ in [3: .init(state: .free, beats: true)] } == nil)
    }

    @Test func itIsSaidOnceUntilFiveMoreSeconds() {
        var watch = StuckWatch()
        let found = (0..<22).filter { !watch.look(live(9), now: Milliseconds($0) * 500).isEmpty }
        #expect(found == [10, 21])
    }
}
