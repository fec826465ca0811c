// The configuration as workers see it: plain numbers, names and resolved addresses, checked by the supervisor and
// written to a memfd. Text, defaults and suggestions belong to the supervisor; how it is encoded is SnapshotCoding.

package struct ConfigurationSnapshot: Equatable, Sendable {
    /// Counts configurations of a node, from 1; shown by `martlet status`.
    package var revision: UInt64 = 1
    /// Listening addresses; `ListenerPlace.address` is an index here. The order of an address never changes while it
    /// is configured, an address that was removed leaves a hole (`isActive` false).
    package var addresses: [ListenAddress] = []
    package var sites: [Site] = []
    package var origins: [Origin] = []
    package var timeouts = Timeouts()
    package var limits = Limits()
    package var policy = PolicyNumbers()
    package var pool = PoolLimits()
    package var cache = CacheLimits()
    package var tls = OriginTLS()
    package var health = HealthSettings()
    package var dns = DNSSettings()
    /// The received-by part of `Via` and the name in `Cache-Status`.
    package var pseudonym = "martlet"
    package var backend = IOBackend.auto

    package init() {}
}

package struct ListenAddress: Equatable, Sendable {
    package var address: SocketAddress
    package var isActive: Bool

    package init(address: SocketAddress, isActive: Bool = true) {
        self.address = address
        self.isActive = isActive
    }
}

/// A set of host names served in the same way.
package struct Site: Equatable, Sendable {
    package var name: String
    /// Lower-case host names without port; empty means every host that no other site names.
    package var hosts: [String]
    /// The first of the site's origins in `origins`; the others follow it.
    package var origin: UInt16
    package var originCount: UInt16
    package var balance: Balance

    package init(
        name: String, hosts: [String], origin: UInt16, originCount: UInt16 = 1, balance: Balance = .powerOfTwo
    ) {
        self.name = name
        self.hosts = hosts
        self.origin = origin
        self.originCount = originCount
        self.balance = balance
    }
}

package struct Origin: Equatable, Sendable {
    package enum Scheme: UInt8, Sendable {
        case http = 1
        case https = 2
    }

    package enum HostHeader: UInt8, Sendable {
        /// What the client asked for.
        case client = 1
        /// The origin's own name and port.
        case origin = 2
    }

    package var scheme: Scheme
    /// As configured, lower case, without brackets.
    package var host: String
    package var port: UInt16
    /// What the name resolved to when the configuration was loaded; none where only the worker may ask.
    package var addresses: [SocketAddress]
    package var hostHeader: HostHeader
    /// Share of the requests, relative to the site's other origins.
    package var weight: UInt32 = 1
    /// The name its certificate must have, and that is asked for; empty for `host`.
    package var serverName = ""

    package init(
        scheme: Scheme = .http, host: String, port: UInt16, addresses: [SocketAddress], hostHeader: HostHeader = .client
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.addresses = addresses
        self.hostHeader = hostHeader
    }
}

/// In milliseconds; 0 means no limit.
package struct Timeouts: Equatable, Sendable {
    /// A client connection between requests.
    package var idleMilliseconds: UInt32 = 60_000
    /// From the first byte of a request to the end of its head.
    package var requestHeadMilliseconds: UInt32 = 10_000
    /// Between two reads of a request body.
    package var requestBodyMilliseconds: UInt32 = 30_000
    /// Between two writes that the client takes.
    package var sendMilliseconds: UInt32 = 30_000
    package var originConnectMilliseconds: UInt32 = 5_000
    /// From the request's last byte to the response's first.
    package var originFirstByteMilliseconds: UInt32 = 30_000
    /// Between two reads of a response.
    package var originBetweenBytesMilliseconds: UInt32 = 30_000
    /// An origin connection in the pool.
    package var originIdleMilliseconds: UInt32 = 50_000
    /// A reader that waits for another worker's fill before it asks the origin itself.
    package var fillWaitMilliseconds: UInt32 = 10_000
    /// A tunnel without traffic.
    package var tunnelIdleMilliseconds: UInt32 = 600_000

    package init() {}
}

package struct Limits: Equatable, Sendable {
    package var requestLineBytes: UInt32 = 16_384
    package var fieldCount: UInt32 = 128
    /// All field lines of a request together.
    package var fieldSectionBytes: UInt32 = 65_536
    package var responseFieldSectionBytes: UInt32 = 65_536
    /// 0 means no limit.
    package var requestBodyBytes: UInt64 = 0
    package var connections: UInt32 = 65_536
    package var requestsPerConnection: UInt32 = 0
    package var pipelined: UInt32 = 64

    package init() {}
}

/// What `no-cache`, `max-age` and `min-fresh` of requests do to fresh answers.
package enum RequestAdvice: UInt8, Sendable, CaseIterable {
    /// They make the node ask the origin, at most once a second for each object.
    case limit = 0
    case obey = 1
    case ignore = 2
}

/// The codings that the node makes of hot text by itself.
package struct EncodedVariants: OptionSet, Equatable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static var gzip: EncodedVariants { EncodedVariants(rawValue: 1) }
    package static var br: EncodedVariants { EncodedVariants(rawValue: 2) }
    package static var zstd: EncodedVariants { EncodedVariants(rawValue: 4) }
    package static var all: EncodedVariants { [.gzip, .br, .zstd] }

    /// By the name that Content-Encoding has for it; nil for any other.
    package init?(name: String) {
        switch name {
        case "gzip": self = .gzip
        case "br": self = .br
        case "zstd": self = .zstd
        default: return nil
        }
    }
}

/// The settings of the cache policy, as plain numbers.
package struct PolicyNumbers: Equatable, Sendable {
    /// Lifetime where the origin gives none at all, 0 for none.
    package var defaultLifetimeSeconds: UInt32 = 0
    /// Share of the time since Last-Modified that a response without lifetime is fresh.
    package var heuristicPercent: UInt32 = 10
    package var heuristicMaximumSeconds: UInt32 = 86_400
    package var maximumLifetimeSeconds: UInt32 = 31_536_000
    /// Where the origin does not say: how long a stale response may be served while it is refreshed, or on an error.
    package var staleWhileRevalidateSeconds: UInt32 = 0
    package var staleIfErrorSeconds: UInt32 = 0
    /// How long a stale object is kept for validation and errors.
    package var keepStaleSeconds: UInt32 = 3_600
    /// How long "not cacheable" is remembered.
    package var hitForMissSeconds: UInt32 = 2
    package var requestDirectives = RequestAdvice.limit
    /// Whether the query's order matters for the key.
    package var sortsQuery = false
    package var cachesCookieResponses = false
    /// A range of an object longer than this is fetched by itself; 0 never.
    package var rangeOnlyBytes: UInt64 = 64 << 20
    package var choices = PolicyChoices()
    package var encodedVariants = EncodedVariants.all

    package init() {}
}

package struct PoolLimits: Equatable, Sendable {
    /// Per worker and origin.
    package var idleConnections: UInt32 = 64
    package var connections: UInt32 = 1_024
    /// Requests that wait for a connection when there are as many as allowed, and how long.
    package var waitingRequests: UInt32 = 1_024
    package var waitMilliseconds: UInt32 = 10_000

    package init() {}
}

package struct CacheLimits: Equatable, Sendable {
    /// Share of the cache that one object may take, in thousandths.
    package var objectSharePerMille: UInt32 = 250
    /// Bodies under this are never compressed.
    package var compressFromBytes: UInt32 = 512
    package var compresses = true

    package init() {}
}

package enum IOBackend: UInt8, Sendable, CaseIterable {
    case auto = 0
    case epoll = 1
    case uring = 2
}
