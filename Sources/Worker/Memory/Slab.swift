// A slab: numbered places for values that cannot be copied, at addresses that never move, with a generation per place
// so that an old number (an event still in the kernel's queue, a timer) cannot reach the place's next tenant.

/// A place in a slab together with the generation it was taken in.
struct SlabID: Equatable {
    var index: UInt32
    var generation: UInt32

    static let none = SlabID(index: .max, generation: 0)
    var isNone: Bool { index == .max }
}

@safe struct Slab<Element: ~Copyable>: ~Copyable {
    /// How many places are made ready at a time.
    private static var stepCapacity: Int { 256 }

    private struct Place {
        /// Odd while the place is taken.
        var generation: UInt32 = 0
        var nextFree: UInt32 = .max
    }

    // Address space for all values at once, memory only for those that were ever used: a multiplication finds a value.
    private let values: UnsafeMutablePointer<Element>
    private var places: UnsafeMutablePointer<Place>
    private var placeCapacity: Int
    private var placeCount = 0
    private var firstFree: UInt32 = .max
    private(set) var count = 0

    /// `limit` bounds how many values the slab may ever hold at once.
    init(limit: Int) {
        placeCapacity = limit
        unsafe values = .allocate(capacity: limit)
        unsafe places = .allocate(capacity: limit)
    }

    deinit {
        var index: UInt32 = 0
        while index < UInt32(placeCount) {
            if unsafe places[Int(index)].generation & 1 == 1 { unsafe address(index).deinitialize(count: 1) }
            index += 1
        }
        unsafe values.deallocate()
        unsafe places.deallocate()
    }

    @inline(__always)
    private func address(_ index: UInt32) -> UnsafeMutablePointer<Element> { unsafe values + Int(index) }

    var isFull: Bool { count == placeCapacity }

    /// Puts a value in a free place; nil when the limit is reached (the value is dropped).
    mutating func insert(_ value: consuming Element) -> SlabID? {
        if firstFree == .max {
            guard placeCount < placeCapacity else { return nil }
            addPlaces()
        }
        let index = firstFree
        unsafe firstFree = places[Int(index)].nextFree
        unsafe places[Int(index)].generation &+= 1
        unsafe address(index).initialize(to: value)
        count += 1
        return unsafe SlabID(index: index, generation: places[Int(index)].generation)
    }

    private mutating func addPlaces() {
        let end = min(placeCount + Self.stepCapacity, placeCapacity)
        var index = end
        while index > placeCount {
            index -= 1
            unsafe (places + index).initialize(to: Place(generation: 0, nextFree: firstFree))
            firstFree = UInt32(index)
        }
        placeCount = end
    }

    /// Takes the value out and frees its place.
    mutating func remove(_ index: UInt32) -> Element {
        precondition(isTaken(index), "slab place is empty")
        unsafe places[Int(index)].generation &+= 1
        unsafe places[Int(index)].nextFree = firstFree
        firstFree = index
        count -= 1
        return unsafe address(index).move()
    }

    /// Swaps in place: for the rare step that needs a value and a change of its slab at once.
    mutating func withTaken<Result: ~Copyable>(
        _ index: UInt32, _ other: UInt32, _ body: (inout Element, inout Element) -> Result
    ) -> Result {
        precondition(index != other && isTaken(index) && isTaken(other), "slab places must be taken and distinct")
        return unsafe body(&address(index).pointee, &address(other).pointee)
    }

    @inline(__always)
    func isTaken(_ index: UInt32) -> Bool {
        unsafe Int(index) < placeCount && places[Int(index)].generation & 1 == 1
    }

    /// Whether the value that got this identifier is still there.
    @inline(__always)
    func contains(_ id: SlabID) -> Bool {
        unsafe Int(id.index) < placeCount && places[Int(id.index)].generation == id.generation
    }

    func id(at index: UInt32) -> SlabID {
        unsafe SlabID(index: index, generation: places[Int(index)].generation)
    }

    /// One past the highest place ever used; for walks over all values.
    var endIndex: UInt32 { UInt32(placeCount) }

    @inline(__always)
    func mutablePointer(_ index: UInt32) -> UnsafeMutablePointer<Element> {
        precondition(isTaken(index), "slab place is empty")
        return unsafe address(index)
    }

    @inline(__always)
    func pointer(_ index: UInt32) -> UnsafePointer<Element> {
        unsafe UnsafePointer(mutablePointer(index))
    }

    subscript(_ index: UInt32) -> Element {
        @inline(__always) unsafeAddress { unsafe pointer(index) }
        @inline(__always) unsafeMutableAddress { unsafe mutablePointer(index) }
    }
}
