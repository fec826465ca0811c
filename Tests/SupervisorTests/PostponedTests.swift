// What waits for an upgrade of the supervisor: in order, within its time, so many and no more.
import Testing

@testable import Supervisor

@Suite struct PostponedTests {
    private var postponed = PostponedChanges()

    private func change(_ number: UInt32, _ kind: PostponedChange.Kind, until deadline: Milliseconds = 100)
        -> PostponedChange
    {
        PostponedChange(operation: OperationID(number: number), kind: kind, deadline: deadline)
    }

    private let reload = PostponedChange.Kind.reload(RunFlags.Change(), worker: nil, what: "reload")

    @Test mutating func theyAreTakenInOrder() {
        let all = [change(1, reload), change(2, .resize(3)), change(3, .resize(4)), change(4, reload)]
        let added = all.map { postponed.add($0) }
        #expect(added == [true, true, true, true] && postponed.plannedCount == 4)
        let taken = all.map { _ in postponed.takeFirst() }
        let more = postponed.takeFirst()
        #expect(taken == all && more == nil && postponed.plannedCount == nil && postponed.nextDeadline == nil)
    }

    @Test mutating func theOverdueOnesLeaveTheOthers() {
        _ = postponed.add(change(1, reload, until: 300))
        _ = postponed.add(change(2, reload, until: 200))
        #expect(postponed.nextDeadline == 200)
        let expired = [199, 200].map { now in postponed.takeExpired(now: now).map(\.operation.number) }
        #expect(expired == [[], [2]])
        let rest = postponed.takeAll()
        #expect(rest.map(\.operation.number) == [1] && postponed.changes.isEmpty)
    }

    @Test mutating func thereAreSixteenAtMost() {
        let added = (0..<17).map { postponed.add(change(UInt32($0), reload)) }
        #expect(added == [Bool](repeating: true, count: 16) + [false])
        #expect(postponed.changes.count == 16)
    }
}
