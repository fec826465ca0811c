// Two real requests through the node, so that a first look shows a miss and a hit with their times.
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1

enum DemoShow {
    /// One line per request: status, what the cache did, and how long it took.
    static func lines(base: String) async throws -> [String] {
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            var lines: [String] = []
            for _ in 0..<2 { lines.append(try await line(client, base + "/slow")) }
            try await client.shutdown()
            return lines
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private static func line(_ client: HTTPClient, _ url: String) async throws -> String {
        let begun = ContinuousClock.now
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(15))
        let body = try await response.body.collect(upTo: 1 << 20)
        let took = ContinuousClock.now - begun
        let milliseconds = Double(took.components.attoseconds) / 1e15 + Double(took.components.seconds) * 1e3
        let status = response.headers.first(name: "cache-status") ?? "no Cache-Status"
        let verdict = status.contains("; hit") || status.contains(";hit") ? "HIT " : "MISS"
        let time = String(format: "%8.2f ms", milliseconds)
        return "\(verdict) \(time)  GET \(url)  \(response.status.code), \(body.readableBytes) bytes  (\(status))"
    }
}
