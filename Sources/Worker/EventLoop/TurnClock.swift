// The times of one loop turn, read once: every decision of a turn is made at the same moment.

internal import CLinux
internal import ShmCache

struct TurnClock {
    /// Milliseconds since boot, for timers; nobody moves these.
    private(set) var milliseconds: Int64
    /// Cache time, shared by all workers.
    private(set) var cache: CacheInstant

    /// One reading serves both: timers count the time since boot, cache time is that plus an offset.
    init(_ lane: borrowing Lane) {
        let sinceBoot = cl_boottime_nanoseconds()
        milliseconds = sinceBoot / 1_000_000
        cache = lane.instant(sinceBootNanoseconds: sinceBoot)
    }

    /// Unix milliseconds as the cache counts them.
    var unixMilliseconds: Int64 { cache.nanoseconds / 1_000_000 }
}
