// Where to listen and where the origin is, as people write them; resolving names happens in Resolver.
import ControlChannel
import Glibc

/// "127.0.0.1:8080", "[::1]:8080", "*:8080" (both families), "8080", "unix:/path".
struct ListenSpec: Equatable, Codable, Sendable {
    var text: String

    func addresses() throws(Failure) -> [SocketAddress] {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= SocketAddress.maximumPathBytes else {
                throw .usage(
                    "listen address '\(text)': give an absolute path of at most \(SocketAddress.maximumPathBytes) bytes"
                )
            }
            return [SocketAddress(path: path)]
        }
        let (host, port) = try hostAndPort()
        if host == "*" || host.isEmpty {
            return [
                SocketAddress(ipv4: [0, 0, 0, 0], port: port),
                SocketAddress(ipv6: [UInt8](repeating: 0, count: 16), port: port),
            ]
        }
        if let literal = SocketAddress(literal: host, port: port) { return [literal] }
        if host == "localhost" { return [SocketAddress(ipv4: [127, 0, 0, 1], port: port)] }
        throw .usage("listen address '\(text)': '\(host)' is not an IP address; write for example 127.0.0.1:8080")
    }

    private func hostAndPort() throws(Failure) -> (String, UInt16) {
        if let port = UInt16(text) { return ("*", port) }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw .usage("listen address '\(text)': write HOST:PORT, for example 127.0.0.1:8080 or *:8080")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host, port)
    }
}

extension SocketAddress {
    /// An IPv4 or IPv6 address without port.
    init?(literal: String, port: UInt16) {
        var four = [UInt8](repeating: 0, count: 4)
        if unsafe inet_pton(AF_INET, literal, &four) == 1 {
            self.init(ipv4: four, port: port)
            return
        }
        var six = [UInt8](repeating: 0, count: 16)
        guard unsafe inet_pton(AF_INET6, literal, &six) == 1 else { return nil }
        self.init(ipv6: six, port: port)
    }
}

extension SocketAddress {
    /// "192.0.2.53:53" or "[2001:db8::53]:53": nothing that would have to be resolved first, and a port to send to.
    init?(nameServer text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard isBracketed == host.contains(":") else { return nil }
        self.init(literal: String(isBracketed ? host.dropFirst().dropLast() : host), port: port)
    }
}

/// "http://host[:port]" or "https://host[:port]".
struct OriginURL: Equatable, Codable, Sendable {
    var host: String
    var port: UInt16
    var isIPv6Literal: Bool
    /// Nil in what a supervisor without https wrote down.
    private var secure: Bool?
    var isSecure: Bool { secure ?? false }

    init(_ text: String) throws(Failure) {
        let help = "write http://HOST[:PORT], for example http://127.0.0.1:3000"
        guard let separator = text.firstRange(of: "://") else { throw .usage("origin '\(text)': \(help)") }
        let scheme = text[..<separator.lowerBound].lowercased()
        guard scheme == "http" || scheme == "https" else {
            throw .usage("origin '\(text)': unknown scheme '\(scheme)'; \(help)")
        }
        secure = scheme == "https"
        var rest = text[separator.upperBound...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard !rest.contains(where: { "/?#@ ".contains($0) }), !rest.isEmpty else {
            throw .usage("origin '\(text)': only a host and a port are allowed, no path, query or user; \(help)")
        }
        port = scheme == "https" ? 443 : 80
        isIPv6Literal = rest.hasPrefix("[")
        var hostPart = rest
        let afterBracket = isIPv6Literal ? rest.firstIndex(of: "]") ?? rest.startIndex : rest.startIndex
        if let colon = rest[afterBracket...].lastIndex(of: ":") {
            guard let number = UInt16(rest[rest.index(after: colon)...]), number > 0 else {
                throw .usage("origin '\(text)': the port must be a number from 1 to 65535")
            }
            port = number
            hostPart = rest[..<colon]
        }
        if isIPv6Literal { hostPart = hostPart.dropFirst().dropLast() }
        guard !hostPart.isEmpty else { throw .usage("origin '\(text)': there is no host; \(help)") }
        host = hostPart.lowercased()
    }
}
