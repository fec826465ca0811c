// The counters of a worker, each declared once: index, name, kind, unit and help. A worker adds to its own row in the
// node region; the supervisor reads all rows for `status` and metrics. Cases are only ever appended.

/// The raw value is the index of the counter's 64-bit word in a lane's row.
package enum Counter: Int, CaseIterable, Sendable {
    case requests, hits, staleHits, misses, passes, revalidations
    case conditionalHits, rangeHits
    case fillsStarted, fillsCollapsed, fillsCommitted, fillsFailed, fillsUncacheable, fillsTakenOver
    case bytesIn, bytesOut, bytesFromOrigin, bytesToOrigin
    case connectionsAccepted, connectionsOpen, connectionsIdle, connectionsHandedOver, connectionsTakenOver
    case originConnects, originReused, originErrors, originTimeouts, originOpen
    case clientErrors400, clientErrors408, clientErrors413, clientErrors4xxOther
    case nodeErrors502, nodeErrors503, nodeErrors504, clientAborts
    case tunnelsOpen, tunnelsTotal
    case turns, busyNanoseconds, acceptErrors

    case originQueued, originEjections, originChecksFailed, originMoves, resolveFailures
    case janitorWakes, janitorEvictions, janitorDictionaries, janitorRecompressions
    case fillsRefused, fillsLeft
    case janitorEncodings

    /// Words reserved in a row, so that workers of two versions share a region.
    package static let rowWords = 64
}

package struct CounterDeclaration: Sendable {
    package enum Kind: Sendable {
        case counter
        case gauge
    }

    package enum Unit: Sendable {
        case none
        case bytes
        case nanoseconds
    }

    package var name: StaticString
    package var kind: Kind
    package var unit: Unit
    package var help: StaticString

    init(_ name: StaticString, _ help: StaticString, _ kind: Kind = .counter, _ unit: Unit = .none) {
        self.name = name
        self.kind = kind
        self.unit = unit
        self.help = help
    }
}

extension Counter {
    package var declaration: CounterDeclaration {
        switch self {
        case .requests: .init("requests", "Requests answered or relayed")
        case .hits: .init("hits", "Responses from a fresh stored object")
        case .staleHits: .init("stale_hits", "Responses from a stale stored object")
        case .misses: .init("misses", "Requests that began or joined a fill")
        case .passes: .init("passes", "Requests relayed to the origin without the cache")
        case .revalidations: .init("revalidations", "Stored objects confirmed by the origin with 304")
        case .conditionalHits: .init("conditional_hits", "304 responses to clients from a stored object")
        case .rangeHits: .init("range_hits", "206 responses from a stored object")
        case .fillsStarted: .init("fills_started", "Fetches that write into the cache")
        case .fillsCollapsed:
            .init("fills_collapsed", "Requests that joined a running fill instead of asking the origin")
        case .fillsCommitted: .init("fills_committed", "Fills that ended as a stored object")
        case .fillsFailed: .init("fills_failed", "Fills that ended by an error of the origin or the network")
        case .fillsUncacheable: .init("fills_uncacheable", "Fills whose response may not be stored")
        case .fillsTakenOver: .init("fills_taken_over", "Fills continued after their owner died")
        case .bytesIn: .init("bytes_in", "Bytes read from clients", .counter, .bytes)
        case .bytesOut: .init("bytes_out", "Bytes written to clients", .counter, .bytes)
        case .bytesFromOrigin: .init("bytes_from_origin", "Bytes read from origins", .counter, .bytes)
        case .bytesToOrigin: .init("bytes_to_origin", "Bytes written to origins", .counter, .bytes)
        case .connectionsAccepted: .init("connections_accepted", "Client connections accepted")
        case .connectionsOpen: .init("connections_open", "Client connections open now", .gauge)
        case .connectionsIdle: .init("connections_idle", "Client connections between requests now", .gauge)
        case .connectionsHandedOver: .init("connections_handed_over", "Client connections given to another worker")
        case .connectionsTakenOver: .init("connections_taken_over", "Client connections taken from another worker")
        case .originConnects: .init("origin_connects", "Connections opened to origins")
        case .originReused: .init("origin_reused", "Origin requests sent on a pooled connection")
        case .originErrors: .init("origin_errors", "Origin requests that failed, timeouts excepted")
        case .originTimeouts: .init("origin_timeouts", "Origin requests that ran into a timeout")
        case .originOpen: .init("origin_open", "Origin connections open now", .gauge)
        case .clientErrors400: .init("client_errors_400", "Requests refused with 400")
        case .clientErrors408: .init("client_errors_408", "Requests refused with 408")
        case .clientErrors413: .init("client_errors_413", "Requests refused with 413")
        case .clientErrors4xxOther: .init("client_errors_4xx_other", "Requests refused with another 4xx by the node")
        case .nodeErrors502: .init("node_errors_502", "Responses 502 made by the node")
        case .nodeErrors503: .init("node_errors_503", "Responses 503 made by the node")
        case .nodeErrors504: .init("node_errors_504", "Responses 504 made by the node")
        case .clientAborts: .init("client_aborts", "Clients that left before their response was complete")
        case .tunnelsOpen: .init("tunnels_open", "Upgraded connections open now", .gauge)
        case .tunnelsTotal: .init("tunnels_total", "Connections upgraded")
        case .turns: .init("turns", "Turns of the event loop")
        case .busyNanoseconds: .init("busy_nanoseconds", "Time in event loop turns", .counter, .nanoseconds)
        case .acceptErrors: .init("accept_errors", "Failed accepts (descriptor limits and the like)")
        case .originQueued: .init("origin_queued", "Requests that waited for a connection to an origin")
        case .originEjections: .init("origin_ejections", "Origins left out because their requests failed")
        case .originChecksFailed: .init("origin_checks_failed", "Health checks of origins that failed")
        case .originMoves: .init("origin_moves", "Changes of an origin's addresses")
        case .resolveFailures: .init("resolve_failures", "Names of origins that could not be resolved")
        case .janitorWakes: .init("janitor_wakes", "Times that the janitor woke up")
        case .janitorEvictions: .init("janitor_evictions", "Segments that the janitor evicted or gave back")
        case .janitorDictionaries: .init("janitor_dictionaries", "Dictionaries that the janitor trained and published")
        case .janitorRecompressions:
            .init("janitor_recompressions", "Objects compressed anew when they were promoted to the main queue")
        case .fillsRefused: .init("fills_refused", "Misses fetched alone because no more fills can be kept track of")
        case .fillsLeft: .init("fills_left", "Requests fetched alone because what they waited for or read is gone")
        case .janitorEncodings: .init("janitor_encodings", "Encoded forms of hot text that the janitor made")
        }
    }
}
