// Two real requests through the node, so that a first look shows a miss and a hit with their times.
import Foundation
import NIOCore
import NIOHTTP1

enum DemoShow {
    /// One line per request: status, what the cache did, and how long it took.
    static func lines(at node: OriginURL) async throws -> [String] {
        let client = OneShotClient(place: .host(node.host, port: Int(node.port)))
        let host = node.isIPv6Literal ? "[\(node.host)]" : node.host
        var lines: [String] = []
        for _ in 0..<2 { lines.append(try await line(client, "/slow", "http://\(host):\(node.port)")) }
        return lines
    }

    private static func line(_ client: OneShotClient, _ path: String, _ base: String) async throws -> String {
        let begun = ContinuousClock.now
        let answer = try await client.send(.GET, path, timeout: .seconds(15))
        let took = ContinuousClock.now - begun
        let milliseconds = Double(took.components.attoseconds) / 1e15 + Double(took.components.seconds) * 1e3
        let status = answer.fields.first(name: "cache-status") ?? "no Cache-Status"
        let verdict = status.contains("; hit") || status.contains(";hit") ? "HIT " : "MISS"
        let time = String(format: "%8.2f ms", milliseconds)
        let what = "GET \(base)\(path)  \(answer.status.code), \(answer.body.readableBytes) bytes"
        return "\(verdict) \(time)  \(what)  (\(status))"
    }
}
