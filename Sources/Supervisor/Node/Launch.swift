// What a generation's workers are started with: binary and configuration. Loading resolves names and reads files, so
// it happens before the node's loop hears of it.
import ControlChannel
import Foundation

/// A loaded and checked configuration, not yet bound to listeners.
struct LoadedConfiguration: Sendable {
    var settings: Settings
    var snapshot: ConfigurationSnapshot
    var listen: [SocketAddress]
    var workerPath: String
    var count: Int

    /// Slots for growing: twice the CPUs, at least 8, at most 64.
    var slotCount: Int {
        let usual = max(8, 2 * HostFacts.usableCPUs())
        return min(64, max(settings.maximumWorkers ?? usual, count))
    }

    /// `demoOrigin` stands in when no origin is configured.
    static func load(_ flags: RunFlags, demoOrigin: OriginURL?) throws(Failure) -> LoadedConfiguration {
        let settings = try flags.settings()
        var snapshot = settings.base
        var listen: [SocketAddress] = []
        for spec in settings.listen {
            for address in try spec.addresses() where !listen.contains(address) { listen.append(address) }
        }
        func add(_ url: OriginURL, _ hostHeader: Origin.HostHeader) throws(Failure) -> UInt16 {
            snapshot.origins.append(
                Origin(
                    host: url.host, port: url.port, addresses: try Resolver.addresses(of: url),
                    hostHeader: hostHeader))
            return UInt16(snapshot.origins.count - 1)
        }
        for site in settings.sites {
            let origin = try add(site.origin, site.hostHeader)
            snapshot.sites.append(Site(name: site.name, hosts: site.hosts, origin: origin))
        }
        if let origin = settings.origin ?? (settings.sites.isEmpty ? demoOrigin : nil) {
            let index = try add(origin, settings.originHostHeader)
            snapshot.sites.append(Site(name: "default", hosts: [], origin: index))
        }
        guard !snapshot.sites.isEmpty else { throw .usage("no origin is configured; give --origin URL") }
        let count: Int
        switch settings.workers {
        case .auto: count = min(HostFacts.usableCPUs(), Settings.mostWorkers)
        case .count(let number): count = number
        }
        if let most = settings.maximumWorkers, count > most {
            throw .usage("workers: \(count) is more than max-workers \(most)")
        }
        return LoadedConfiguration(
            settings: settings, snapshot: snapshot, listen: listen, workerPath: try workerPath(settings), count: count)
    }

    /// The configured worker binary, else the one beside this program.
    static func workerPath(_ settings: Settings) throws(Failure) -> String {
        let path = settings.workerPath ?? besideOurselves()
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw .runtime("worker binary \(path) does not exist or is not executable; name one with --worker")
        }
        return path
    }

    private static func besideOurselves() -> String {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "martlet"
        let directory = (own as NSString).deletingLastPathComponent
        for name in ["martlet-worker", "Worker"] {
            let path = directory + "/" + name
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return directory + "/martlet-worker"
    }
}

/// A launch as the node keeps it while any worker of it lives.
struct Launch: Equatable, Sendable {
    var workerPath: String
    /// memfd of the snapshot.
    var configuration: Int32
    var revision: UInt64
    var orphanSeconds: UInt32
}
