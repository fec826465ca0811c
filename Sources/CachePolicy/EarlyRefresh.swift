// Probabilistic early refresh (XFetch): one request refreshes a hot object shortly before it expires, so that no
// crowd meets at its expiry. Integers only.

package enum EarlyRefresh {
    /// Whether this request should refresh: now + cost x beta x -ln(random) is past the expiry.
    ///
    /// - Parameters:
    ///   - remainingMilliseconds: until expiry.
    ///   - lifetimeMilliseconds: of the whole freshness. Never in its first three quarters: what lives not much longer
    ///     than its fetch takes would be fetched over and over.
    ///   - costMilliseconds: what the last fetch took.
    ///   - betaPercent: 100 is beta 1; 0 never.
    ///   - random: uniform over all 64 bits.
    package static func isDue(
        remainingMilliseconds: Int64, lifetimeMilliseconds: Int64, costMilliseconds: UInt32, betaPercent: UInt32,
        random: UInt64
    ) -> Bool {
        guard costMilliseconds > 0, betaPercent > 0, remainingMilliseconds <= lifetimeMilliseconds / 4 else {
            return false
        }
        // At most 45 nats x 2^32 ms x 2^32 % would overflow; no sane cost does after the clamps.
        let weight = UInt64(min(costMilliseconds, 600_000)) * UInt64(min(betaPercent, 10_000))
        let lead = (weight * negativeLogarithm(random) / 100) >> 10
        return remainingMilliseconds <= Int64(lead)
    }

    /// -ln(random / 2^64) in 1/1024, from the bit length and the ten bits below the leading one; the parabola makes up
    /// for log2(1 + f) not being f.
    static func negativeLogarithm(_ random: UInt64) -> UInt64 {
        let value = max(random, 1)
        let zeros = UInt64(value.leadingZeroBitCount)
        let fraction = ((value << zeros) << 1) >> 54
        let logarithm2 = ((63 - zeros) << 10) + fraction + ((fraction * (1024 - fraction) * 351) >> 20)
        return (((64 << 10) - logarithm2) * 710) >> 10
    }
}
