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
        for site in settings.sites { try add(site, to: &snapshot) }
        let origin = settings.origin ?? (settings.hasOrigin ? nil : demoOrigin)
        let upstreams = origin.map { [Settings.Upstream(url: $0)] } ?? settings.origins
        if !upstreams.isEmpty {
            let site = Settings.SiteSettings(
                name: "default", hosts: [], origins: upstreams, balance: settings.balance,
                hostHeader: settings.originHostHeader)
            try add(site, to: &snapshot)
        }
        guard !snapshot.sites.isEmpty else { throw .usage("no origin is configured; give --origin URL") }
        let count: Int
        switch settings.workers {
        case .auto: count = min(HostFacts.usableCPUs(), Settings.mostWorkers)
        case .count(let number): count = number
        }
        try settings.checkWorkerCount(count)
        return LoadedConfiguration(
            settings: settings, snapshot: snapshot, listen: listen, workerPath: try workerPath(settings), count: count)
    }

    private static func add(
        _ site: Settings.SiteSettings, to snapshot: inout ConfigurationSnapshot
    ) throws(Failure) {
        guard snapshot.origins.count + site.origins.count <= Int(UInt16.max) else {
            throw .usage("sites: all together may have at most \(UInt16.max) origins")
        }
        let first = UInt16(snapshot.origins.count)
        for upstream in site.origins {
            let url = upstream.url
            // Name servers of one's own may know what the system does not: then the workers ask, and requests wait.
            let addresses =
                snapshot.dns.servers.isEmpty
                ? try Resolver.addresses(of: url)
                : SocketAddress(literal: url.host, port: url.port).map { [$0] } ?? []
            var origin = Origin(
                scheme: url.isSecure ? .https : .http, host: url.host, port: url.port, addresses: addresses,
                hostHeader: site.hostHeader)
            origin.weight = upstream.weight
            origin.serverName = upstream.serverName
            snapshot.origins.append(origin)
        }
        snapshot.sites.append(
            Site(
                name: site.name, hosts: site.hosts, origin: first, originCount: UInt16(site.origins.count),
                balance: site.balance))
    }

    /// The configured worker binary, else the one beside this program.
    static func workerPath(_ settings: Settings) throws(Failure) -> String {
        let path = settings.workerPath ?? besideOurselves()
        if FileManager.default.isExecutableFile(atPath: path) { return path }
        let problem = "worker binary \(path) does not exist or is not executable"
        guard settings.workerPath != nil else { throw .runtime(problem + "; name one with --worker") }
        throw .usage((settings.places["worker"] ?? "--worker: ") + problem)
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
