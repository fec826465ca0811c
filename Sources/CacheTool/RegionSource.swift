// Finding a region to look at: a region file, or a running node named by its runtime directory.
@unsafe @preconcurrency import Glibc
import ShmCache

enum RegionSource {
    /// Opens the region read-only.
    static func open(_ path: String) throws -> CacheRegion {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { throw ToolFailure.failed("\(path) does not exist") }
        let file = status.st_mode & S_IFMT == S_IFDIR ? try nodeRegion(directory: path) : path
        let descriptor = unsafe Glibc.open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ToolFailure.failed("cannot read \(file)", errno: errno) }
        defer { close(descriptor) }
        return try CacheRegion.inspect(descriptor: descriptor, path: path)
    }

    /// The cache region among the descriptors of the node's supervisor.
    private static func nodeRegion(directory: String) throws -> String {
        let pidFile = directory + "/pid"
        guard let text = firstLine(of: pidFile), let pid = Int32(text) else {
            throw ToolFailure.failed("no node runs in \(directory): there is no pid in \(pidFile)")
        }
        for number in 0..<4096 {
            let path = "/proc/\(pid)/fd/\(number)"
            var target = [CChar](repeating: 0, count: 512)
            let length = unsafe readlink(path, &target, target.count - 1)
            guard length > 0 else { continue }
            let name = String(decoding: target[0..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if name.hasPrefix("/memfd:martlet-cache") || isRegionFile(name, path) { return path }
        }
        throw ToolFailure.failed(
            "process \(pid) of the node in \(directory) shows no cache region: run this as its user")
    }

    /// Whether an open file begins as a region does.
    private static func isRegionFile(_ name: String, _ path: String) -> Bool {
        guard name.hasPrefix("/"), !name.hasPrefix("/memfd:"), !name.hasPrefix("/dev/null") else { return false }
        var status = stat()
        guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var magic = [UInt8](repeating: 0, count: 8)
        return unsafe read(descriptor, &magic, 8) == 8 && magic == Array("MRTLCACH".utf8)
    }

    private static func firstLine(of path: String) -> String? {
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes[0..<count].prefix { $0 != 10 }, as: UTF8.self)
    }
}
