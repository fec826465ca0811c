// `martlet-cache replay`: makes a region, lets one or more processes play the trace through it, and reports.
import CLinux
@unsafe @preconcurrency import Glibc
import ShmCache

struct Replay {
    let options: ReplayOptions

    init(_ options: ReplayOptions) { self.options = options }

    func run() throws {
        Terminal.progress("reading the trace")
        let trace = try Trace(path: options.trace)
        let region = try CacheRegion.create(options.region(scout(trace)))
        let node = try NodeRegion.create(
            laneCount: options.processes, slotCount: 1, counterCount: ReplayCount.total)
        if options.processes == 1 {
            try ReplayProcess.run(
                trace, region: region, node: node, index: 0, processes: 1, compressible: options.compressible)
        } else {
            try runProcesses(trace, region, node)
        }
        Terminal.progress("")
        let broken = region.checkInvariants()
        guard broken.isEmpty else { throw ToolFailure.failed("the region is damaged after the replay: \(broken[0])") }
        let wrong = node.total(.wrong)
        guard wrong == 0 else { throw ToolFailure.failed("\(wrong) hits returned wrong bytes") }
        let report = ReplayReport(node, region.accounting(), region.statistics(), options)
        try Terminal.say(options.json ? report.json : report.text)
    }

    /// How many objects of the trace the cache will hold at the end, and at most: the index is made for these. Small
    /// objects are kept longer than large ones, and a cache that was never full keeps what came first, so it takes
    /// short replays to know.
    private func scout(_ trace: Trace) throws -> ReplayObjects {
        Terminal.progress("measuring the objects")
        let guess = min(trace.objects, sizeInMeanObjects(trace))
        var objects = ReplayObjects(atEnd: guess, most: guess)
        var most = 0
        let requests = min(trace.count, Replay.scoutedRequests)
        for part in [64, 16, 4, 1] {
            let region = try CacheRegion.create(options.region(objects))
            let node = try NodeRegion.create(laneCount: 1, slotCount: 1, counterCount: ReplayCount.total)
            try ReplayProcess.run(
                trace.prefix(requests / part), region: region, node: node, index: 0, processes: 1,
                compressible: options.compressible)
            let found = region.accounting().objects
            most = max(most, found)
            objects = ReplayObjects(atEnd: found, most: most)
        }
        return objects
    }

    private static let scoutedRequests = 2_000_000

    private func sizeInMeanObjects(_ trace: Trace) -> Int {
        options.sizeBytes / max(1, trace.footprintBytes / trace.objects) + 1
    }

    static func showProgress(_ node: borrowing NodeRegion, of requests: Int) {
        guard Terminal.isTerminal else { return }
        let done = node.total(.requests)
        let misses = done > 0 ? 100 - 100 * node.total(.hits) / done : 0
        Terminal.progress("\(100 * done / requests) % of \(requests) requests, \(misses) % missed")
    }

    private func runProcesses(_ trace: Trace, _ region: borrowing CacheRegion, _ node: borrowing NodeRegion) throws {
        var pids: [pid_t] = []
        defer { for pid in pids { kill(pid, SIGKILL) } }
        for index in 0..<options.processes {
            let words = [
                "martlet-cache", "replay-process", options.trace, "\(index)", "\(options.processes)",
                options.compressible ? "compressible" : "noise",
            ]
            pids.append(try spawn(words, region.descriptor, node.descriptor))
        }
        while !pids.isEmpty {
            var status: Int32 = 0
            let ended = unsafe waitpid(-1, &status, WNOHANG)
            if ended > 0 {
                pids.removeAll { $0 == ended }
                guard status == 0 else {
                    throw ToolFailure.failed("a process of the replay ended with status \(status)")
                }
            } else {
                Replay.showProgress(node, of: trace.count)
                usleep(50_000)
            }
        }
    }

    private func spawn(_ words: [String], _ region: Int32, _ node: Int32) throws -> pid_t {
        let arguments = unsafe words.map { unsafe strdup($0) }
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let map: [Int32] = [0, 1, 2, region, node]
        let pid = unsafe (arguments + [nil]).withUnsafeBufferPointer { list in
            unsafe cl_spawn("/proc/self/exe", list.baseAddress!, environ, map, Int32(map.count))
        }
        guard pid > 0 else { throw ToolFailure.failed("cannot start a process", errno: cl_errno()) }
        return pid
    }
}
