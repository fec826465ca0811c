// What the machine, or the container around us, allows: CPUs and memory. Text is parsed by pure functions; reading
// files is at the edge.
import CLinux
import Foundation
import Glibc

enum HostFacts {
    /// CPUs that this process may use: the affinity mask, cut by the cgroup's quota, at least 1.
    static func usableCPUs() -> Int {
        var cpus = [Int32](repeating: 0, count: 1_024)
        let allowed = max(1, Int(unsafe cl_affinity_get(&cpus, 1_024)))
        guard let quota = cgroupCPUQuota() else { return allowed }
        return max(1, min(allowed, Int(quota.rounded(.up))))
    }

    static func allowedCPUs() -> [Int] {
        var cpus = [Int32](repeating: 0, count: 1_024)
        let count = max(0, Int(unsafe cl_affinity_get(&cpus, 1_024)))
        return cpus[0..<count].map(Int.init)
    }

    // MARK: Control groups

    /// The path of this process within the hierarchy of `controller` ("" is version 2) from /proc/self/cgroup.
    static func cgroupPath(_ text: String, controller: String) -> String? {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let names = parts[1].split(separator: ",").map(String.init)
            if controller.isEmpty ? parts[1].isEmpty : names.contains(controller) { return String(parts[2]) }
        }
        return nil
    }

    /// CPUs' worth of quota from version 2's "cpu.max", e.g. "150000 100000".
    static func quota(cpuMax text: String) -> Double? {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2, let quota = Double(parts[0]), let period = Double(parts[1]), period > 0 else {
            return nil
        }
        return quota / period
    }

    /// Every directory from a group up to its root, since the smallest limit on the way holds.
    static func ancestors(_ group: String, under root: String) -> [String] {
        var found = [root + group]
        var path = group
        while let slash = path.lastIndex(of: "/"), path != "/", !path.isEmpty {
            path = String(path[..<slash])
            found.append(root + path)
        }
        return found.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
    }

    private static func read(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private static func cgroupCPUQuota() -> Double? {
        let groups = read("/proc/self/cgroup") ?? ""
        var quotas: [Double] = []
        for directory in directories(groups, controller: "") {
            if let text = read(directory + "/cpu.max"), let quota = quota(cpuMax: text) { quotas.append(quota) }
        }
        for directory in directories(groups, controller: "cpu") {
            if let quota = number(directory + "/cpu.cfs_quota_us"), quota > 0,
                let period = number(directory + "/cpu.cfs_period_us"), period > 0
            {
                quotas.append(Double(quota) / Double(period))
            }
        }
        return quotas.min()
    }

    private static func directories(_ groups: String, controller: String) -> [String] {
        guard let group = cgroupPath(groups, controller: controller) else { return [] }
        let root = controller.isEmpty ? "/sys/fs/cgroup" : "/sys/fs/cgroup/" + controller
        // Inside a container the path names the host's view, while the mount shows the container's group as root.
        return ancestors(group, under: root) + [root]
    }

    private static func number(_ path: String) -> Int64? {
        read(path).flatMap { Int64($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }

    // MARK: Memory

    /// The smallest limit that holds for this process, and its name.
    static func memoryLimit() -> (bytes: UInt64, name: String)? {
        let groups = read("/proc/self/cgroup") ?? ""
        var limits: [(UInt64, String)] = []
        for directory in directories(groups, controller: "") {
            if let limit = number(directory + "/memory.max") { limits.append((UInt64(limit), "memory.max")) }
        }
        for directory in directories(groups, controller: "memory") {
            if let limit = number(directory + "/memory.limit_in_bytes"), limit < 1 << 60 {
                limits.append((UInt64(limit), "memory.limit_in_bytes"))
            }
        }
        return limits.min { $0.0 < $1.0 }.map { (bytes: $0.0, name: $0.1) }
    }

    /// MemAvailable of a /proc/meminfo text, in bytes.
    static func available(meminfo text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            let parts = line.split(whereSeparator: \.isWhitespace)
            if parts.count >= 2, let kibibytes = UInt64(parts[1]) { return kibibytes * 1024 }
        }
        return nil
    }

    static func availableMemory() -> UInt64? { read("/proc/meminfo").flatMap(available(meminfo:)) }

    /// Free bytes for files under a directory, and whether it is a memory file system.
    static func freeSpace(at path: String) -> UInt64? {
        var facts = statvfs()
        guard unsafe statvfs(path, &facts) == 0 else { return nil }
        return UInt64(facts.f_bavail) * UInt64(facts.f_frsize)
    }
}
