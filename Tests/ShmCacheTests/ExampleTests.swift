// The example of the library's documentation, compiled and run as it stands there.
@unsafe @preconcurrency import Glibc
import ShmCache
import Testing

private func page(
    at path: String, key: RawSpan, head: RawSpan, body: RawSpan, tags: Span<UInt64>, send: (RawSpan) -> Void
) throws {
    // example
    let region = try CacheRegion.open(path: path, creating: RegionOptions(sizeBytes: 64 << 20))
    var lane = try region.attachAnyLane()
    lane.beginTurn(now: region.now())
    let hash = region.hash(key: key)
    if let page = lane.lookup(hash: hash, key: key), case .raw(let bytes) = page.bodyPiece(at: 0) {
        send(bytes)
    } else if case .own(var fill) = lane.startFill(hash: hash, key: key) {
        let attributes = ItemAttributes(storedSeconds: lane.clock().seconds)
        _ = fill.setHead(head, attributes: attributes, tags: tags, expectedBodyLength: nil)
        _ = fill.append(body)
        while fill.finish(budgetBytes: 1 << 20) == .again {}
    }
    lane.endTurn()
    lane.maintain(now: region.now())
    // end
}

@Suite struct ExampleTests {
    @Test func theDocumentedExampleStoresAndThenServes() throws {
        let path = "/dev/shm/martlet-example-\(getpid())"
        defer { unsafe unlink(path) }
        let (key, head, body, tags) = (Sample.key(1), [1, 2] as [UInt8], Sample.body(1, 700), [7] as [UInt64])
        var sent: [[UInt8]] = []
        for _ in 0..<2 {
            try unsafe page(
                at: path, key: key.span.bytes, head: head.span.bytes, body: body.span.bytes, tags: tags.span
            ) { bytes in unsafe bytes.withUnsafeBytes { unsafe sent.append(Array($0)) } }
        }
        #expect(sent == [body])
    }

    @Test func itIsTheOneInTheDocumentation() throws {
        let here = "\(#filePath)"
        let root = here.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
        let documented = try lines(root + "/Sources/ShmCache/ShmCache.docc/ShmCache.md", from: "```swift", to: "```")
        let compiled = try lines(here, from: "// example", to: "// end")
        #expect(documented == compiled && documented.count > 10)
    }

    /// The lines of a file between two others, without their indentation's first four columns if all have them.
    private func lines(_ path: String, from first: String, to last: String) throws -> [String] {
        guard let file = unsafe fopen(path, "r") else { throw Failure() }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes[0..<count], as: UTF8.self)
        let all = text.split(separator: "\n", omittingEmptySubsequences: false)
        func trimmed(_ line: Substring) -> Substring { line.drop { $0 == " " } }
        let start = try #require(all.firstIndex { trimmed($0) == first })
        let end = try #require(all[(start + 1)...].firstIndex { trimmed($0) == last })
        let inner = all[(start + 1)..<end]
        let isIndented = inner.allSatisfy { $0.hasPrefix("    ") }
        return inner.map { String(isIndented ? $0.dropFirst(4) : $0) }
    }
}
