// The timing wheel against a sorted list: same timers out, never early, at most a tick late.

import Dice
import Testing

@testable import Worker

struct TimerWheelTests {
    @Test func expiresInOrderAndNeverEarly() {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var generator = Xorshift(state: seed)
        var wheel = TimerWheel(capacity: 4096, nowMilliseconds: 1_000_000)
        var now: Int64 = 1_000_000
        var due: [UInt64: Int64] = [:]
        var handles: [UInt64: TimerHandle] = [:]
        var next: UInt64 = 0
        for _ in 0..<20_000 {
            switch generator.next() % 4 {
            case 0, 1:
                let span = Int64(generator.next() % [50, 2_000, 100_000, 20_000_000][Int(generator.next() % 4)])
                let handle = wheel.arm(deadlineMilliseconds: now + span, owner: next)
                guard handle.isArmed else { break }
                due[next] = now + span
                handles[next] = handle
                next += 1
            case 2:
                guard let owner = handles.keys.min() else { break }
                var handle = handles[owner] ?? TimerHandle()
                wheel.cancel(&handle)
                due[owner] = nil
                handles[owner] = nil
            default:
                now += Int64(generator.next() % 5_000)
                while let owner = wheel.nextExpired(nowMilliseconds: now) {
                    let deadline = due[owner]
                    #expect(deadline != nil, "timer \(owner) fired twice or after its cancellation")
                    #expect((deadline ?? .max) <= now, "timer \(owner) fired early")
                    due[owner] = nil
                    handles[owner] = nil
                }
                let late = due.values.filter { $0 <= now - TimerWheel.tickMilliseconds }
                #expect(late.isEmpty, "\(late.count) timers are overdue at \(now)")
            }
            let armed = wheel.armedCount
            #expect(armed == due.count)
        }
    }

    @Test func sleepsNoLongerThanTheNextTimer() {
        var wheel = TimerWheel(capacity: 8, nowMilliseconds: 0)
        let idle = wheel.sleepMilliseconds(nowMilliseconds: 0)
        #expect(idle == -1)
        var handle = wheel.arm(deadlineMilliseconds: 100, owner: 1)
        let sleep = Int64(wheel.sleepMilliseconds(nowMilliseconds: 0))
        #expect(sleep >= 16 && sleep <= 100 + TimerWheel.tickMilliseconds)
        wheel.cancel(&handle)
        let after = wheel.sleepMilliseconds(nowMilliseconds: 0)
        #expect(after == -1)
    }

    @Test func refusesMoreThanItHolds() {
        var wheel = TimerWheel(capacity: 2, nowMilliseconds: 0)
        let armed = (1...3).map { wheel.arm(deadlineMilliseconds: 10, owner: UInt64($0)).isArmed }
        #expect(armed == [true, true, false])
    }
}

struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
