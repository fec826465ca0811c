// Why a region could not be created or used. Every case has one clear line for the operator.
internal import Glibc

/// Why a region could not be created, opened or attached. Nothing has been written when one is thrown for an existing
/// file.
public enum RegionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// An option is out of range; the text says which and what is allowed.
    case invalidOptions(String)
    /// A system call failed.
    case system(call: String, errno: Int32, path: String?)
    /// The file is not a Martlet region at all.
    case foreign(path: String?)
    /// A region of a layout or with features that this program does not know.
    case unsupported(path: String?, reason: String)
    /// A region whose description does not add up.
    case corrupt(path: String?, reason: String)
    /// Somebody else has opened the file for itself alone.
    case inUse(path: String)
    /// The lane is in use by a live process.
    case laneInUse(lane: Int, processID: Int32)
    /// No such lane in this region.
    case noSuchLane(lane: Int, laneCount: Int)
    /// There is not enough memory or disk space; the figures are in the text.
    case noRoom(String)

    public var description: String {
        switch self {
        case .invalidOptions(let text): text
        case .system(let call, let code, let path):
            "\(call) failed\(RegionError.place(path)): \(unsafe String(cString: strerror(code)))"
        case .foreign(let path): "not a cache region\(RegionError.place(path)): choose another path or remove the file"
        case .unsupported(let path, let reason):
            "cache region of another version\(RegionError.place(path)) (\(reason)): "
                + "use the program that wrote it, or create a new one"
        case .corrupt(let path, let reason):
            "damaged cache region\(RegionError.place(path)) (\(reason)): create a new one"
        case .inUse(let path): "\(path) is used by another node; give each node a file of its own"
        case .laneInUse(let lane, let pid): "lane \(lane) is in use by process \(pid)"
        case .noSuchLane(let lane, let count): "lane \(lane) does not exist: the region has \(count)"
        case .noRoom(let text): text
        }
    }

    private static func place(_ path: String?) -> String {
        path.map { " at \($0)" } ?? ""
    }
}
