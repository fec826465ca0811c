// Flags and file mean the same; every complaint names its place.
import ControlChannel
import Testing

@testable import Supervisor

private func parse(_ text: String) throws -> Settings {
    var settings = Settings()
    try ConfigFile(path: "m.yaml").parse(text, into: &settings)
    return settings
}

private func complaint(_ text: String) -> String {
    do {
        _ = try parse(text)
        return "no complaint"
    } catch {
        return "\(error)"
    }
}

struct ConfigFileTests {
    @Test func everyDirectiveHasAPlace() throws {
        let settings = try parse(
            """
            listen: [127.0.0.1:80, "[::1]:80"]
            origin: http://origin.example:3000
            workers: 3
            cache:
              size: 64MiB
              object-share: 12.5%
            timeouts: { idle: 75s, origin-connect: 250ms }
            limits:
              fields: 200
            policy:
              stale-if-error: 1h
              sort-query: true
              negative-lifetime: 1m
              named-fields: whole
              guard-deception: false
              ranges: 4
              encoded-variants: [br, gzip]
            sites:
              - hosts: [A.example]
                origin: http://127.0.0.1:1
            """)
        #expect(settings.listen.count == 2)
        #expect(settings.origin?.port == 3000)
        #expect(settings.workers == .count(3))
        #expect(settings.cacheSizeBytes == 64 << 20)
        #expect(settings.base.cache.objectSharePerMille == 125)
        #expect(settings.base.timeouts.idleMilliseconds == 75_000)
        #expect(settings.base.timeouts.originConnectMilliseconds == 250)
        #expect(settings.base.limits.fieldCount == 200)
        #expect(settings.base.policy.staleIfErrorSeconds == 3_600)
        #expect(settings.base.policy.sortsQuery)
        #expect(settings.base.policy.choices.negativeLifetimeSeconds == 60)
        #expect(settings.base.policy.choices.namedFieldsCountAsWhole)
        #expect(!settings.base.policy.choices.guardsAgainstDeception)
        #expect(settings.base.policy.choices.storesParts)
        #expect(settings.base.policy.choices.ranges == 4)
        #expect(settings.base.policy.encodedVariants == [.br, .gzip])
        #expect(try parse("policy: {encoded-variants: none}").base.policy.encodedVariants == [])
        #expect(settings.sites.first?.hosts == ["a.example"])
    }

    @Test func severalOrigins() throws {
        let settings = try parse(
            """
            balance: consistent-hash
            origins:
              - http://10.0.0.1:81
              - {url: "https://b.example", weight: 3, server-name: c.example}
            health: {path: /up, interval: 250ms, fall: 2, eject-after: 7, eject-for: 2s}
            dns: {servers: [127.0.0.1:5353], minimum-ttl: 1s}
            pool: {queue: 5, queue-time: 300ms}
            origin-tls: {verify: false}
            sites:
              - hosts: [d]
                balance: power-of-two
                origins: [http://e:1, http://f:2]
            """)
        #expect(settings.balance == .consistentHash)
        #expect(settings.origins.map(\.weight) == [1, 3])
        #expect(settings.origins.map(\.url.isSecure) == [false, true])
        #expect(settings.origins.map(\.url.port) == [81, 443])
        #expect(settings.origins[1].serverName == "c.example")
        #expect(settings.base.health.path == "/up" && settings.base.health.intervalMilliseconds == 250)
        #expect(settings.base.health.ejectAfter == 7 && settings.base.health.ejectMilliseconds == 2_000)
        #expect(settings.base.dns.servers == ["127.0.0.1:5353"])
        #expect(settings.base.pool.waitingRequests == 5 && settings.base.pool.waitMilliseconds == 300)
        #expect(!settings.base.tls.verifies)
        #expect(settings.sites.first?.origins.map(\.url.port) == [1, 2])
        #expect(settings.sites.first?.balance == .powerOfTwo)
    }

