// What the cache itself knows about an object besides its bytes. Response semantics stay in the opaque header block.

/// The few facts about an object that the cache needs; everything else belongs in the header block.
public struct ItemAttributes: Sendable, Equatable, BitwiseCopyable {
    /// Cache seconds at which the object was stored or last confirmed.
    public var storedSeconds: UInt32
    /// Cache seconds after which nobody can use it any more (freshness and all stale windows over): such space is
    /// reclaimed first. `UInt32.max` means never.
    public var expiresSeconds: UInt32
    /// The caller's site number, for per-site figures and dictionaries.
    public var site: UInt16
    /// What a fetch of it costs, in milliseconds.
    public var fetchCostMilliseconds: UInt16
    /// The caller's number for the kind of content, 0 for none: small objects of one site and class share a dictionary.
    public var contentClass: UInt16
    /// The caller's own bits.
    public var callerFlags: UInt16

    /// Attributes of an object.
    public init(
        storedSeconds: UInt32, expiresSeconds: UInt32 = .max, site: UInt16 = 0, fetchCostMilliseconds: UInt16 = 0,
        contentClass: UInt16 = 0, callerFlags: UInt16 = 0
    ) {
        self.storedSeconds = storedSeconds
        self.expiresSeconds = expiresSeconds
        self.site = site
        self.fetchCostMilliseconds = fetchCostMilliseconds
        self.contentClass = contentClass
        self.callerFlags = callerFlags
    }
}
