// The clock that every process of a node shares. Here: the value only; reading it is CacheRegion.now().

/// A point of cache time: CLOCK_BOOTTIME plus the region's offset, which makes it wall-clock time as of the first
/// attach of a boot. It does not jump when somebody sets the system clock; the supervisor moves the offset then.
public struct CacheInstant: Comparable, Sendable, BitwiseCopyable {
    /// Nanoseconds since 1970-01-01 00:00 UTC, as the cache counts them.
    public var nanoseconds: Int64

    /// An instant from nanoseconds of cache time.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// An instant at a whole second of cache time.
    public init(seconds: UInt32) {
        self.nanoseconds = Int64(seconds) * 1_000_000_000
    }

    /// Cache seconds, the unit that items store.
    public var seconds: UInt32 {
        UInt32(truncatingIfNeeded: max(0, nanoseconds) / 1_000_000_000)
    }

    /// Whether a rest until here, of no more than `longest` nanoseconds, goes on at `now`. One that would last longer
    /// was begun before the clock was set back: it is over.
    public func isAhead(of now: CacheInstant, longest: Int64) -> Bool {
        self > now && nanoseconds - now.nanoseconds <= longest
    }

    public static func < (a: CacheInstant, b: CacheInstant) -> Bool {
        a.nanoseconds < b.nanoseconds
    }
}
