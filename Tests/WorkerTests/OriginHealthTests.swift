// When an origin counts as up: failures of requests in a row, checks in a row, and the way back.

import ControlChannel
import Testing

@testable import Worker

private func settings() -> HealthSettings {
    var settings = HealthSettings()
    settings.ejectAfter = 3
    settings.ejectMilliseconds = 1_000
    settings.rise = 2
    settings.fall = 3
    return settings
}

struct OriginHealthTests {
    @Test func failuresInARowEject() {
        var health = OriginHealth()
        #expect(health.requestFailed(nowMilliseconds: 0, settings()) == .none)
        #expect(health.requestFailed(nowMilliseconds: 0, settings()) == .none)
        health.requestSucceeded()
        #expect(health.requestFailed(nowMilliseconds: 0, settings()) == .none)
        #expect(health.requestFailed(nowMilliseconds: 0, settings()) == .none)
        #expect(health.isUp(nowMilliseconds: 0))
        #expect(health.requestFailed(nowMilliseconds: 0, settings()) == .ejected(milliseconds: 1_000))
        #expect(!health.isUp(nowMilliseconds: 999))
        #expect(health.isUp(nowMilliseconds: 1_000))
    }

    @Test func onProbationOneFailureIsEnoughAndThePauseGrowsToALimit() {
        var health = OriginHealth()
        for _ in 0..<2 { _ = health.requestFailed(nowMilliseconds: 0, settings()) }
        var now: Int64 = 0
        for round in 1...15 {
            let pause = 1_000 * min(Int64(round), OriginHealth.longestPause)
            #expect(health.requestFailed(nowMilliseconds: now, settings()) == .ejected(milliseconds: pause))
            // What was under way when it was left out says nothing new.
            #expect(health.requestFailed(nowMilliseconds: now + 1, settings()) == .none)
            now += pause
        }
        health.requestSucceeded()
        #expect(health.requestFailed(nowMilliseconds: now, settings()) == .none)
    }

    @Test func ejectionCanBeSwitchedOff() {
        var off = settings()
        off.ejectAfter = 0
        var health = OriginHealth()
        for _ in 0..<100 { #expect(health.requestFailed(nowMilliseconds: 0, off) == .none) }
        #expect(health.isUp(nowMilliseconds: 0))
    }

    @Test func checksInARowTakeItOutAndBringItBack() {
        var health = OriginHealth()
        #expect(health.checked(isGood: false, settings()) == .none)
        #expect(health.checked(isGood: false, settings()) == .none)
        #expect(health.checked(isGood: true, settings()) == .none)
        for _ in 0..<2 { #expect(health.checked(isGood: false, settings()) == .none) }
        #expect(health.checked(isGood: false, settings()) == .wentDown)
        #expect(!health.isUp(nowMilliseconds: .max))
        #expect(health.checked(isGood: true, settings()) == .none)
        #expect(health.checked(isGood: false, settings()) == .none)
        #expect(health.checked(isGood: true, settings()) == .none)
        #expect(health.checked(isGood: true, settings()) == .cameUp)
        #expect(health.isUp(nowMilliseconds: 0))
    }

    @Test func goodChecksEndAnEjectionToo() {
        var one = settings()
        one.fall = 1
        one.ejectAfter = 1
        var health = OriginHealth()
        #expect(health.requestFailed(nowMilliseconds: 0, one) == .ejected(milliseconds: 1_000))
        #expect(health.checked(isGood: false, one) == .wentDown)
        _ = health.checked(isGood: true, one)
        #expect(health.checked(isGood: true, one) == .cameUp)
        #expect(health.isUp(nowMilliseconds: 0))
    }
}
