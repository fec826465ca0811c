// How a worker treats its origins, as the snapshot carries it: balancing, health, TLS, names. What an origin is stands
// in ConfigurationSnapshot.

/// Which of several origins gets a request.
package enum Balance: UInt8, Sendable {
    /// Of two picked at random by weight, the one with less to do.
    case powerOfTwo = 1
    /// The same origin for the same key, as long as it is healthy.
    case consistentHash = 2
}

/// Certificates of origins with `https`.
package struct OriginTLS: Equatable, Sendable {
    /// PEM file of the authorities that are trusted; empty for the system's.
    package var authorityFile = ""
    package var verifies = true

    package init() {}
}

/// When an origin counts as down, and as up again.
package struct HealthSettings: Equatable, Sendable {
    /// Asked of every origin at an interval; empty for no active checks.
    package var path = ""
    package var intervalMilliseconds: UInt32 = 5_000
    package var timeoutMilliseconds: UInt32 = 2_000
    /// Checks in a row that must succeed, or fail, before the verdict changes.
    package var rise: UInt32 = 2
    package var fall: UInt32 = 3
    /// Requests in a row that fail before an origin is left out for a while; 0 for never.
    package var ejectAfter: UInt32 = 5
    package var ejectMilliseconds: UInt32 = 10_000

    package init() {}
}

/// How workers learn the addresses of origins anew.
package struct DNSSettings: Equatable, Sendable {
    /// ADDRESS:PORT of the servers to ask; empty for those of the system.
    package var servers: [String] = []
    /// Bounds of how long an answer is used.
    package var minimumMilliseconds: UInt32 = 5_000
    package var maximumMilliseconds: UInt32 = 3_600_000

    package init() {}
}

extension ConfigurationSnapshot {
    /// What came after the first layout; an older frame ends before it.
    func encodeOriginSettings(into writer: inout WireWriter) {
        writer.put(list: sites) { writer, site in
            writer.put(site.originCount)
            writer.put(site.balance.rawValue)
        }
        writer.put(list: origins) { writer, origin in
            writer.put(origin.weight)
            writer.put(origin.serverName)
        }
        writer.put(tls.authorityFile)
        writer.put(tls.verifies)
        writer.put(health.path)
        for value in [
            health.intervalMilliseconds, health.timeoutMilliseconds, health.rise, health.fall, health.ejectAfter,
            health.ejectMilliseconds,
        ] { writer.put(value) }
        writer.put(list: dns.servers) { $0.put($1) }
        for value in [
            dns.minimumMilliseconds, dns.maximumMilliseconds, pool.waitingRequests, pool.waitMilliseconds,
        ] { writer.put(value) }
    }

    mutating func decodeOriginSettings(from reader: inout WireReader) throws(ControlError) {
        let groups = try reader.takeList { (reader) throws(ControlError) in
            (count: try reader.take(UInt16.self), balance: try reader.takeCase(Balance.self))
        }
        guard groups.count == sites.count else { throw .malformed("balancing of \(groups.count) sites") }
        for (index, group) in groups.enumerated() {
            sites[index].originCount = group.count
            sites[index].balance = group.balance
            guard group.count > 0, Int(sites[index].origin) + Int(group.count) <= origins.count else {
                throw .malformed("site \(sites[index].name) has no origins")
            }
        }
        let details = try reader.takeList { (reader) throws(ControlError) in
            (weight: try reader.take(UInt32.self), name: try reader.takeText())
        }
        guard details.count == origins.count else { throw .malformed("weights of \(details.count) origins") }
        for (index, detail) in details.enumerated() {
            origins[index].weight = detail.weight
            origins[index].serverName = detail.name
        }
        tls.authorityFile = try reader.takeText()
        tls.verifies = try reader.takeBool()
        health.path = try reader.takeText()
        health.intervalMilliseconds = try reader.take()
        health.timeoutMilliseconds = try reader.take()
        health.rise = try reader.take()
        health.fall = try reader.take()
        health.ejectAfter = try reader.take()
        health.ejectMilliseconds = try reader.take()
        dns.servers = try reader.takeList { (reader) throws(ControlError) in try reader.takeText() }
        dns.minimumMilliseconds = try reader.take()
        dns.maximumMilliseconds = try reader.take()
        pool.waitingRequests = try reader.take()
        pool.waitMilliseconds = try reader.take()
    }
}
