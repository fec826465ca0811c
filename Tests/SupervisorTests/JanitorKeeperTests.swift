// One janitor at a time, of the launch that runs; the dead are replaced, more slowly when they keep dying.
import Testing

@testable import Supervisor

@Suite struct JanitorKeeperTests {
    private let settings = MachineSettings(slots: 2, lanes: 8)

    @Test func oneIsStartedAndKept() {
        var keeper = JanitorKeeper()
        #expect(keeper.step(wanted: nil, now: 0) == .nothing)
        #expect(keeper.step(wanted: 1, now: 0) == .start(launch: 1))
        #expect(keeper.step(wanted: 1, now: 1) == .nothing)
    }

    @Test func anotherLaunchReplacesIt() {
        var keeper = JanitorKeeper()
        _ = keeper.step(wanted: 1, now: 0)
        #expect(keeper.step(wanted: 2, now: 10) == .dismiss)
        #expect(keeper.step(wanted: 2, now: 11) == .nothing)
        let isUnexpected = keeper.ended(now: 20, settings: settings)
        #expect(!isUnexpected)
        #expect(keeper.step(wanted: 2, now: 20) == .start(launch: 2))
    }

    @Test func oneThatDoesNotLeaveIsKilledOnce() {
        var keeper = JanitorKeeper()
        _ = keeper.step(wanted: 1, now: 0)
        #expect(keeper.nextAt == nil)
        #expect(keeper.step(wanted: 2, now: 10) == .dismiss)
        #expect(keeper.nextAt == 5_010)
        #expect(keeper.step(wanted: 1, now: 5_009) == .nothing)
        #expect(keeper.step(wanted: 2, now: 5_010) == .kill)
        #expect(keeper.step(wanted: 2, now: 9_000) == .nothing)
        #expect(keeper.nextAt == nil)
        let isUnexpected = keeper.ended(now: 9_001, settings: settings)
        #expect(!isUnexpected)
        #expect(keeper.step(wanted: 2, now: 9_001) == .start(launch: 2))
    }

    @Test func aStopLetsItGo() {
        var keeper = JanitorKeeper()
        _ = keeper.step(wanted: 1, now: 0)
        #expect(keeper.step(wanted: nil, now: 5) == .dismiss)
        _ = keeper.ended(now: 6, settings: settings)
        #expect(keeper.step(wanted: nil, now: 7) == .nothing)
        #expect(keeper.startAt == nil)
    }

    @Test func oneThatKeepsDyingIsStartedMoreAndMoreSlowly() {
        var keeper = JanitorKeeper()
        var now: Milliseconds = 0
        var pauses: [Milliseconds] = []
        for _ in 0..<5 {
            #expect(keeper.step(wanted: 1, now: now) == .start(launch: 1))
            let isUnexpected = keeper.ended(now: now, settings: settings)
            #expect(isUnexpected)
            let startAt = keeper.startAt ?? now
            pauses.append(startAt - now)
            if startAt > now { #expect(keeper.step(wanted: 1, now: startAt - 1) == .nothing) }
            now = startAt
        }
        #expect(pauses == [0, 100, 200, 400, 800])
    }
}
