// Which site a request belongs to, by its host: decided as soon as the authority is known. Built once per
// configuration.

internal import ControlChannel
internal import HTTPMessage

/// What the rest of the worker needs of a site.
struct Route {
    /// Index into the router's sites.
    var site: UInt16
    /// Index into the configuration's origins.
    var origin: UInt16
}

struct Router {
    private struct Host {
        var hash: UInt64
        var start: Int
        var count: Int
        var site: UInt16
    }

    private var hosts: [Host] = []
    private var hostBytes: [UInt8] = []
    private var origins: [UInt16] = []
    private var nameBytes: [UInt8] = []
    private var names: [Extent] = []
    /// The site for hosts that no site names; nil refuses them with 421.
    private var fallback: UInt16?
    /// The order of query arguments does not count.
    let sortsQuery: Bool

    init(_ snapshot: ConfigurationSnapshot) {
        sortsQuery = snapshot.policy.sortsQuery
        for (index, site) in snapshot.sites.enumerated() {
            origins.append(site.origin)
            names.append(Extent(start: nameBytes.count, end: nameBytes.count + site.name.utf8.count))
            nameBytes.append(contentsOf: site.name.utf8)
            if site.hosts.isEmpty { fallback = fallback ?? UInt16(index) }
            for host in site.hosts { add(Array(host.utf8), UInt16(index)) }
        }
    }

    private mutating func add(_ host: [UInt8], _ site: UInt16) {
        let hash = unsafe Self.hash(host.span.bytes)
        hosts.append(Host(hash: hash, start: hostBytes.count, count: host.count, site: site))
        hostBytes.append(contentsOf: host)
    }

    /// FNV-1a over the lower-cased host.
    private static func hash(_ host: RawSpan) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for offset in 0..<host.byteCount {
            hash = (hash ^ UInt64(lowercased(host.byte(at: offset)))) &* 0x100_0000_01b3
        }
        return hash
    }

    @inline(__always)
    private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 0x20 : byte }

    /// The route of a host (as sent, without port); nil when nobody serves it.
    func route(host: RawSpan) -> Route? {
        guard !hosts.isEmpty else { return fallback.map(route(site:)) }
        let hash = Self.hash(host)
        for candidate in hosts where candidate.hash == hash && candidate.count == host.byteCount {
            if matches(candidate, host) { return route(site: candidate.site) }
        }
        return fallback.map(route(site:))
    }

    private func matches(_ candidate: Host, _ host: RawSpan) -> Bool {
        for offset in 0..<candidate.count
        where hostBytes[candidate.start + offset] != Self.lowercased(host.byte(at: offset)) { return false }
        return true
    }

    private func route(site: UInt16) -> Route { Route(site: site, origin: origins[Int(site)]) }

    /// The site's name, part of its keys.
    @_lifetime(borrow self)
    borrowing func name(of site: UInt16) -> RawSpan {
        let bytes = unsafe _overrideLifetime(nameBytes.span.bytes, borrowing: self)
        return bytes.slice(names[Int(site)])
    }
}
