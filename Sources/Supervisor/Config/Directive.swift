// Every directive of the configuration file, declared once: name, kind, prose, and where its value goes. The reader,
// the suggestions and the reference page come from this table.
import CachePolicy
import ControlChannel

struct Directive: Sendable {
    enum Kind: Sendable {
        case text(@Sendable (inout Settings, String) throws(Failure) -> Void)
        /// Each is checked by itself, so that a complaint names its place.
        case texts(
            @Sendable (String) throws(Failure) -> Void, @Sendable (inout Settings, [String]) throws(Failure) -> Void)
        case bytes(@Sendable (inout Settings, UInt64) -> Void)
        /// Within bounds: too little would refuse everything.
        case size(ClosedRange<UInt64>, @Sendable (inout Settings, UInt32) -> Void)
        case milliseconds(@Sendable (inout Settings, UInt32) -> Void)
        case seconds(@Sendable (inout Settings, UInt32) -> Void)
        case count(ClosedRange<UInt32>, @Sendable (inout Settings, UInt32) -> Void)
        case share(@Sendable (inout Settings, UInt32) -> Void)
        case flag(@Sendable (inout Settings, Bool) -> Void)
        case choice([String], @Sendable (inout Settings, String) -> Void)
    }

    /// Dots separate the levels of the file.
    var path: String
    var kind: Kind
    var help: String

    init(_ path: String, _ kind: Kind, _ help: String) {
        self.path = path
        self.kind = kind
        self.help = help
    }

    static let all: [Directive] = node + originSettings + timeouts + limits + policy

    private static let node: [Directive] = [
        .init(
            "listen",
            .texts(
                { (text) throws(Failure) in _ = try ListenSpec(text: text).addresses() },
                { (settings, found) throws(Failure) in
                    guard !found.isEmpty else { throw .usage("expected at least one address") }
                    settings.listen = found.map(ListenSpec.init)
                }), "Addresses: HOST:PORT, *:PORT or unix:/PATH"),
        .init("origin", .text { (s, text) throws(Failure) in s.origin = try OriginURL(text) }, "URL of the origin"),
        .init(
            "origin-host", .choice(["client", "origin"]) { $0.originHostHeader = $1 == "origin" ? .origin : .client },
            "Which Host field the origin gets: the client's, or the origin's own name"),
        .init(
            "workers", .text { (s, text) throws(Failure) in s.workers = try RunFlags.workers(text) },
            "Number of worker processes, or auto"),
        .init(
            "max-workers", .count(1...UInt32(Settings.mostWorkers)) { $0.maximumWorkers = Int($1) },
            "Listening slots kept ready for growing"),
        .init("runtime-dir", .text { $0.runtimeDirectory = $1 }, "Directory that is the node: lock, sockets"),
        .init("worker", .text { $0.workerPath = $1 }, "Path of the worker binary"),
        .init(
            "pseudonym",
            .text { (s, name) throws(Failure) in
                guard ShortName(name) != nil else {
                    throw .usage(
                        "expected a letter and up to 31 more letters, digits, '-', '.' or '_', found '\(name)'")
                }
                s.base.pseudonym = name
            }, "Name in Via and Cache-Status"),
        .init(
            "io",
            .choice(IOBackend.names) { settings, name in settings.base.backend = IOBackend(name: name) ?? .auto },
            "Event loop backend"),
        .init(
            "pin", .choice(["auto", "off"]) { $0.pins = $1 == "auto" },
            "Whether each worker keeps to a CPU of its own and is given the connections that arrive there"),
        .init("cache.size", .bytes { $0.cacheSizeBytes = $1 }, "Memory of the cache, all included"),
        .init(
            "cache.max-size", .bytes { $0.cacheMaximumBytes = $1 },
            "What a reload may raise cache.size to; four times cache.size at the start unless told"),
        .init("cache.file", .text { $0.cacheFile = $1 }, "File of the cache; without one it lives in memory"),
        .init(
            "cache.object-share", .share { $0.base.cache.objectSharePerMille = $1 },
            "Most of the cache one object takes"),
        .init("cache.compress", .flag { $0.base.cache.compresses = $1 }, "Whether stored bodies are compressed"),
        .init(
            "cache.compress-from", .bytes { $0.base.cache.compressFromBytes = UInt32(clamping: $1) },
            "Smallest body that is compressed"),
        .init(
            "restart.canary", .milliseconds { $0.canaryMilliseconds = $1 }, "How long the first moved slot is watched"),
        .init(
            "restart.drain-idle", .milliseconds { $0.drainIdleMilliseconds = $1 },
            "How long idle connections may keep an old worker"),
        .init(
            "restart.drain-request", .milliseconds { $0.drainRequestMilliseconds = $1 },
            "How long a request may keep an old worker"),
        .init(
            "restart.drain-stream", .milliseconds { $0.drainStreamMilliseconds = $1 },
            "How long a tunnel may keep an old worker"),
        .init("restart.stop", .milliseconds { $0.stopMilliseconds = $1 }, "How long requests may delay a stop"),
        .init(
            "restart.orphan", .seconds { $0.orphanSeconds = $1 },
            "How long workers serve without a supervisor; 0 for ever"),
    ]

