// How long it takes to go on with a large region after a death: of a worker (its lane is recovered) and of everybody
// (the region is mapped again and all lanes recovered). And whether the accounts agree with the kernel.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

enum ReopenTimes {
    private static let bodyBytes = 65_000

    static func measure(sizeBytes: Int) throws -> [(String, Double)] {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: sizeBytes, averageObjectBytes: 8192))
        var lane = try region.attachLane(0)
        let wanted = sizeBytes / 100 * 90 / (bodyBytes + 200)
        let stored = BenchObjects.fill(&lane, region, 0..<wanted, bodyBytes: bodyBytes)
        var results = [("regionBytes", Double(region.sizeBytes)), ("objects", Double(stored))]
        _ = consume lane
        results.append(("milliseconds, worker", try recovery(region)))
        try die(region, lane: 1)
        try die(region, lane: 2)
        var elapsed = 0.0
        let began = Clock.wall
        let again = try CacheRegion.attach(descriptor: region.descriptor)
        let recovered = again.recoverDeadLanes()
        elapsed = Double(Clock.wall - began) / 1e6
        guard recovered == 2 else { throw ToolFailure.failed("\(recovered) lanes recovered instead of 2") }
        results.append(("milliseconds, supervisor", elapsed))
        var reader = try again.attachLane(4)
        reader.beginTurn(now: again.now())
        var present = 0
        for n in 0..<wanted where BenchObjects.isStored(reader, again, n) { present += 1 }
        reader.endTurn()
        results.append(("objects present", Double(present)))
        guard present == stored else { throw ToolFailure.failed("\(stored - present) objects are gone") }
        return results
    }

    private static func recovery(_ region: borrowing CacheRegion) throws -> Double {
        try die(region, lane: 1)
        let began = Clock.wall
        guard case .recovered = region.recoverLane(1) else {
            throw ToolFailure.failed("the dead lane was not recovered")
        }
        return Double(Clock.wall - began) / 1e6
    }

    /// A process that dies in the middle of a fill.
    private static func die(_ region: borrowing CacheRegion, lane index: Int) throws {
        let pid = cl_fork()
        if pid == 0 {
            guard var lane = try? region.attachLane(index) else { exit(1) }
            lane.beginTurn(now: region.now())
            let key = Array("M1\nbench\nhttp\nbench.example\n/cut/\(index)".utf8)
            if case .own(let permit) = unsafe lane.startFill(
                hash: region.hash(key: key.span.bytes), key: key.span.bytes)
            {
                kill(getpid(), SIGKILL)
                permit.fail(.abandoned)
            }
            exit(1)
        }
        guard cl_wait(pid) & 0x7f == SIGKILL else { throw ToolFailure.failed("the process that should die did not") }
    }
}

enum AccountingCheck {
    static func measure(sizeBytes: Int) throws -> [(String, Double)] {
        let region = try CacheRegion.create(RegionOptions(sizeBytes: sizeBytes))
        var lane = try region.attachLane(0)
        _ = BenchObjects.fill(&lane, region, 0..<sizeBytes / 700, bodyBytes: 1000)
        let bill = region.accounting()
        var status = stat()
        guard unsafe fstat(region.descriptor, &status) == 0 else { throw ToolFailure.failed("fstat: errno \(errno)") }
        let kernel = Double(status.st_blocks) * 512
        let own = Double(bill.itemBytes + bill.objectTableBytes + bill.fixedTableBytes + bill.unusedBytes)
        return [
            ("objects", Double(bill.objects)), ("bytes by the accounts", own), ("bytes by the kernel", kernel),
            ("kernel against accounts", kernel / own),
        ]
    }
}
