// The two shared mappings and the lanes' eventfds. Made once per node, adopted by successors; what is in them is
// ShmCache's business.
import CLinux
import ControlChannel
import Foundation
import Glibc
import ShmCache

final class Regions: Sendable {
    static let laneCount = 128
    /// The last lane is the janitor's, all before it are for workers.
    static let janitorLane = laneCount - 1
    static let workerLanes = janitorLane

    let cache: CacheRegion
    let node: NodeRegion
    /// One per lane, in order.
    let events: [Int32]

    private init(cache: consuming CacheRegion, node: consuming NodeRegion, events: [Int32]) {
        self.cache = cache
        self.node = node
        self.events = events
    }

    static func create(_ settings: Settings, slots: Int) throws(Failure) -> Regions {
        try checkRoom(settings)
        do {
            let options = RegionOptions(
                sizeBytes: Int(clamping: settings.cacheSizeBytes),
                maximumSizeBytes: Int(clamping: settings.largestCacheBytes), laneCount: laneCount)
            let cache: CacheRegion
            if let path = settings.cacheFile {
                cache = try open(path, options)
                // A file larger than asked for stays so; a smaller one grows as far as it was laid out for.
                try cache.grow(toBytes: options.sizeBytes)
            } else {
                cache = try CacheRegion.create(options)
            }
            let node = try NodeRegion.create(
                laneCount: laneCount, slotCount: max(slots, 64), counterCount: Counter.rowWords)
            var events: [Int32] = []
            for _ in 0..<laneCount {
                let fd = cl_eventfd(0)
                guard fd >= 0 else { throw Failure.runtime("cannot create eventfds: \(shortageText(cl_errno()))") }
                events.append(fd)
            }
            return Regions(cache: cache, node: node, events: events)
        } catch RegionError.system(_, EROFS, let path) {
            throw .runtime(
                "cache file \(path ?? ""): its file system is read-only for this process; under systemd choose a file "
                    + "in CacheDirectory (/var/cache/martlet) or name its directory in ReadWritePaths")
        } catch RegionError.system(let call, let code, let path) where code == EMFILE || code == ENFILE {
            throw .runtime("cache\(path.map { " \($0)" } ?? ""): \(call) failed: \(shortageText(code))")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .runtime("cache: \(error)")
        }
    }

    /// Workers and successors share the open file, and its lock lasts as long as one of them: those that were killed
    /// may take a moment to be gone.
    private static func open(_ path: String, _ options: RegionOptions) throws(RegionError) -> CacheRegion {
        let end = LoopExecutor.now() + 2_000
        while true {
            do throws(RegionError) {
                return try CacheRegion.open(path: path, creating: options, isAlone: true)
            } catch {
                guard error == .inUse(path: path), LoopExecutor.now() < end else { throw error }
                usleep(10_000)
            }
        }
    }

    /// Maps what an orphan or the saved state handed over; the descriptors of the regions are closed.
    static func adopt(cache cacheFD: Int32, node nodeFD: Int32, events: [Int32]) throws(Failure) -> Regions {
        defer {
            close(cacheFD)
            close(nodeFD)
        }
        do {
            let cache = try CacheRegion.attach(descriptor: cacheFD)
            let node = try NodeRegion.attach(descriptor: nodeFD)
            return Regions(cache: cache, node: node, events: events)
        } catch {
            throw .runtime("the running cache cannot be adopted: \(error)")
        }
    }

    /// After a clean stop: the next boot may trust a cache file as it is. Recoveries of lanes may still be under way.
    func leaveClean(patienceMilliseconds: Int) async {
        for _ in 0..<patienceMilliseconds / 5 {
            if cache.markClean() { return }
            try? await Task.sleep(for: .milliseconds(5))
        }
    }

    /// What an operator should know of a cache file that another boot left; nil for nothing.
    var historyText: String? {
        switch cache.history {
        case .new, .sameBoot: nil
        case .cleanReboot: "stopped cleanly before the reboot, all \(cache.statistics().objects) objects are kept"
        case .uncleanReboot:
            "not stopped cleanly before the reboot, the \(cache.statistics().objects) objects that could be verified "
                + "are kept"
        }
    }

    /// The container's limit leaves a tenth to the processes.
    static func checkLimit(_ size: UInt64) throws(Failure) {
        guard let limit = HostFacts.memoryLimit(), size > limit.bytes / 10 * 9 else { return }
        throw .runtime(
            "cache size \(Quantity.show(bytes: size)) does not fit: \(limit.name) is "
                + "\(Quantity.show(bytes: limit.bytes)), and a tenth of it is left to the processes; give --cache-size "
                + "\(limit.bytes / 10 * 8 >> 20)MiB or less")
    }

    static func checkLeast(_ settings: Settings) throws(Failure) {
        guard settings.cacheSizeBytes < UInt64(RegionOptions.minimumSizeBytes) else { return }
        let least = Quantity.show(bytes: UInt64(RegionOptions.minimumSizeBytes))
        let asked = "cache size \(Quantity.show(bytes: settings.cacheSizeBytes))"
        throw .usage("\(settings.places["cache.size"] ?? "")\(asked) is too small; the least is \(least)")
    }

    /// The size must fit what the machine has, before anything is allocated.
    static func checkRoom(_ settings: Settings) throws(Failure) {
        try checkLeast(settings)
        let size = settings.cacheSizeBytes
        let asked = "cache size \(Quantity.show(bytes: size))"
        try checkLimit(size)
        if let path = settings.cacheFile {
            guard !FileManager.default.fileExists(atPath: path) else { return }
            let directory = (path as NSString).deletingLastPathComponent
            let place = directory.isEmpty ? "." : directory
            guard FileManager.default.fileExists(atPath: place) else {
                throw .runtime("cache file \(path): the directory \(place) does not exist")
            }
            if let free = HostFacts.freeSpace(at: place), size > free {
                throw .runtime("\(asked) does not fit: \(place) has \(Quantity.show(bytes: free)) free")
            }
        } else if let available = HostFacts.availableMemory(), size > available {
            throw .runtime(
                "\(asked) does not fit: \(Quantity.show(bytes: available)) of memory are available (MemAvailable)")
        }
    }
}
