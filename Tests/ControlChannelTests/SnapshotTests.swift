// A snapshot comes back from its memfd as it was; damage and other versions are refused.
import Glibc
import Testing

@testable import ControlChannel

private func example() -> ConfigurationSnapshot {
    var snapshot = ConfigurationSnapshot()
    snapshot.revision = 12
    snapshot.addresses = [
        ListenAddress(address: SocketAddress(ipv4: [0, 0, 0, 0], port: 80)),
        ListenAddress(address: SocketAddress(path: "/run/x.sock"), isActive: false),
    ]
    snapshot.origins = [
        Origin(
            host: "origin.example", port: 8080, addresses: [SocketAddress(ipv4: [10, 0, 0, 1], port: 8080)],
            hostHeader: .origin)
    ]
    snapshot.origins.append(
        Origin(scheme: .https, host: "other.example", port: 443, addresses: [SocketAddress(path: "/run/o.sock")]))
    snapshot.origins[1].weight = 7
    snapshot.origins[1].serverName = "name.example"
    snapshot.sites = [
        Site(name: "default", hosts: ["example.com"], origin: 0, originCount: 2, balance: .consistentHash)
    ]
    snapshot.tls.authorityFile = "/etc/ca.pem"
    snapshot.tls.verifies = false
    snapshot.health.path = "/up"
    snapshot.health.fall = 9
    snapshot.dns.servers = ["127.0.0.1:53"]
    snapshot.dns.maximumMilliseconds = 17
    snapshot.pool.waitingRequests = 3
    snapshot.pool.waitMilliseconds = 4
    snapshot.timeouts.idleMilliseconds = 1
    snapshot.timeouts.tunnelIdleMilliseconds = 2
    snapshot.limits.requestBodyBytes = 1 << 40
    snapshot.policy.heuristicPercent = 20
    snapshot.policy.cachesCookieResponses = true
    snapshot.policy.rangeOnlyBytes = 5 << 30
    snapshot.policy.choices.negativeLifetimeSeconds = 3
    snapshot.policy.choices.ranges = 2
    snapshot.policy.choices.heedsRequestNoStore = false
    snapshot.policy.choices.showsKey = true
    snapshot.policy.encodedVariants = [.br, .gzip]
    snapshot.pool.connections = 9
    snapshot.cache.compresses = false
    snapshot.pseudonym = "edge-1"
    snapshot.backend = .uring
    return snapshot
}

struct SnapshotTests {
    @Test func comesBackFromItsMemoryFile() throws {
        let fd = try example().writeToMemoryFile()
        defer { close(fd) }
        #expect(try ConfigurationSnapshot(descriptor: fd) == example())
        #expect(try ConfigurationSnapshot(descriptor: fd) == example())
    }

    @Test func anyChangedByteIsRefused() {
        let bytes = example().encoded()
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(throws: ControlError.self) { _ = try ConfigurationSnapshot(decoding: damaged) }
        }
    }

    @Test func anyShorterFileIsRefused() {
        let bytes = example().encoded()
        for length in 0..<bytes.count {
            #expect(throws: ControlError.self) { _ = try ConfigurationSnapshot(decoding: Array(bytes[..<length])) }
        }
    }
}

struct CounterTests {
    @Test func namesAreDistinctAndARowHoldsThemAll() {
        let names = Set(Counter.allCases.map { "\($0.declaration.name)" })
        #expect(names.count == Counter.allCases.count)
        #expect(Counter.allCases.count <= Counter.rowWords)
    }
}
