// An address as configuration and messages carry it: family, address bytes, port. Turning it into a `sockaddr` is the
// caller's two lines (`withSocketAddress`); resolving names is the supervisor's business.
package import Glibc

package struct SocketAddress: Equatable, Hashable, Sendable {
    package enum Family: UInt8, Sendable {
        case ipv4 = 4
        case ipv6 = 6
        /// `path` names the socket.
        case unix = 1
    }

    package var family: Family
    /// 4 or 16 bytes in network order; empty for a Unix socket.
    package var bytes: [UInt8]
    package var port: UInt16
    /// IPv6 scope, 0 for none.
    package var scope: UInt32
    /// Unix sockets only.
    package var path: String

    package init(ipv4 bytes: [UInt8], port: UInt16) {
        self.init(family: .ipv4, bytes: bytes, port: port, scope: 0, path: "")
    }

    package init(ipv6 bytes: [UInt8], port: UInt16, scope: UInt32 = 0) {
        self.init(family: .ipv6, bytes: bytes, port: port, scope: scope, path: "")
    }

    package init(path: String) { self.init(family: .unix, bytes: [], port: 0, scope: 0, path: path) }

    private init(family: Family, bytes: [UInt8], port: UInt16, scope: UInt32, path: String) {
        self.family = family
        self.bytes = bytes
        self.port = port
        self.scope = scope
        self.path = path
    }

    /// AF_INET, AF_INET6 or AF_UNIX.
    package var domain: Int32 {
        switch family {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// The length of a Unix path that still fits its terminating zero.
    package static let maximumPathBytes = 107

    /// Calls `body` with the address in the form that bind and connect take.
    package func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        switch family {
        case .ipv4:
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: bytes.prefix(4)) }
            return unsafe withErased(&address, body)
        case .ipv6:
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            address.sin6_scope_id = scope
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes.prefix(16)) }
            return unsafe withErased(&address, body)
        case .unix:
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            unsafe withUnsafeMutableBytes(of: &address.sun_path) {
                unsafe $0.copyBytes(from: path.utf8.prefix(Self.maximumPathBytes))
            }
            return unsafe withErased(&address, body)
        }
    }

    /// The address in a `sockaddr_storage` as accept and getsockname fill it; nil for a family we do not speak.
    package init?(storage: sockaddr_storage) {
        var storage = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.load(as: sockaddr_in.self) }
            let bytes = unsafe withUnsafeBytes(of: address.sin_addr) { unsafe Array($0) }
            self.init(ipv4: bytes, port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.load(as: sockaddr_in6.self) }
            let bytes = unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) }
            self.init(ipv6: bytes, port: UInt16(bigEndian: address.sin6_port), scope: address.sin6_scope_id)
        default: return nil
        }
    }

    func encode(into writer: inout WireWriter) {
        writer.put(family.rawValue)
        writer.put(bytes)
        writer.put(port)
        writer.put(scope)
        writer.put(path)
    }

    init(from reader: inout WireReader) throws(ControlError) {
        let family: Family = try reader.takeCase()
        let bytes = try reader.takeBytes()
        let expected = family == .ipv4 ? 4 : family == .ipv6 ? 16 : 0
        guard bytes.count == expected else { throw .malformed("address of \(bytes.count) bytes") }
        self.init(
            family: family, bytes: bytes, port: try reader.take(), scope: try reader.take(),
            path: try reader.takeText())
        guard path.utf8.count <= Self.maximumPathBytes else { throw .malformed("socket path too long") }
    }
}

private func withErased<T, R>(_ address: inout T, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    unsafe withUnsafePointer(to: &address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<T>.size))
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    package var description: String {
        switch family {
        case .ipv4: "\(bytes.map(String.init).joined(separator: ".")):\(port)"
        case .ipv6: "[\(ipv6Text)]:\(port)"
        case .unix: "unix:\(path)"
        }
    }

    /// RFC 5952 without the embedded IPv4 form.
    private var ipv6Text: String {
        let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            groups[range].map { String($0, radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }
}
