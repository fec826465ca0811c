// What a region went through before this process mapped it: how far its contents can be believed. A value only.

/// Where a region's contents come from.
public enum RegionHistory: Sendable, Equatable {
    /// Just created: empty.
    case new
    /// From this boot of the machine: the kernel kept the mapping coherent, whoever died.
    case sameBoot
    /// From another boot and marked clean at its end (`CacheRegion.markClean`): taken as it is.
    case cleanReboot
    /// From another boot that ended without a clean stop: only objects that could be verified byte by byte are left.
    case uncleanReboot
}
