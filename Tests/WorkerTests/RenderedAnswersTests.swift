// When an answer is kept rendered, and when it stops being the right one.

import HTTPMessage
import Testing

@testable import ShmCache
@testable import Worker

struct RenderedAnswersTests {
    private static func mark(_ number: UInt32, gen: UInt32 = 1) -> Mark {
        Mark(segment: number, itemOffset: 64 * number, gen: gen, isSoftlyPurged: false)
    }

    private static func place(
        _ answers: inout RenderedAnswers, _ object: Mark, hash: UInt64 = 5, age: UInt64 = 3, closing: Bool = false,
        turn: UInt64 = 1
    ) -> RenderedAnswers.Place {
        answers.place(of: object, hash: hash, ageSeconds: age, isClosing: closing, turn: turn)
    }

    private static func render(_ answers: inout RenderedAnswers, _ slot: UInt16, _ text: StaticString) -> Bool {
        answers.render(slot) { buffer in buffer.write { $0.append(text) } }
    }

    @Test func theSecondRequestOfASecondIsRenderedAndTheThirdServed() {
        var answers = RenderedAnswers()
        #expect(Self.place(&answers, Self.mark(1)) == .none)
        #expect(Self.place(&answers, Self.mark(1)) == .wanted(5))
        let rendered = Self.render(&answers, 5, "answer")
        #expect(rendered)
        #expect(Self.place(&answers, Self.mark(1)) == .ready(5))
    }

    @Test func anotherAgeAnotherObjectAndAnotherGenerationAreNotServed() {
        var answers = RenderedAnswers()
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.render(&answers, 5, "answer")
        #expect(Self.place(&answers, Self.mark(1), age: 4) == .none)
        #expect(Self.place(&answers, Self.mark(1), age: 4) == .wanted(5))
        _ = Self.render(&answers, 5, "answer")
        #expect(Self.place(&answers, Self.mark(2), age: 4) == .none)
        #expect(Self.place(&answers, Self.mark(1), age: 4) == .none, "its slot was given up")
        _ = Self.place(&answers, Self.mark(1), age: 4)
        _ = Self.render(&answers, 5, "answer")
        #expect(Self.place(&answers, Self.mark(1, gen: 2), age: 4) == .none)
    }

    @Test func whatIsPromisedInATurnStaysForIt() {
        var answers = RenderedAnswers()
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.render(&answers, 5, "answer")
        answers.hold(5, turn: 1)
        #expect(Self.place(&answers, Self.mark(2)) == .none)
        #expect(Self.place(&answers, Self.mark(2)) == .none, "still the other's slot")
        #expect(Self.place(&answers, Self.mark(1)) == .ready(5))
        #expect(Self.place(&answers, Self.mark(2), turn: 2) == .none)
        #expect(Self.place(&answers, Self.mark(2), turn: 2) == .wanted(5))
    }

    @Test func theLastAnswerOfAConnectionIsAnother() {
        var answers = RenderedAnswers()
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.render(&answers, 5, "answer")
        #expect(Self.place(&answers, Self.mark(1), closing: true) == .none)
        guard case .wanted(let slot) = Self.place(&answers, Self.mark(1), closing: true) else {
            Issue.record("not wanted")
            return
        }
        _ = Self.render(&answers, slot, "last answer")
        #expect(Self.place(&answers, Self.mark(1), closing: true) == .ready(slot))
        #expect(Self.place(&answers, Self.mark(1)) == .ready(5))
    }

    @Test func whatCannotBeRenderedIsNotReady() {
        var answers = RenderedAnswers()
        _ = Self.place(&answers, Self.mark(1))
        _ = Self.place(&answers, Self.mark(1))
        let rendered = answers.render(5) { _ in false }
        #expect(!rendered)
        #expect(Self.place(&answers, Self.mark(1)) == .wanted(5))
    }

    @Test func hashesShareTheSlots() {
        var answers = RenderedAnswers()
        for hash in UInt64(0)..<64 {
            _ = Self.place(&answers, Self.mark(1), hash: hash)
            let again = Self.place(&answers, Self.mark(1), hash: hash)
            #expect(again == .wanted(UInt16(hash % UInt64(RenderedAnswers.slotCount))))
        }
    }
}
