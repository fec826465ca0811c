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
            let options = RegionOptions(sizeBytes: Int(clamping: settings.cacheSizeBytes), laneCount: laneCount)
            let cache: CacheRegion
            if let path = settings.cacheFile {
                cache = try CacheRegion.open(path: path, creating: options)
            } else {
                cache = try CacheRegion.create(options)
            }
            let node = try NodeRegion.create(
                laneCount: laneCount, slotCount: max(slots, 64), counterCount: Counter.rowWords)
            var events: [Int32] = []
            for _ in 0..<laneCount {
                let fd = cl_eventfd(0)
                guard fd >= 0 else { throw Failure.runtime("cannot create eventfds: \(systemText(cl_errno()))") }
                events.append(fd)
            }
            return Regions(cache: cache, node: node, events: events)
        } catch let error as RegionError {
            throw .runtime("cache: \(error)")
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .runtime("cache: \(error)")
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

    /// The size must fit what the machine has, before anything is allocated.
    static func checkRoom(_ settings: Settings) throws(Failure) {
        let size = settings.cacheSizeBytes
        let asked = "cache size \(Quantity.show(bytes: size))"
        guard size >= UInt64(RegionOptions.minimumSizeBytes) else {
            throw .usage(
                "\(asked) is too small; the least is \(Quantity.show(bytes: UInt64(RegionOptions.minimumSizeBytes)))")
        }
        if let limit = HostFacts.memoryLimit(), size > limit.bytes / 10 * 9 {
            throw .runtime(
                "\(asked) does not fit: \(limit.name) is \(Quantity.show(bytes: limit.bytes)), and a tenth of it is "
                    + "left to the processes; give --cache-size \(limit.bytes / 10 * 8 >> 20)MiB or less")
        }
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