    @Test(arguments: [
        ("workres: 2", "m.yaml:1:1: unknown directive 'workres'; did you mean 'workers'?"),
        ("cache:\n  sise: 1MiB", "m.yaml:2:3: unknown directive 'sise' in 'cache'; did you mean 'size'?"),
        ("cache:\n  size: many", "m.yaml:2:9: expected a size such as 64KiB, found 'many'"),
        ("workers: 0", "m.yaml:1:10: workers '0': write a number from 1 to 32, or auto"),
        ("io: epol", "m.yaml:1:5: expected one of auto, epoll, uring, found 'epol'; did you mean 'epoll'?"),
        ("idle: 5s", "m.yaml:1:1: unknown directive 'idle'; did you mean 'timeouts.idle'?"),
        ("limits: {fields: 2}", "m.yaml:1:18: expected a number from 8 to 1024, found 2"),
        (
            "origin: ftp://x",
            "m.yaml:1:9: origin 'ftp://x': unknown scheme 'ftp'; write http://HOST[:PORT], for example http://127.0.0.1:3000"
        ),
        ("sites:\n  - hosts: [a]", "m.yaml:2:5: this site has no 'origin'"),
        (
            "sites:\n  - hosts: ['*.a']\n    origin: http://o",
            "m.yaml:2:13: expected a host such as www.example.com, found '*.a'; patterns are not supported, name each host"
        ),
        (
            "sites:\n  - hosts: [a:8080]\n    origin: http://o",
            "m.yaml:2:13: expected a host such as www.example.com, found 'a:8080'; "
                + "a host stands for all its ports, IPv6 addresses are in brackets"
        ),
        ("sites:\n  - hosts: [a, A]\n    origin: http://o", "m.yaml:2:16: host 'a' is there twice"),
        (
            "sites:\n  - {hosts: [a], origin: http://o}\n  - {hosts: [a], origin: http://p}",
            "m.yaml:3:14: host 'a' is the site's 'a' already"
        ),
        (
            "cache: 1",
            "m.yaml:1:8: 'cache' has settings of its own: cache.compress, cache.compress-from, cache.file, "
                + "cache.max-size, cache.object-share, cache.size"
        ),
        ("cache.size: 1MiB\ncache:\n  size: 2MiB", "m.yaml:3:3: 'cache.size' is there twice"),
        ("origins:\n  - http://a\n  - weight: 2", "m.yaml:3:5: this origin has no 'url'"),
        ("origins:\n  - {url: http://a, weight: 0}", "m.yaml:2:29: expected a weight from 1 to 1000, found '0'"),
        ("origins:\n  - {url: http://a, wait: 1}", "m.yaml:2:21: unknown directive 'wait' in an origin"),
        ("origins: []", "m.yaml:1:10: 'origins' must be a list of URLs"),
        (
            "balance: hash", "m.yaml:1:10: expected one of power-of-two, consistent-hash, found 'hash'"
        ),
        (
            "origin-tls:\n  ca-file: /nowhere.pem",
            "m.yaml:2:12: certificate file '/nowhere.pem' does not exist or cannot be read"
        ),
        ("health: {path: up}", "m.yaml:1:16: expected a path such as /healthz, found 'up'"),
        (
            "dns: {servers: [x]}",
            "m.yaml:1:17: expected ADDRESS:PORT of a name server, such as 192.0.2.53:53, found 'x'"
        ),
        (
            "dns:\n  servers: [127.0.0.1:53, 0]",
            "m.yaml:2:27: expected ADDRESS:PORT of a name server, such as 192.0.2.53:53, found '0'"
        ),
        (
            "listen: [127.0.0.1:80, nonsense]",
            "m.yaml:1:24: listen address 'nonsense': write HOST:PORT, for example 127.0.0.1:8080 or *:8080"
        ),
        (
            "origin: http://a\norigins: [http://b]",
            "m.yaml:2:1: both 'origin' and 'origins' are configured; keep one of them"
        ),
        (
            "origins: [http://b]\norigin: http://a",
            "m.yaml:2:1: both 'origin' and 'origins' are configured; keep one of them"
        ),
        (
            "sites:\n  - hosts: [a]\n    origin: http://a\n    origins: [http://b]",
            "m.yaml:4:5: both 'origin' and 'origins' are configured; keep one of them"
        ),
        (
            "pseudonym: a b",
            "m.yaml:1:12: expected a letter and up to 31 more letters, digits, '-', '.' or '_', found 'a b'"
        ),
        (
            "cache:\n\tsize: 1MiB",
            "m.yaml:2:1: found character that cannot start any token; use spaces, not tabs"
        ),
    ])
    func complaintsNameTheirPlace(_ text: String, _ expected: String) {
        #expect(complaint(text) == expected)
    }

