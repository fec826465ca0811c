// The directives about origins: balancing, certificates, health, names, pools.
import ControlChannel
import Foundation

extension Directive {
    static let balances: KeyValuePairs<String, Balance> = [
        "power-of-two": .powerOfTwo, "consistent-hash": .consistentHash,
    ]
    static let hostFields: KeyValuePairs<String, Origin.HostHeader> = ["client": .client, "origin": .origin]

    static let originSettings: [Directive] = [
        .init(
            "balance", .choice(balances, \.balance),
            "Which of several origins gets a request: the less busy of two by weight, or always the same for a key"
        ),
        .init(
            "origin-tls.ca-file",
            .text { (s, path) throws(Failure) in
                guard FileManager.default.isReadableFile(atPath: path) else {
                    throw .usage("certificate file '\(path)' does not exist or cannot be read")
                }
                s.base.tls.authorityFile = path
            }, "PEM file of the authorities that https origins must be certified by", otherwise: "the system's"),
        .init(
            "origin-tls.verify", .flag(.at(\.base.tls.verifies)),
            "Whether an https origin must prove its name; false is for tests only"),
        .init(
            "health.path",
            .text { (s, path) throws(Failure) in
                guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), path.utf8.count < 1024 else {
                    throw .usage("expected a path such as /healthz, found '\(path)'")
                }
                s.base.health.path = path
            }, "Asked of every origin at an interval: 200 to 399 is healthy; no active checks without it",
            otherwise: "none"),
        .init(
            "health.interval", .milliseconds(.at(\.base.health.intervalMilliseconds, atLeast: 50)),
            "Between two checks of an origin"),
        .init(
            "health.timeout", .milliseconds(.at(\.base.health.timeoutMilliseconds, atLeast: 10)),
            "How long a check may take"),
        .init("health.rise", .count(1...1_000, .at(\.base.health.rise)), "Good checks in a row that bring it back"),
        .init("health.fall", .count(1...1_000, .at(\.base.health.fall)), "Bad checks in a row that take it out"),
        .init(
            "health.eject-after", .count(0...100_000, .at(\.base.health.ejectAfter)),
            "Requests that fail in a row before an origin is left out for a while; 0 for never"),
        .init(
            "health.eject-for", .milliseconds(.at(\.base.health.ejectMilliseconds, atLeast: 1)),
            "How long it is left out the first time; each further time in a row longer"),
        .init(
            "dns.servers",
            .texts(
                { (text) throws(Failure) in
                    guard SocketAddress(nameServer: text) == nil else { return }
                    throw .usage("expected ADDRESS:PORT of a name server, such as 192.0.2.53:53, found '\(text)'")
                }, { $0.base.dns.servers = $1 }), "ADDRESS:PORT of the name servers",
            otherwise: "the system's"),
        .init(
            "dns.minimum-ttl", .milliseconds(.at(\.base.dns.minimumMilliseconds, atLeast: 100)),
            "Shortest time that an origin's addresses are used before they are asked for again"),
        .init(
            "dns.maximum-ttl", .milliseconds(.at(\.base.dns.maximumMilliseconds, atLeast: 1_000)),
            "Longest time that an origin's addresses are used"),
        .init(
            "pool.queue", .count(0...1_000_000, .at(\.base.pool.waitingRequests)),
            "Requests per worker and origin that wait when there are pool.connections of them"),
        .init(
            "pool.queue-time", .milliseconds(.at(\.base.pool.waitMilliseconds)), "How long such a request waits"),
    ]
}
