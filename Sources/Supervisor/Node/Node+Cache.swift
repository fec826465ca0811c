// The size of the cache of a running node: growing it when the configuration asks for more. Away from the loop, since
// claiming room may take a while; workers use each part as soon as it is there.
import CLinux
import Foundation
import Logging
import ShmCache

extension Node {
    /// Grows the cache to what a configuration asks for. Throws what stands against it; nothing was changed then, or
    /// the cache has grown in part, which the text says.
    func resizeCache(_ settings: Settings, _ operation: OperationID) async throws {
        let regions = regions
        switch try regions.sizing.verdict(asked: settings.cacheSizeBytes, before: cacheAsked) {
        case .same: break
        case .keep(let text):
            operations.progress(operation, text)
            log.warning("\(text)")
        case .grow:
            let before = regions.cache.sizeBytes
            let result = await Task.detached { () -> Result<Void, Failure> in
                do throws(Failure) {
                    return .success(try regions.grow(to: settings.cacheSizeBytes))
                } catch {
                    return .failure(error)
                }
            }.value
            try result.get()
            let (old, new) = (UInt64(before), UInt64(regions.cache.sizeBytes))
            let text = "the cache grew from \(Quantity.show(bytes: old)) to \(Quantity.show(bytes: new))"
            operations.progress(operation, text)
            log.notice("\(text)")
        }
        cacheWishes[operation] = settings.cacheSizeBytes
    }
}

extension Regions {
    /// A cache stays where it is as long as it is used; a configuration that names another place is refused.
    func checkPlace(_ file: String?) throws(Failure) {
        let own =
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(cache.descriptor)")) ?? ""
        if own.hasPrefix("/memfd:") {
            guard let file else { return }
            throw .runtime(
                "cache.file \(file): the running cache is in memory and does not move; leave the file out, or "
                    + "start the node anew")
        }
        var running = cl_file_facts()
        var named = cl_file_facts()
        if let file, unsafe cl_descriptor_facts(cache.descriptor, &running) == 0 {
            if unsafe cl_file_facts(file, &named) == 0, named.inode == running.inode { return }
            // Removed by somebody; the running node still has it.
            if own == "\(file) (deleted)" { return }
        }
        throw .runtime(
            "cache.file \(file ?? "is not set"): the running cache is in \(own) and does not move; name that, or "
                + "start the node anew")
    }

    var sizing: CacheSizing {
        CacheSizing(
            sizeBytes: UInt64(cache.sizeBytes), largestBytes: UInt64(cache.largestSizeBytes),
            segmentBytes: UInt64(cache.segmentSizeBytes))
    }

    /// Claims what is missing, if the machine has it.
    func grow(to size: UInt64) throws(Failure) {
        try Regions.checkLimit(size)
        let asked = "cache size \(Quantity.show(bytes: size))"
        let missing = size - min(size, UInt64(cache.heldBytes))
        if cl_is_memory_file(cache.descriptor), let available = HostFacts.availableMemory(), missing > available {
            throw .runtime(
                "\(asked) does not fit: it takes \(Quantity.show(bytes: missing)) more, and "
                    + "\(Quantity.show(bytes: available)) of memory are available (MemAvailable)")
        }
        let room = cl_file_system_room(cache.descriptor)
        if !cl_is_shrink_sealed(cache.descriptor), room >= 0, missing > UInt64(room) {
            throw .runtime(
                "\(asked) does not fit: it takes \(Quantity.show(bytes: missing)) more, and the cache file's file "
                    + "system has \(Quantity.show(bytes: UInt64(room))) free")
        }
        let before = cache.sizeBytes
        do {
            try cache.grow(toBytes: Int(clamping: size))
        } catch {
            let reached = UInt64(cache.sizeBytes)
            let part = cache.sizeBytes > before ? "; it has \(Quantity.show(bytes: reached)) now" : ""
            throw .runtime("\(asked): \(error)\(part)")
        }
    }
}