    @Test(arguments: [
        ("worker: /nowhere", "m.yaml:1:9: worker binary /nowhere does not exist or is not executable"),
        (
            "max-workers: 4\nworkers: 9\norigin: http://127.0.0.1:9\nworker: /bin/sh",
            "m.yaml:1:14: workers: 9 is more than max-workers 4"
        ),
        (
            "cache: {max-size: 0}",
            "m.yaml:1:19: cache.max-size 0 B with a cache size of 512 MiB: it must not be less"
        ),
    ])
    func whatIsJudgedLaterNamesItsPlaceToo(_ text: String, _ expected: String) throws {
        let settings = try parse(text)
        let failure = #expect(throws: Failure.self) {
            try settings.checkMaximum()
            try settings.checkWorkerCount(9)
            _ = try LoadedConfiguration.workerPath(settings)
        }
        #expect(failure == .usage(expected))
    }

    @Test func pseudonymsAreTokens() throws {
        #expect(try parse("pseudonym: edge-1.example").base.pseudonym == "edge-1.example")
        for name in ["1edge", "a/b", String(repeating: "a", count: 33)] {
            #expect(complaint("pseudonym: \(name)").hasPrefix("m.yaml:1:12: expected a letter"))
        }
    }

    @Test func secondsAreRoundedUp() throws {
        let rounded = [
            ("500ms", 1), ("1ms", 1), ("1s", 1), ("1001ms", 2), ("0", 0), ("off", 0), ("48d", 4_147_200),
            ("36525d", 3_155_760_000),
        ]
        for (text, seconds) in rounded {
            #expect(try parse("restart: {orphan: \(text)}").orphanSeconds == UInt32(seconds))
        }
        #expect(try parse("policy: {stale-if-error: 300ms}").base.policy.staleIfErrorSeconds == 1)
        #expect(try parse("policy: {maximum-lifetime: 365d}").base.policy.maximumLifetimeSeconds == 31_536_000)
        #expect(complaint("restart: {orphan: 36526d}").contains("at most 36525d"))
        #expect(complaint("timeouts: {idle: 49d}").contains("at most 48d"))
    }

    @Test func nullIsNoText() throws {
        #expect(complaint("cache: {file: ~}").contains("expected a value"))
        #expect(complaint("cache: {file: null}").contains("expected a value"))
        #expect(try parse("cache: {file: '~'}").cacheFile == "~")
    }

    @Test func aFileThatCannotBeReadSaysWhy() {
        for (path, why) in [("/", "cannot be read: Is a directory"), ("/nowhere.yaml", "does not exist")] {
            var settings = Settings()
            let failure = #expect(throws: Failure.self) { try ConfigFile.read(path: path, into: &settings) }
            #expect(failure == .usage("configuration file \(path) \(why)"))
        }
    }

    @Test func brokenYAMLNamesItsPlace() {
        #expect(complaint("workers: [1").hasPrefix("m.yaml:"))
        #expect(complaint("workers: 1\nworkers: 2").contains("workers"))
    }

    @Test func randomTextNeverTraps() {
        let pieces = [
            "cache", ":", " ", "\n", "-", "size", "[", "]", "{", "}", "1", "workers", "\t", "&a", "*a", "!!x", "%",
        ]
        for _ in 0..<500 {
            let text = (0..<12).map { _ in pieces.randomElement() ?? "" }.joined()
            _ = try? parse(text)
        }
    }
}

struct QuantityTests {
    @Test func sizesAndDurations() {
        #expect(Quantity.bytes("512MiB") == 512 << 20)
        #expect(Quantity.bytes("1.5 GiB") == 1_610_612_736)
        #expect(Quantity.bytes("10kB") == 10_000)
        #expect(Quantity.bytes("10 parsecs") == nil)
        #expect(Quantity.bytes("-1") == nil)
        #expect(Quantity.milliseconds("1.5s") == 1_500)
        #expect(Quantity.milliseconds("2m") == 120_000)
        #expect(Quantity.milliseconds("x") == nil)
        #expect(Quantity.perMille("25%") == 250)
        #expect(Quantity.show(bytes: 1_610_612_736) == "1.5 GiB")
    }

