// Probabilistic early refresh (XFetch): one request refreshes a hot object shortly before it expires, so that no
// crowd meets at its expiry. Integers only.

package enum EarlyRefresh {
    /// Whether this request should refresh: now + cost x beta x -ln(random) is past the expiry.
    ///
    /// - Parameters:
    ///   - remainingMilliseconds: until expiry.
    ///   - costMilliseconds: what the last fetch took.
    ///   - betaPercent: 100 is beta 1; 0 never.
    ///   - random: uniform over all 64 bits.
    package static func isDue(
        remainingMilliseconds: Int64, costMilliseconds: UInt32, betaPercent: UInt32, random: UInt64
    ) -> Bool { false }
}
