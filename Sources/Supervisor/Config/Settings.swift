// Everything that a configuration says, checked but not resolved. The defaults of what workers use are in
// `ConfigurationSnapshot`; the flags and the file both write here.
import ControlChannel

struct Settings: Equatable, Sendable {
    enum Workers: Equatable, Sendable {
        case auto
        case count(Int)
    }

    struct SiteSettings: Equatable, Sendable {
        var name: String
        var hosts: [String]
        var origins: [Upstream] = []
        var balance = Balance.powerOfTwo
        var hostHeader = Origin.HostHeader.client
    }

    /// One of the servers that answer for a site.
    struct Upstream: Equatable, Sendable {
        var url: OriginURL
        var weight: UInt32 = 1
        var serverName = ""
    }

    var listen: [ListenSpec] = []
    /// Nil starts the demo origin.
    var origin: OriginURL?
    /// Several servers for the default site, instead of `origin`.
    var origins: [Upstream] = []
    var balance = Balance.powerOfTwo
    var originHostHeader = Origin.HostHeader.client
    var sites: [SiteSettings] = []
    var workers = Workers.auto
    var maximumWorkers: Int?
    /// Each worker on a CPU of its own, and connections to the worker on the CPU that receives them.
    var pins = false
    var cacheSizeBytes: UInt64 = 512 << 20
    /// What the cache can be made to grow to while it is used; nil for four times its size.
    var cacheMaximumBytes: UInt64?
    var cacheFile: String?
    var runtimeDirectory: String?
    var workerPath: String?
    var orphanSeconds: UInt32 = 0
    var drainIdleMilliseconds: UInt32 = 5_000
    var drainRequestMilliseconds: UInt32 = 120_000
    var drainStreamMilliseconds: UInt32 = 3_600_000
    var stopMilliseconds: UInt32 = 10_000
    var canaryMilliseconds: UInt32 = 250
    /// Where the file names each directive, as a complaint begins: some values can be judged only with the others.
    var places: [String: String] = [:]
    /// Timeouts, limits, policy, pools: filled in place, addresses and origins added by `SnapshotBuilder`.
    var base = ConfigurationSnapshot()

    var largestCacheBytes: UInt64 {
        let most: UInt64 = 1 << 44
        return min(max(cacheSizeBytes, cacheMaximumBytes ?? min(cacheSizeBytes, most) * 4), max(cacheSizeBytes, most))
    }

    /// Tables are laid out for the largest size, so that has a bound.
    func checkMaximum() throws(Failure) {
        guard let most = cacheMaximumBytes else { return }
        let size = Quantity.show(bytes: cacheSizeBytes)
        let place = places["cache.max-size"] ?? ""
        let given = "\(place)cache.max-size \(Quantity.show(bytes: most)) with a cache size of \(size)"
        guard most >= cacheSizeBytes else { throw .usage("\(given): it must not be less") }
        guard most / 16 <= cacheSizeBytes else {
            throw .usage("\(given): at most 16 times the size, since tables are laid out for it")
        }
    }

    func checkWorkerCount(_ count: Int) throws(Failure) {
        guard let most = maximumWorkers, count > most else { return }
        throw .usage("\(places["max-workers"] ?? "")workers: \(count) is more than max-workers \(most)")
    }

    /// Without any the demo site stands in.
    var hasOrigin: Bool { origin != nil || !origins.isEmpty || !sites.isEmpty }

    static let defaultListen = ListenSpec(text: "127.0.0.1:8080")
    /// Lanes allow 128 processes; a generation change needs two of them per worker, and old ones linger.
    static let mostWorkers = 32
}

/// The flags of `martlet run`, as given: kept for reloads and upgrades, where they win over the file again.
struct RunFlags: Equatable, Codable, Sendable {
    var config: String?
    var origin: String?
    var listen: [String] = []
    var workers: String?
    var cacheSize: String?
    var cacheFile: String?
    var runtimeDirectory: String?
    var worker: String?
    var io: String?
    var pin: String?

    /// What a reload may change beside reading the file again; it wins over the file from then on. An empty text takes
    /// a flag back: the file decides again.
    struct Change: Equatable, Codable, Sendable {
        var workers: String?
        var io: String?
        var cacheSize: String?
    }

    mutating func take(_ change: Change) {
        Self.take(change.workers, &workers)
        Self.take(change.io, &io)
        Self.take(change.cacheSize, &cacheSize)
    }

    private static func take(_ wanted: String?, _ flag: inout String?) {
        if let wanted { flag = wanted.isEmpty ? nil : wanted }
    }

    /// The file's settings with the flags on top.
    func settings() throws(Failure) -> Settings {
        var settings = Settings()
        if let config { try ConfigFile.read(path: config, into: &settings) }
        if !listen.isEmpty { settings.listen = listen.map(ListenSpec.init) }
        if let origin {
            settings.origin = try OriginURL(origin)
            settings.origins = []
        }
        if let workers {
            settings.workers = try Self.workers(workers)
            settings.places["workers"] = nil
        }
        if let cacheSize {
            guard let bytes = Quantity.bytes(cacheSize) else {
                throw .usage("--cache-size '\(cacheSize)': write a size such as 512MiB or 4GiB")
            }
            settings.cacheSizeBytes = bytes
            settings.places["cache.size"] = nil
        }
        if let cacheFile { settings.cacheFile = cacheFile }
        if let runtimeDirectory { settings.runtimeDirectory = runtimeDirectory }
        if let worker {
            settings.workerPath = worker
            settings.places["worker"] = nil
        }
        if let io {
            guard let backend = IOBackend(name: io) else {
                throw .usage("--io '\(io)': write one of \(IOBackend.names.joined(separator: ", "))")
            }
            settings.base.backend = backend
        }
        if let pin {
            guard pin == "auto" || pin == "off" else { throw .usage("--pin '\(pin)': write auto or off") }
            settings.pins = pin == "auto"
        }
        try settings.checkMaximum()
        if settings.listen.isEmpty { settings.listen = [Settings.defaultListen] }
        for spec in settings.listen { _ = try spec.addresses() }
        return settings
    }

    static func workers(_ text: String) throws(Failure) -> Settings.Workers {
        if text == "auto" { return .auto }
        guard let count = Int(text), (1...Settings.mostWorkers).contains(count) else {
            throw .usage("workers '\(text)': write a number from 1 to \(Settings.mostWorkers), or auto")
        }
        return .count(count)
    }
}

extension IOBackend {
    /// As flags and files name the backends.
    static let names = ["auto", "epoll", "uring"]

    init?(name: String) {
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        self = Self.allCases[index]
    }

    var name: String { Self.names[Int(rawValue)] }
}