    @Test(arguments: [
        ("127.0.0.1:8080", ["127.0.0.1:8080"]), ("*:80", ["0.0.0.0:80", "[::]:80"]),
        ("8080", ["0.0.0.0:8080", "[::]:8080"]),
        ("[::1]:443", ["[::1]:443"]), ("unix:/tmp/x", ["unix:/tmp/x"]),
    ])
    func listenAddresses(_ text: String, _ expected: [String]) throws {
        #expect(try ListenSpec(text: text).addresses().map(\.description) == expected)
    }

    @Test(arguments: ["", "host:80", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "unix:relative"])
    func badListenAddresses(_ text: String) {
        #expect(throws: Failure.self) { _ = try ListenSpec(text: text).addresses() }
    }

    @Test func nameServers() {
        #expect(SocketAddress(nameServer: "192.0.2.53:53")?.description == "192.0.2.53:53")
        #expect(SocketAddress(nameServer: "[2001:db8::53]:5353")?.description == "[2001:db8::53]:5353")
        let withoutPort = ["", "0", "53", "127.0.0.1", "127.0.0.1:0", "[::1]"]
        let others = withoutPort + ["*:53", "::1:53", "[127.0.0.1]:53", "localhost:53", "unix:/x"]
        for text in others {
            #expect(SocketAddress(nameServer: text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        "", "x", "http://", "http://:80", "https://", "http://a/b", "http://u@h", "http://h:0", "http://h:x",
    ])
    func badOrigins(_ text: String) {
        #expect(throws: Failure.self) { _ = try OriginURL(text) }
    }

    @Test func workerCounts() throws {
        #expect(try Node.workerCount("+2", current: 3) == 5)
        #expect(try Node.workerCount("-2", current: 3) == 1)
        #expect(try Node.workerCount("7", current: 3) == 7)
        #expect(throws: Failure.self) { _ = try Node.workerCount("-3", current: 3) }
        for text in ["+9223372036854775807", "-9223372036854775808", "9223372036854775807"] {
            #expect(throws: Failure.self) { _ = try Node.workerCount(text, current: 3) }
        }
        #expect(throws: Failure.self) { _ = try Node.workerCount("many", current: 3) }
    }
}

struct HostFactsTests {
    @Test func quotas() {
        #expect(HostFacts.quota(cpuMax: "150000 100000\n") == 1.5)
        #expect(HostFacts.quota(cpuMax: "max 100000\n") == nil)
        let groups = "5:cpu,cpuacct:/a/b\n1:name=systemd:/x\n0::/user.slice/me\n"
        #expect(HostFacts.cgroupPath(groups, controller: "") == "/user.slice/me")
        #expect(HostFacts.cgroupPath(groups, controller: "cpu") == "/a/b")
        #expect(HostFacts.cgroupPath(groups, controller: "memory") == nil)
        #expect(HostFacts.ancestors("/a/b", under: "/r") == ["/r/a/b", "/r/a", "/r"])
        #expect(HostFacts.available(meminfo: "MemTotal: 5 kB\nMemAvailable:   3 kB\n") == 3_072)
    }

    @Test func steeringPrograms() {
        #expect(Steering.program(live: [0, 1, 2]).count == 3)
        let sparse = Steering.program(live: [1, 4])
        #expect(sparse.count == 7)
        #expect(UInt32(truncatingIfNeeded: sparse[3]) == 1 && UInt32(truncatingIfNeeded: sparse[5]) == 4)
        // Placed: the slot of the CPU first, at random where none is.
        let placed = Steering.program(live: [0, 1], placement: [3, 5])
        #expect(placed.count == 5 + Steering.program(live: [0, 1]).count)
        #expect(placed[1...4].map { UInt32(truncatingIfNeeded: $0) } == [3, 0, 5, 1])
        #expect(Array(placed[5...]) == Steering.program(live: [0, 1]))
        // More slots than CPUs: no slot has one to itself.
        #expect(Steering.program(live: [0, 1, 2], placement: [0, 1]) == Steering.program(live: [0, 1, 2]))
    }
}
