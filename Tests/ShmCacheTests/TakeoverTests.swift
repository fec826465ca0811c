// A thread that ends with its lane open is as dead as a killed process: its fill can be taken over, its pins are
// dropped.
import CLinux
@unsafe @preconcurrency import Glibc
import Testing

@testable import ShmCache

/// What the doomed thread works on.
private final class Doomed {
    let descriptor: Int32
    let key: [UInt8]
    let body: [UInt8]
    let part: Int

    init(_ descriptor: Int32, _ key: [UInt8], _ body: [UInt8], part: Int) {
        self.descriptor = descriptor
        self.key = key
        self.body = body
        self.part = part
    }

    /// Starts a fill, appends a part, and leaves lane and permit behind without ending them.
    func run() {
        let (key, body) = (key, body)
        guard let region = try? CacheRegion.attach(descriptor: descriptor), var lane = try? region.attachLane(1) else {
            return
        }
        lane.beginTurn(now: region.now())
        if case .own(var permit) = unsafe lane.startFill(hash: region.hash(key: key.span.bytes), key: key.span.bytes) {
            let (head, tags) = ([1, 2] as [UInt8], [] as [UInt64])
            _ = unsafe permit.setHead(
                head.span.bytes, attributes: ItemAttributes(storedSeconds: 1), tags: tags.span, expectedBodyLength: nil)
            _ = unsafe permit.append(body.span.bytes.extracting(0..<part))
            unsafe UnsafeMutablePointer<FillPermit>.allocate(capacity: 1).initialize(to: permit)
        }
        unsafe UnsafeMutablePointer<Lane>.allocate(capacity: 1).initialize(to: lane)
    }
}

@Suite struct TakeoverTests {
    @Test(arguments: [100, 5000, 150_000])
    func aReaderFinishesWhatADeadOwnerBegan(part: Int) throws {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: 16 << 20))
        var lane = try region.attachLane(0)
        let key = Sample.key(1)
        let body = Sample.body(1, 300_000)
        lane.beginTurn(now: region.now())
        try dieFilling(region, key, body, part: part)
        let before = region.laneState(1)
        #expect(before == .dead(processID: cl_process_id()))
        let hash = unsafe region.hash(key: key.span.bytes)
        guard case .join(let ticket) = unsafe lane.startFill(hash: hash, key: key.span.bytes) else { throw Failure() }
        #expect(ticket.phase == .orphaned)
        guard var permit = ticket.takeOver() else { throw Failure() }
        #expect(permit.hasHead && permit.bytesReady == part)
        #expect(unsafe permit.append(body.span.bytes.extracting(part..<body.count)) == .accepted)
        while permit.finish(budgetBytes: 100_000) == .again {}
        let streamed = ticket.readAll() == body
        let stored = lane.fetch(region, key) == body
        #expect(streamed && stored)
        let state = region.laneState(1)
        #expect(state == .free)
        lane.endTurn()
        _ = consume ticket
        #expect(region.checkInvariants() == [])
    }

    private func dieFilling(_ region: borrowing CacheRegion, _ key: [UInt8], _ body: [UInt8], part: Int) throws {
        let doomed = Doomed(region.descriptor, key, body, part: part)
        var thread = pthread_t()
        let started = unsafe pthread_create(
            &thread, nil,
            { context in
                unsafe Unmanaged<Doomed>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(doomed).toOpaque())
        #expect(started == 0)
        let joined = pthread_join(thread, nil)
        #expect(joined == 0)
    }
}
