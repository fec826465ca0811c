// The directives about origins: balancing, certificates, health, names, pools.
import ControlChannel
import Foundation

extension Directive {
    static let balances = ["power-of-two", "consistent-hash"]

    static func balance(_ name: String) -> Balance { name == "consistent-hash" ? .consistentHash : .powerOfTwo }

    static let originSettings: [Directive] = [
        .init(
            "balance", .choice(balances) { $0.balance = balance($1) },
            "Which of several origins gets a request: the less busy of two by weight, or always the same for a key"
        ),
        .init(
            "origin-tls.ca-file",
            .text { (s, path) throws(Failure) in
                guard FileManager.default.isReadableFile(atPath: path) else {
                    throw .usage("certificate file '\(path)' does not exist or cannot be read")
                }
                s.base.tls.authorityFile = path
            }, "PEM file of the authorities that https origins must be certified by; the system's without it"),
        .init(
            "origin-tls.verify", .flag { $0.base.tls.verifies = $1 },
            "Whether an https origin must prove its name; false is for tests only"),
        .init(
            "health.path",
            .text { (s, path) throws(Failure) in
                guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), path.utf8.count < 1024 else {
                    throw .usage("expected a path such as /healthz, found '\(path)'")
                }
                s.base.health.path = path
            }, "Asked of every origin at an interval: 200 to 399 is healthy; no active checks without it"),
        .init(
            "health.interval", .milliseconds { $0.base.health.intervalMilliseconds = max($1, 50) },
            "Between two checks of an origin"),
        .init(
            "health.timeout", .milliseconds { $0.base.health.timeoutMilliseconds = max($1, 10) },
            "How long a check may take"),
        .init("health.rise", .count(1...1_000) { $0.base.health.rise = $1 }, "Good checks in a row that bring it back"),
        .init("health.fall", .count(1...1_000) { $0.base.health.fall = $1 }, "Bad checks in a row that take it out"),
        .init(
            "health.eject-after", .count(0...100_000) { $0.base.health.ejectAfter = $1 },
            "Requests that fail in a row before an origin is left out for a while; 0 for never"),
        .init(
            "health.eject-for", .milliseconds { $0.base.health.ejectMilliseconds = max($1, 1) },
            "How long it is left out the first time; each further time in a row longer"),
        .init(
            "dns.servers",
            .texts(
                { (text) throws(Failure) in
                    guard SocketAddress(nameServer: text) == nil else { return }
                    throw .usage("expected ADDRESS:PORT of a name server, such as 192.0.2.53:53, found '\(text)'")
                }, { $0.base.dns.servers = $1 }), "ADDRESS:PORT of the name servers; the system's without it"),
        .init(
            "dns.minimum-ttl", .milliseconds { $0.base.dns.minimumMilliseconds = max($1, 100) },
            "Shortest time that an origin's addresses are used before they are asked for again"),
        .init(
            "dns.maximum-ttl", .milliseconds { $0.base.dns.maximumMilliseconds = max($1, 1_000) },
            "Longest time that an origin's addresses are used"),
        .init(
            "pool.queue", .count(0...1_000_000) { $0.base.pool.waitingRequests = $1 },
            "Requests per worker and origin that wait when there are pool.connections of them"),
        .init(
            "pool.queue-time", .milliseconds { $0.base.pool.waitMilliseconds = $1 }, "How long such a request waits"),
    ]
}
