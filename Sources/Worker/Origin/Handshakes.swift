// From a connected socket to a TLS connection, for origins with https. What goes wrong is said in the log, once a
// second at most, and by a 502.

internal import ControlChannel

extension Worker {
    /// The socket is connected: wraps it. False when that failed (and is dealt with).
    mutating func beginHandshake(_ o: UInt32) -> Bool {
        let server = Int(origins[o].origin)
        let descriptor = origins[o].descriptor
        let name = upstreams[server].serverName
        let stream: TLSStream?
        switch tls {
        case .none: stream = nil
        case .some(let context): stream = context.stream(over: descriptor, name: name)
        }
        guard let stream else {
            handshakeFailed(o, "cannot begin: \(TLSError.last())")
            return false
        }
        if let session = upstreams[server].session { stream.resume(session) }
        origins[o].tls = consume stream
        origins[o].phase = .handshaking
        return true
    }

    /// Goes on with the handshake. True when it is done.
    mutating func shakeHands(_ o: UInt32) -> Bool {
        switch origins[o].tls?.handshake() {
        case .done:
            origins[o].lastProgressMilliseconds = clock.milliseconds
            origins[o].phase = origins[o].isCheck ? .checking : .awaitingHead
            armOriginTimer(o)
            return true
        case .waiting: return false
        case .failed(let reason):
            handshakeFailed(o, reason)
            return false
        case .none:
            handshakeFailed(o, "no connection")
            return false
        }
    }

    /// Keeps what the origin has given for coming back, once for each connection.
    mutating func keepSession(_ o: UInt32) {
        guard origins[o].isSecure, origins[o].exchangesServed == 0, let session = origins[o].tls?.session() else {
            return
        }
        upstreams[Int(origins[o].origin)].session = session
    }

    private mutating func handshakeFailed(_ o: UInt32, _ reason: String) {
        let server = Int(origins[o].origin)
        upstreams[server].session = nil
        if upstreams[server].mayReport(nowMilliseconds: clock.milliseconds) {
            WorkerMain.report("\(upstreams[server].name): TLS: \(reason)")
        }
        originFailed(o, .insecure)
    }
}
