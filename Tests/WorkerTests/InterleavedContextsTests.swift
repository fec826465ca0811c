// Two requests at once on one multiplexed connection that does not exist yet: a hit and a running fill, pulled through
// the same pump into two streams that share a record layer and have windows of their own.

import CachePolicy
import Dice
import HTTPMessage
import ShmCache
import Testing

@testable import Worker

/// What the peer of the fake connection got, stream by stream, and how many bytes a record may still hold.
private struct FakeRecordLayer {
    var received: [Int: [UInt8]] = [:]
    var order: [Int] = []
    var recordSpace = 0

    mutating func carry(_ bytes: [UInt8], stream: Int) -> Int {
        let taken = min(bytes.count, recordSpace)
        recordSpace -= taken
        received[stream, default: []] += bytes[..<taken]
        if taken > 0 { order.append(stream) }
        return taken
    }
}

/// One stream: a sink with its own flow-control window, which checks that what it did not take is offered again.
private struct FakeStreamSink: ResponseSink, ~Copyable {
    let stream: Int
    var layer: FakeRecordLayer
    var credit = 0
    var refused: [UInt8] = []
    var ended = false

    var window: Int { min(credit, layer.recordSpace) }

    mutating func take(_ bytes: [UInt8]) -> Int {
        let expected = refused.prefix(bytes.count)
        #expect(bytes.prefix(expected.count).elementsEqual(expected), "stream \(stream) was offered other bytes")
        let taken = layer.carry(Array(bytes.prefix(credit)), stream: stream)
        credit -= taken
        refused = Array(bytes[taken...])
        return taken
    }

    mutating func append(_ bytes: RawSpan) -> Bool {
        guard window >= bytes.byteCount else { return false }
        _ = take(copy(bytes))
        return true
    }

    mutating func write(_ body: (inout ByteSink) -> Void) -> Bool { false }

    mutating func append(_ chunk: CompressedChunk, dropping skip: Int, length: Int) -> ChunkAppend {
        guard window >= length else { return .full }
        var buffer = Buffer(capacity: chunk.rawLength)
        guard buffer.append(chunk, dropping: skip, length: length) else { return .damaged }
        _ = take(copy(buffer.readable))
        return .appended
    }

    mutating func offer(_ bytes: RawSpan, more: Bool) -> OfferOutcome { .took(take(copy(bytes))) }

    func prefersFile(for count: Int) -> Bool { false }
    mutating func offer(_ bytes: RawSpan, in file: FilePlace) -> OfferOutcome { offer(bytes, more: false) }

    mutating func end() -> OfferOutcome {
        ended = true
        return .took(0)
    }
}

private func copy(_ bytes: RawSpan) -> [UInt8] {
    unsafe bytes.withUnsafeBytes { unsafe Array($0) }
}

struct InterleavedContextsTests {
    private static func body(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = Xorshift(state: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    @Test func aHitAndAFillShareOneConnection() throws {
        let seed = UInt64.random(in: 1 ... .max)
        print("seed \(seed)")
        var generator = Xorshift(state: seed)
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20))
        var lane = try region.attachLane(0)
        lane.beginTurn(now: region.now())
        let stored = Self.body(150_000, seed: seed | 1)
        let coming = Self.body(90_000, seed: seed | 2)
        try store(stored, as: "hit", region, lane)
        let key = Array("fill".utf8)
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .own(var permit) = lane.startFill(hash: hash, key: unsafe key.span.bytes)
        else {
            Issue.record("the fill was not ours")
            return
        }
        let attributes = ItemAttributes(storedSeconds: region.now().seconds)
        let header = Array("head".utf8)
        let begun = unsafe permit.setHead(
            header.span.bytes, attributes: attributes, tags: Span(), expectedBodyLength: nil)
        #expect(begun == .accepted)
        var hit = BodySource(item: 0..<stored.count)
        var fill = BodySource(fill: permit.ticket())
        var hitSink = FakeStreamSink(stream: 1, layer: FakeRecordLayer())
        var fillSink = FakeStreamSink(stream: 3, layer: FakeRecordLayer())
        var layer = FakeRecordLayer()
        var appended = 0
        var outcomes = (hit: PumpOutcome.blocked, fill: PumpOutcome.waiting)
        for _ in 0..<20_000 where outcomes.hit != .finished || outcomes.fill != .finished {
            // One record: both streams share what it holds.
            layer.recordSpace = Int(generator.next() % 16_000)
            hitSink.credit += Int(generator.next() % 9_000)
            fillSink.credit += Int(generator.next() % 9_000)
            if outcomes.hit != .finished {
                hitSink.layer = layer
                outcomes.hit = pull(&hit, "hit", region, lane, &hitSink)
                layer = hitSink.layer
            }
            if appended < coming.count {
                let part = Array(coming[appended..<min(coming.count, appended + Int(generator.next() % 7_000))])
                let took = unsafe permit.append(part.span.bytes)
                #expect(took == .accepted)
                appended += part.count
                if appended == coming.count { permit.complete() }
            }
            if outcomes.fill != .finished {
                fillSink.layer = layer
                outcomes.fill = BodyPump.pumpFill(&fill, into: &fillSink)
                layer = fillSink.layer
            }
        }
        #expect(outcomes.hit == .finished && outcomes.fill == .finished)
        let received = layer.received
        #expect(received[1] == stored)
        #expect(received[3] == coming)
        let order = layer.order
        let switches = zip(order, order.dropFirst()).filter { $0 != $1 }.count
        #expect(switches > 4, "the streams were not interleaved: \(order)")
        lane.endTurn()
    }

    private func store(
        _ body: [UInt8], as name: String, _ region: borrowing CacheRegion, _ lane: borrowing Lane
    ) throws {
        let key = Array(name.utf8)
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .own(var permit) = lane.startFill(hash: hash, key: unsafe key.span.bytes)
        else {
            Issue.record("the fill was not ours")
            return
        }
        let attributes = ItemAttributes(storedSeconds: region.now().seconds)
        let begun = unsafe permit.setHead(
            key.span.bytes, attributes: attributes, tags: Span(), expectedBodyLength: body.count)
        let took = unsafe permit.append(body.span.bytes)
        #expect(begun == .accepted && took == .accepted)
        while permit.finish(budgetBytes: 1 << 20) == .again {}
    }

    private func pull(
        _ source: inout BodySource, _ name: String, _ region: borrowing CacheRegion, _ lane: borrowing Lane,
        _ sink: inout FakeStreamSink
    ) -> PumpOutcome {
        let key = Array(name.utf8)
        guard let view = unsafe lane.lookup(hash: region.hash(key: key.span.bytes), key: key.span.bytes) else {
            return .failed
        }
        return BodyPump.pump(view, &source, into: &sink)
    }
}
