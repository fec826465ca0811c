// Names to addresses without ever waiting: its sockets and timeouts are the loop's. It knows neither origins nor the
// loop; who asked is a number.

internal import CResolver
internal import ControlChannel

/// What became of a question.
struct ResolverAnswer {
    var asker: Int
    /// Without ports; empty on failure.
    var addresses: [SocketAddress] = []
    /// The shortest lifetime of the answer's records; 0 where none is told (a hosts file).
    var lifetimeSeconds: Int32 = 0
    var failure = ""
}

@safe struct Resolver: ~Copyable {
    private let resolver: OpaquePointer

    /// `servers` are ADDRESS:PORT; none means those of the system.
    init(servers: [String]) throws(StartupFailure) {
        var why: UnsafePointer<CChar>?
        let list = servers.joined(separator: ",")
        guard let made = unsafe servers.isEmpty ? cr_make(nil, &why) : cr_make(list, &why) else {
            let reason = unsafe why.map { unsafe String(cString: $0) } ?? ""
            throw StartupFailure(reason: "dns: \(reason)")
        }
        unsafe resolver = made
    }

    deinit { unsafe cr_free(resolver) }

    /// Asks for all addresses of a name; the answer is fetched by `nextAnswer`, at once or later.
    mutating func ask(_ name: String, for asker: Int) { unsafe cr_ask(resolver, name, Int32(asker)) }

    /// A watched socket is ready.
    mutating func ready(_ descriptor: Int32, reads: Bool, writes: Bool) {
        unsafe cr_ready(resolver, descriptor, reads, writes)
    }

    mutating func timeHasPassed() { unsafe cr_ready(resolver, -1, false, false) }

    /// Milliseconds until `timeHasPassed` should be called; negative for never.
    var timeoutMilliseconds: Int64 { unsafe cr_timeout_milliseconds(resolver) }

    /// A socket that is to be watched differently from now on.
    mutating func nextSocket() -> (descriptor: Int32, reads: Bool, writes: Bool)? {
        var socket = cr_socket()
        guard unsafe cr_next_socket(resolver, &socket) else { return nil }
        return (socket.descriptor, socket.reads, socket.writes)
    }

    mutating func nextAnswer() -> ResolverAnswer? {
        var found = unsafe cr_answer()
        guard unsafe cr_next_answer(resolver, &found) else { return nil }
        var answer = unsafe ResolverAnswer(asker: Int(found.asker))
        unsafe answer.lifetimeSeconds = found.lifetimeSeconds
        if let failure = unsafe found.failure { answer.failure = unsafe String(cString: failure) }
        let count = unsafe Int(found.count)
        unsafe withUnsafeBytes(of: &found.addresses) { bytes in
            let addresses = unsafe bytes.bindMemory(to: cr_address.self)
            for index in 0..<count { unsafe answer.addresses.append(Self.address(addresses[index])) }
        }
        return answer
    }

    private static func address(_ found: cr_address) -> SocketAddress {
        let bytes = unsafe withUnsafeBytes(of: found.bytes) { unsafe Array($0) }
        return found.isIPv6 ? SocketAddress(ipv6: bytes, port: 0) : SocketAddress(ipv4: Array(bytes[..<4]), port: 0)
    }
}
