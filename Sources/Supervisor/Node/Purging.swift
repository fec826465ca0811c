// Purging on an operator's word: finds the keys that a URL has under every configuration that still serves, and tells
// the cache. In force for all workers when it returns.
import CachePolicy
import ControlChannel
import Dispatch
import Foundation
import HTTPMessage
import ShmCache
import Synchronization

/// What to purge: exactly one of the names, or everything.
struct PurgeRequest: Codable, Sendable, Equatable {
    var url: String?
    var prefix: String?
    var host: String?
    var tag: String?
    var all: Bool?
    /// Stale instead of gone.
    var soft: Bool?

    func check() throws(Failure) {
        let named = [url, prefix, host, tag].compactMap { $0 }
        guard named.count + (all == true ? 1 : 0) == 1 else {
            throw .usage("say one of url, prefix, host, tag and all")
        }
        guard !named.contains("") else { throw .usage("what is purged must have a name") }
        for url in [url, prefix].compactMap({ $0 }) { _ = try PurgeTarget(url) }
        if let host, !PurgeTarget.isAuthority(Array(host.utf8)) {
            throw .usage(
                "'\(host)' is no host: write a name or address, and a port if there is one, as in example.com:8080")
        }
    }
}

struct PurgeAnswer: Codable, Sendable, Equatable {
    var purged: String
    /// Whether the URL was stored.
    var stored: Bool?
}

/// Purges of one node, one after the other, on a thread of their own: a slow disk holds up nothing else.
final class Purger: Sendable {
    private let regions: Regions
    private let queue = DispatchQueue(label: "martlet.purges")
    /// Whether purges are taken.
    private let isOpen = Atomic(true)

    init(_ regions: Regions) { self.regions = regions }

    /// Takes less than a millisecond, longer with a cache file on a disk, which is written through.
    func purge(_ request: PurgeRequest, sites: [String]) async throws(Failure) -> PurgeAnswer {
        try request.check()
        return try await onQueue { () throws(Failure) in try self.purgeNow(request, sites) }.get()
    }

    /// No purge is taken any more; those that were are over when this returns.
    func close() async {
        isOpen.store(false, ordering: .relaxed)
        _ = await onQueue { () throws(Failure) in }
    }

    private func onQueue<T: Sendable>(_ work: @escaping @Sendable () throws(Failure) -> T) async -> Result<T, Failure> {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Result(catching: work)) }
        }
    }

    private func purgeNow(_ request: PurgeRequest, _ sites: [String]) throws(Failure) -> PurgeAnswer {
        guard isOpen.load(ordering: .relaxed) else { throw .runtime("the node has stopped") }
        var lane = try takeLane()
        lane.beginTurn(now: regions.cache.now())
        defer { lane.endTurn() }
        return try Purger.apply(request, sites, lane, regions.cache)
    }

    /// Workers get theirs from the lowest number up. A lane that somebody holds is waited for when it is asked for, and
    /// so it is not.
    private func takeLane() throws(Failure) -> Lane {
        for index in stride(from: Regions.workerLanes - 1, through: 0, by: -1) {
            if case .live = regions.cache.laneState(index) { continue }
            if let lane = try? regions.cache.attachLane(index) { return lane }
        }
        throw .runtime("every lane of the cache is taken: try again when a generation has drained")
    }

    private static func apply(
        _ request: PurgeRequest, _ sites: [String], _ lane: borrowing Lane, _ cache: borrowing CacheRegion
    ) throws(Failure) -> PurgeAnswer {
        let soft = request.soft == true
        if let text = request.url {
            var stored = false
            for key in try keys(of: text, sites) {
                let bytes = key.text
                let hash = unsafe cache.hash(key: bytes.span.bytes)
                if unsafe lane.purge(hash: hash, key: bytes.span.bytes, soft: soft) { stored = true }
            }
            return PurgeAnswer(purged: "url \(text)", stored: stored)
        }
        if let text = request.prefix {
            for key in try keys(of: text, sites) {
                let (head, target) = (Array(key.text[..<key.targetStart]), Array(key.text[key.targetStart...]))
                unsafe lane.purge(keyHead: head.span.bytes, prefix: target.span.bytes, at: head.count, soft: soft)
            }
            return PurgeAnswer(purged: "prefix \(text)")
        }
        if let host = request.host {
            for key in try keys(of: "http://\(host)/", sites.isEmpty ? [""] : [sites[0]]) {
                let authority = Array(key.text[key.authority])
                unsafe lane.purge(tag: cache.hash(key: authority.span.bytes), soft: soft)
            }
            return PurgeAnswer(purged: "host \(host)")
        }
        if let tag = request.tag {
            let bytes = Array(tag.utf8)
            unsafe lane.purge(tag: cache.hash(key: bytes.span.bytes), soft: soft)
            return PurgeAnswer(purged: "tag \(tag)")
        }
        lane.purgeEverything(soft: soft)
        return PurgeAnswer(purged: "everything")
    }

    private struct Key: Hashable {
        var text: [UInt8]
        var authority: Range<Int>
        var targetStart: Int
    }

    /// The keys that a URL has: under each site, with its scheme (both when it has none), with and without sorting.
    private static func keys(of url: String, _ sites: [String]) throws(Failure) -> Set<Key> {
        let target = try PurgeTarget(url)
        var found: Set<Key> = []
        for site in sites {
            for secure in target.schemes {
                for sorts in [false, true] {
                    guard
                        let key = key(
                            target.path, target.query ?? [], target.query != nil, target.authority,
                            Array(site.utf8), secure, sorts)
                    else { throw .usage("\(url) is too long to be a key") }
                    found.insert(key)
                }
            }
        }
        return found
    }

    private static func key(
        _ path: [UInt8], _ query: [UInt8], _ hasQuery: Bool, _ authority: [UInt8], _ site: [UInt8], _ secure: Bool,
        _ sorts: Bool
    ) -> Key? {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var result: CacheKey?
        unsafe buffer.withUnsafeMutableBytes { bytes in
            var sink = unsafe ByteSink(MutableRawSpan(_unsafeBytes: bytes))
            result = unsafe CacheKey.write(
                path: path.span.bytes, query: query.span.bytes, hasQuery: hasQuery, authority: authority.span.bytes,
                site: site.span.bytes, secure: secure, sortsQuery: sorts, into: &sink)
        }
        guard let result else { return nil }
        return Key(
            text: Array(buffer[result.text.range]), authority: result.authority.range,
            targetStart: result.target.range.lowerBound)
    }
}

extension Node {
    /// The names of all sites of all configurations that workers still serve.
    func liveSites() -> [String] {
        var names: Set<String> = []
        for launch in launches.values {
            guard let snapshot = try? ConfigurationSnapshot(descriptor: launch.configuration) else { continue }
            names.formUnion(snapshot.sites.map(\.name))
        }
        return names.sorted()
    }
}