    private static let timeouts: [Directive] = [
        .init("timeouts.idle", .milliseconds { $0.base.timeouts.idleMilliseconds = $1 }, "Client between requests"),
        .init(
            "timeouts.request-head", .milliseconds { $0.base.timeouts.requestHeadMilliseconds = $1 },
            "From a request's first byte to the end of its head"),
        .init(
            "timeouts.request-body", .milliseconds { $0.base.timeouts.requestBodyMilliseconds = $1 },
            "Between two reads of a request body"),
        .init(
            "timeouts.send", .milliseconds { $0.base.timeouts.sendMilliseconds = $1 },
            "Between two writes that the client takes"),
        .init(
            "timeouts.origin-connect", .milliseconds { $0.base.timeouts.originConnectMilliseconds = $1 },
            "Connecting to the origin"),
        .init(
            "timeouts.origin-first-byte", .milliseconds { $0.base.timeouts.originFirstByteMilliseconds = $1 },
            "From the request's last byte to the response's first"),
        .init(
            "timeouts.origin-between-bytes", .milliseconds { $0.base.timeouts.originBetweenBytesMilliseconds = $1 },
            "Between two reads of a response"),
        .init(
            "timeouts.origin-idle", .milliseconds { $0.base.timeouts.originIdleMilliseconds = $1 },
            "Origin connection in the pool"),
        .init(
            "timeouts.fill-wait", .milliseconds { $0.base.timeouts.fillWaitMilliseconds = $1 },
            "Waiting for another worker's fetch before asking the origin oneself"),
        .init(
            "timeouts.tunnel-idle", .milliseconds { $0.base.timeouts.tunnelIdleMilliseconds = $1 },
            "Tunnel without traffic"),
    ]

    private static let limits: [Directive] = [
        .init(
            "limits.request-line", .size(256...16 << 20) { $0.base.limits.requestLineBytes = $1 },
            "Longest request line"),
        .init("limits.fields", .count(8...1024) { $0.base.limits.fieldCount = $1 }, "Fields of a message"),
        .init(
            "limits.field-section", .size(1024...16 << 20) { $0.base.limits.fieldSectionBytes = $1 },
            "All field lines of a request"),
        .init(
            "limits.response-field-section", .size(1024...16 << 20) { $0.base.limits.responseFieldSectionBytes = $1 },
            "All field lines of a response"),
        .init(
            "limits.request-body", .bytes { $0.base.limits.requestBodyBytes = $1 }, "Longest request body; 0 for any"),
        .init(
            "limits.connections", .count(1...4_000_000) { $0.base.limits.connections = $1 },
            "Client connections per worker"),
        .init(
            "limits.requests-per-connection", .count(0...4_000_000_000) { $0.base.limits.requestsPerConnection = $1 },
            "Requests on one connection; 0 for any number"),
        .init(
            "limits.pipelined", .count(1...10_000) { $0.base.limits.pipelined = $1 },
            "Requests of one connection answered before the others have their turn"),
        .init(
            "pool.idle", .count(0...100_000) { $0.base.pool.idleConnections = $1 },
            "Idle origin connections kept per worker and origin"),
        .init(
            "pool.connections", .count(1...100_000) { $0.base.pool.connections = $1 },
            "Origin connections per worker and origin"),
    ]
}
