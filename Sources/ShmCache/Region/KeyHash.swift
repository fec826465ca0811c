// The hash of keys, tags and hosts: keyed, so that nobody outside can choose what collides.

/// A region's hash function. Differs from region to region.
public struct KeyHash: Sendable {
    let seed: UInt64
    let final: UInt64

    /// The 64-bit hash of a key text, of a tag or of a host.
    @inline(__always)
    public func hash(_ key: RawSpan) -> UInt64 {
        var h = hash64(key, seed: seed) ^ final
        h = (h ^ (h >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return h ^ (h >> 29)
    }
}
