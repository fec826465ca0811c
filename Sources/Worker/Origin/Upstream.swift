// What a worker knows of one origin beside its connections: where it is now, how it does, and what was last said of it.

internal import ControlChannel

struct Upstream {
    let origin: Origin
    /// Where connections go; renewed by the resolver, never emptied by a failure.
    var addresses: [SocketAddress]
    var health = OriginHealth()
    /// An active check is under way.
    var isBeingChecked = false
    /// Counts changes of the addresses: a connection of an earlier one is not kept.
    var addressRevision: UInt32 = 0
    var resolveFailures = 0
    /// Exchanges that wait for a connection, the first to come first.
    var line: [SlabID] = []
    var lineTimer = TimerHandle()
    /// Of the last connection by TLS.
    var session: TLSSession?
    private var lastReportMilliseconds: Int64 = .min

    init(_ origin: Origin) {
        self.origin = origin
        addresses = origin.addresses
    }

    /// Host and port as a Host field has them.
    var authority: String {
        let host = origin.host.utf8.contains(UInt8(ascii: ":")) ? "[\(origin.host)]" : origin.host
        let usual: UInt16 = origin.scheme == .https ? 443 : 80
        return origin.port == usual ? host : "\(host):\(origin.port)"
    }

    var name: String { "origin \(origin.scheme == .https ? "https" : "http")://\(authority)" }

    /// The name a certificate must be for.
    var serverName: String { origin.serverName.isEmpty ? origin.host : origin.serverName }

    /// Whether there may be a line in the log about a failure: one a second at most.
    mutating func mayReport(nowMilliseconds: Int64) -> Bool {
        guard lastReportMilliseconds == .min || nowMilliseconds - lastReportMilliseconds >= 1_000 else { return false }
        lastReportMilliseconds = nowMilliseconds
        return true
    }
}
