// Every directive of the configuration file, declared once: name, kind, prose, and the setting that its value goes to
// and its default comes from. The reader, the suggestions, the reference page and the schema come from this table.
import CachePolicy
import ControlChannel

struct Directive: Sendable {
    enum Kind: Sendable {
        case text(@Sendable (inout Settings, String) throws(Failure) -> Void)
        /// Each is checked by itself, so that a complaint names its place.
        case texts(
            @Sendable (String) throws(Failure) -> Void, @Sendable (inout Settings, [String]) throws(Failure) -> Void)
        case bytes(Setting<UInt64>)
        /// Within bounds: too little would refuse everything.
        case size(ClosedRange<UInt64>, Setting<UInt32>)
        case milliseconds(Setting<UInt32>)
        case seconds(Setting<UInt32>)
        case count(ClosedRange<UInt32>, Setting<UInt32>)
        case share(Setting<UInt32>)
        case flag(Setting<Bool>)
        case oneOf([String], Setting<String>)

        static func choice<Value: Equatable & Sendable>(
            _ names: KeyValuePairs<String, Value>, _ path: Setting<Value>.Path
        ) -> Kind {
            .oneOf(
                names.map(\.key),
                Setting(
                    get: { settings in names.first { $0.value == settings[keyPath: path] }?.key },
                    set: { settings, name in
                        if let found = names.first(where: { $0.key == name }) { settings[keyPath: path] = found.value }
                    }))
        }
    }

    /// Dots separate the levels of the file.
    var path: String
    var kind: Kind
    var help: String
    /// What holds without the directive, where its setting does not tell.
    var otherwise: String?

