// A storm of HUP: one reload is under way, one waits, and the rest join it.
import Testing

@testable import Supervisor

@Suite struct HangupReloadsTests {
    private var hangups = HangupReloads()
    private let first = OperationID(number: 1)
    private let second = OperationID(number: 2)

    @Test mutating func joinOneThatHasNotReadTheConfiguration() {
        let answers = signals(1)
        hangups.add(first)
        let more = signals(3)
        #expect(answers == [.begin])
        #expect(more == [.join(isFirst: true), .join(isFirst: false), .join(isFirst: false)])
        #expect(!hangups.wantsAnother)
        hangups.begins(first)
        let another = hangups.ended(first)
        #expect(!another && hangups == HangupReloads())
    }

    @Test mutating func oneMoreFollowsOneThatHasReadIt() {
        hangups.add(first)
        hangups.begins(first)
        let answers = signals(20)
        #expect(answers == [.join(isFirst: true)] + [HangupReloads.Answer](repeating: .join(isFirst: false), count: 19))
        #expect(hangups.wantsAnother)
        let another = hangups.ended(first)
        #expect(another)
        hangups.add(second)
        let last = hangups.ended(second)
        #expect(!last)
    }

    @Test mutating func otherOperationsChangeNothing() {
        hangups.add(first)
        hangups.begins(second)
        _ = signals(1)
        #expect(!hangups.wantsAnother)
        let another = hangups.ended(second)
        #expect(!another)
    }

    private mutating func signals(_ count: Int) -> [HangupReloads.Answer] {
        var answers: [HangupReloads.Answer] = []
        for _ in 0..<count { answers.append(hangups.signal()) }
        return answers
    }
}
