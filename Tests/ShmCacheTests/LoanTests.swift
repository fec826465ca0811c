// What the kernel has in a socket's queue stays what it was, whatever is stored in its place meanwhile.
import CLinux
@unsafe @preconcurrency import Glibc
import Testing

@testable import ShmCache

@Suite struct LoanTests {
    private static let bodyBytes = 100_000

    private static func options(_ size: Int = 8 << 20) -> RegionOptions {
        RegionOptions(sizeBytes: size, segmentSizeBytes: 1 << 18)
    }

    @Test func queuedBytesOutliveTheirObject() throws {
        let region = try CacheRegion.create(Self.options())
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        let body = Sample.body(1, Self.bodyBytes)
        #expect(lane.store(region, Sample.key(1), body) == .committed)
        var ends: [Int32] = [-1, -1]
        #expect(unsafe cl_stream_pair(&ends) == 0)
        let found = send(1, to: ends[0], lane, region)
        let sent = try #require(found)
        #expect(sent > 0)
        lane.endTurn()
        let lent = (0..<region.map.usableSegments).filter { region.map.isLent($0) }
        #expect(lent.count == 1)
        for n in 2..<400 {
            lane.maintain(now: region.now())
            lane.beginTurn(now: region.now())
            #expect(lane.store(region, Sample.key(n), Sample.body(n, Self.bodyBytes)) == .committed)
            lane.endTurn()
        }
        lane.beginTurn(now: region.now())
        #expect(lane.fetch(region, Sample.key(1)) == nil, "evicted long ago")
        #expect(lane.fetch(region, Sample.key(399)) == Sample.body(399, Self.bodyBytes))
        lane.endTurn()
        #expect(lent.allSatisfy { !region.map.isLent($0) }, "the segment was written again, on new pages")
        #expect(read(ends[1], sent) == Array(body[..<sent]))
        ends.forEach { close($0) }
        #expect(region.checkInvariants() == [])
    }

    /// A file with a name lies where others rule, on a disk perhaps: its bytes are copied.
    @Test func aNamedFileLendsNothing() throws {
        let path = "/tmp/martlet-loans-\(getpid())"
        defer { unsafe unlink(path) }
        let region = try CacheRegion.create(Self.options(), backing: .file(path: path))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        #expect(lane.store(region, Sample.key(1), Sample.body(1, Self.bodyBytes)) == .committed)
        #expect(send(1, to: -1, lane, region) == nil)
        lane.endTurn()
    }

    private func send(_ n: Int, to socket: Int32, _ lane: borrowing Lane, _ region: borrowing CacheRegion) -> Int? {
        let key = Sample.key(n)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes),
            case .raw(let bytes) = view.bodyPiece(at: 0), let place = view.lend(bytes)
        else { return nil }
        return cl_send_file(socket, place.descriptor, place.offset, bytes.byteCount)
    }

    private func read(_ socket: Int32, _ count: Int) -> [UInt8] {
        var (result, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
        while result.count < count {
            let got = unsafe recv(socket, &buffer, buffer.count, 0)
            guard got > 0 else { break }
            result += buffer[..<got]
        }
        return result
    }
}