    init(_ path: String, _ kind: Kind, _ help: String, otherwise: String? = nil) {
        self.path = path
        self.kind = kind
        self.help = help
        self.otherwise = otherwise
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
                }), "Addresses: HOST:PORT, *:PORT or unix:/PATH", otherwise: Settings.defaultListen.text),
        .init(
            "origin", .text { (s, text) throws(Failure) in s.origin = try OriginURL(text) }, "URL of the origin",
            otherwise: "the demo site"),
        .init(
            "origin-host", .choice(hostFields, \.originHostHeader),
            "Which Host field the origin gets: the client's, or the origin's own name"),
        .init(
            "workers", .text { (s, text) throws(Failure) in s.workers = try RunFlags.workers(text) },
            "Number of worker processes, or auto: one for each CPU that the node may use", otherwise: "auto"),
        .init(
            "max-workers",
            .count(
                1...UInt32(Settings.mostWorkers),
                Setting(get: { $0.maximumWorkers.map { UInt32($0) } }, set: { $0.maximumWorkers = Int($1) })),
            "Listening slots kept ready for growing", otherwise: "2 for each CPU, at least 8"),
        .init(
            "runtime-dir", .text { $0.runtimeDirectory = $1 }, "Directory that is the node: lock, sockets",
            otherwise: "martlet in $XDG_RUNTIME_DIR or /run"),
        .init(
            "worker", .text { $0.workerPath = $1 }, "Path of the worker binary",
            otherwise: "martlet-worker beside martlet"),
        .init(
            "pseudonym",
            .text { (s, name) throws(Failure) in
                guard ShortName(name) != nil else {
                    throw .usage(
                        "expected a letter and up to 31 more letters, digits, '-', '.' or '_', found '\(name)'")
                }
                s.base.pseudonym = name
            }, "Name in Via and Cache-Status", otherwise: ConfigurationSnapshot().pseudonym),
        .init(
            "io",
            .choice(["auto": .auto, "epoll": .epoll, "uring": .uring], \.base.backend),
            "Event loop backend"),
        .init(
            "pin", .choice(["auto": true, "off": false], \.pins),
            "Whether each worker keeps to a CPU of its own and is given the connections that arrive there"),
        .init("cache.size", .bytes(.at(\.cacheSizeBytes)), "Memory of the cache, all included"),
        .init(
            "cache.max-size", .bytes(.at(\.cacheMaximumBytes)),
            "What a reload may raise cache.size to; four times cache.size at the start unless told",
            otherwise: "4 x cache.size"),
        .init(
            "cache.file", .text { $0.cacheFile = $1 }, "File of the cache; without one it lives in memory",
            otherwise: "none"),
        .init(
            "cache.object-share", .share(.at(\.base.cache.objectSharePerMille)),
            "Most of the cache one object takes"),
        .init("cache.compress", .flag(.at(\.base.cache.compresses)), "Whether stored bodies are compressed"),
        .init(
            "cache.compress-from", .size(0...UInt64(UInt32.max), .at(\.base.cache.compressFromBytes)),
            "Smallest body that is compressed"),
        .init(
            "restart.canary", .milliseconds(.at(\.canaryMilliseconds)), "How long the first moved slot is watched"),
        .init(
            "restart.drain-idle", .milliseconds(.at(\.drainIdleMilliseconds)),
            "How long idle connections may keep an old worker"),
        .init(
            "restart.drain-request", .milliseconds(.at(\.drainRequestMilliseconds)),
            "How long a request may keep an old worker whose answer has not begun or does not move"),
        .init(
            "restart.drain-stream", .milliseconds(.at(\.drainStreamMilliseconds)),
            "How long a tunnel, or an answer that moves, may keep an old worker"),
        .init(
            "restart.stop", .milliseconds(.at(\.stopMilliseconds)),
            "How long requests may delay a stop; 0 not at all"),
        .init(
            "restart.orphan", .seconds(.at(\.orphanSeconds)),
            "How long workers serve without a supervisor; 0 for ever"),
    ]

    private static let timeouts: [Directive] = [
        .init("timeouts.idle", .milliseconds(.at(\.base.timeouts.idleMilliseconds)), "Client between requests"),
        .init(
            "timeouts.request-head", .milliseconds(.at(\.base.timeouts.requestHeadMilliseconds)),
            "From a request's first byte to the end of its head"),
        .init(
            "timeouts.request-body", .milliseconds(.at(\.base.timeouts.requestBodyMilliseconds)),
            "Between two reads of a request body"),
        .init(
            "timeouts.send", .milliseconds(.at(\.base.timeouts.sendMilliseconds)),
            "Between two writes that the client takes"),
        .init(
            "timeouts.origin-connect", .milliseconds(.at(\.base.timeouts.originConnectMilliseconds)),
            "Connecting to the origin"),
        .init(
            "timeouts.origin-first-byte", .milliseconds(.at(\.base.timeouts.originFirstByteMilliseconds)),
            "From the request's last byte to the response's first"),
        .init(
            "timeouts.origin-between-bytes", .milliseconds(.at(\.base.timeouts.originBetweenBytesMilliseconds)),
            "Between two reads of a response"),
        .init(
            "timeouts.origin-idle", .milliseconds(.at(\.base.timeouts.originIdleMilliseconds)),
            "Origin connection in the pool"),
        .init(
            "timeouts.fill-wait", .milliseconds(.at(\.base.timeouts.fillWaitMilliseconds)),
            "Waiting for another worker's fetch before asking the origin oneself"),
        .init(
            "timeouts.tunnel-idle", .milliseconds(.at(\.base.timeouts.tunnelIdleMilliseconds)),
            "Tunnel without traffic"),
    ]

    private static let limits: [Directive] = [
        .init(
            "limits.request-line", .size(256...16 << 20, .at(\.base.limits.requestLineBytes)),
            "Longest request line"),
        .init("limits.fields", .count(8...1024, .at(\.base.limits.fieldCount)), "Fields of a message"),
        .init(
            "limits.field-section", .size(1024...16 << 20, .at(\.base.limits.fieldSectionBytes)),
            "All field lines of a request"),
        .init(
            "limits.response-field-section", .size(1024...16 << 20, .at(\.base.limits.responseFieldSectionBytes)),
            "All field lines of a response"),
        .init(
            "limits.request-body", .bytes(.at(\.base.limits.requestBodyBytes)), "Longest request body; 0 for any"),
        .init(
            "limits.connections", .count(1...4_000_000, .at(\.base.limits.connections)),
            "Client connections per worker"),
        .init(
            "limits.requests-per-connection", .count(0...4_000_000_000, .at(\.base.limits.requestsPerConnection)),
            "Requests on one connection; 0 for any number"),
        .init(
            "limits.pipelined", .count(1...10_000, .at(\.base.limits.pipelined)),
            "Requests of one connection answered before the others have their turn"),
        .init(
            "pool.idle", .count(0...100_000, .at(\.base.pool.idleConnections)),
            "Idle origin connections kept per worker and origin"),
        .init(
            "pool.connections", .count(1...100_000, .at(\.base.pool.connections)),
            "Origin connections per worker and origin"),
    ]
}
