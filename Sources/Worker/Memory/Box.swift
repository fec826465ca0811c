// One value in memory of its own, so that what holds it is a pointer wide: large values that cannot be copied are
// otherwise copied whole into every call that only looks at them.

@safe struct Box<Value: ~Copyable>: ~Copyable {
    let place: UnsafeMutablePointer<Value>

    init(_ value: consuming Value) {
        unsafe place = .allocate(capacity: 1)
        unsafe place.initialize(to: value)
    }

    deinit {
        unsafe place.deinitialize(count: 1)
        unsafe place.deallocate()
    }

    var value: Value {
        @inline(__always) unsafeAddress { unsafe UnsafePointer(place) }
        @inline(__always) unsafeMutableAddress { unsafe place }
    }
}
