// The times of one loop turn, read once: every decision of a turn is made at the same moment.

internal import CLinux
internal import ShmCache

struct TurnClock {
    /// Monotonic milliseconds, for timers.
    private(set) var milliseconds: Int64
    /// Cache time, shared by all workers.
    private(set) var cache: CacheInstant

    init(_ region: borrowing CacheRegion) {
        milliseconds = cl_monotonic_nanoseconds() / 1_000_000
        cache = region.now()
    }

    /// Unix milliseconds as the cache counts them.
    var unixMilliseconds: Int64 { cache.nanoseconds / 1_000_000 }
}
