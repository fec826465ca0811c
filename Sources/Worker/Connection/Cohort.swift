// A few connections that go through a step together.

struct Cohort {
    /// As many as one pass takes: the buffers of their answers should stay in the cache, and the first should not wait
    /// long for the last.
    static let limit = 16

    private var members = InlineArray<16, SlabID>(repeating: .none)
    private(set) var count = 0

    var isFull: Bool { count == Self.limit }

    /// Not when it is full.
    mutating func add(_ id: SlabID) {
        members[count] = id
        count += 1
    }

    mutating func removeAll() { count = 0 }

    subscript(_ index: Int) -> SlabID { members[index] }
}
