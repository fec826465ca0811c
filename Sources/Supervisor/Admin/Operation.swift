// Operations that somebody waits for: numbered, with a line per step and an outcome. The log is bounded and travels
// through an upgrade of the supervisor, so that the waiting command finds its outcome afterwards.
import Glibc

/// How many seconds somebody may wait for a change.
enum Patience {
    static let bounds = "above 0 and at most 1000000 seconds"

    static func allows(_ seconds: Double) -> Bool { seconds > 0 && seconds <= 1e6 }
}

struct Operation: Codable, Sendable, Equatable {
    struct Outcome: Codable, Sendable, Equatable {
        var succeeded: Bool
        var text: String
    }

    var id: UInt32
    var kind: String
    var progress: [String] = []
    var outcome: Outcome?
}

struct OperationLog: Codable, Sendable, Equatable {
    private(set) var operations: [Operation] = []
    private var next: UInt32
    private static let kept = 64

    /// Each supervisor process begins at a number of its own, so that whoever waits for an operation of a dead one is
    /// not told of another.
    init(first: UInt32 = UInt32(getpid()) &* 1000 &+ 1) { next = first }

    mutating func begin(_ kind: String) -> OperationID {
        let id = next
        next += 1
        operations.append(Operation(id: id, kind: kind))
        while operations.count > Self.kept, let index = operations.firstIndex(where: { $0.outcome != nil }) {
            operations.remove(at: index)
        }
        return OperationID(number: id)
    }

    mutating func progress(_ id: OperationID, _ line: String) {
        guard let index = index(of: id), operations[index].progress.last != line else { return }
        operations[index].progress.append(line)
    }

    mutating func finish(_ id: OperationID, succeeded: Bool, _ text: String) {
        guard let index = index(of: id), operations[index].outcome == nil else { return }
        operations[index].outcome = Operation.Outcome(succeeded: succeeded, text: text)
    }

    func operation(_ number: UInt32) -> Operation? { operations.first { $0.id == number } }

    private func index(of id: OperationID) -> Int? { operations.firstIndex { $0.id == id.number } }
}
