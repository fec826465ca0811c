// Values kept for reuse, last in first out: the most recently used one is the warmest in the caches.

@safe struct Pool<Element: ~Copyable>: ~Copyable {
    private let storage: UnsafeMutablePointer<Element>
    private let retainedLimit: Int
    private(set) var count = 0

    /// What is given back beyond `retainedLimit` is freed.
    init(retainedLimit: Int) {
        self.retainedLimit = retainedLimit
        unsafe storage = .allocate(capacity: max(retainedLimit, 1))
    }

    deinit {
        unsafe storage.deinitialize(count: count)
        unsafe storage.deallocate()
    }

    mutating func give(_ element: consuming Element) {
        guard count < retainedLimit else { return }
        unsafe (storage + count).initialize(to: element)
        count += 1
    }

    mutating func take() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return unsafe (storage + count).move()
    }
}
