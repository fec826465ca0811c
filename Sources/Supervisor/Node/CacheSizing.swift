// Another size for a cache that is in use: what can be done, and what to say where nothing can. Pure; growing is
// Node+Cache's business.

struct CacheSizing: Equatable {
    enum Verdict: Equatable {
        case same
        case grow
        /// The region is larger than the configuration says and stays so, for the reason given.
        case keep(String)
    }

    /// What the region has, and can have. Both are a little less than was asked for: whole segments.
    var sizeBytes: UInt64
    var largestBytes: UInt64
    var segmentBytes: UInt64

    /// `before` is what the configuration in force asks for, if that is known.
    func verdict(asked: UInt64, before: UInt64?) throws(Failure) -> Verdict {
        if asked == before { return .same }
        let slack = 2 * segmentBytes
        let wish = "cache size \(Quantity.show(bytes: asked))"
        if asked > sizeBytes + slack {
            guard asked <= largestBytes + slack else {
                throw .runtime(
                    "\(wish): the running cache was laid out for \(Quantity.show(bytes: largestBytes)) at most; ask "
                        + "for that or less, or start a new node with cache.max-size set")
            }
            return .grow
        }
        guard asked + slack < sizeBytes else { return .same }
        let size = Quantity.show(bytes: sizeBytes)
        let why = "the running cache has \(size), and a cache does not shrink while it is used"
        let way =
            "start the node anew for a smaller one (a cache file keeps its size: name another, or remove it first)"
        if let before, asked < before { throw .runtime("\(wish): \(why); keep cache.size as it was, or \(way)") }
        return .keep("\(wish) is not in force: \(why); \(way)")
    }
}
