// Names to addresses, once, when a configuration is loaded. Blocks: never called on the node's loop.
import CLinux
import ControlChannel
import Glibc

enum Resolver {
    static func addresses(of origin: OriginURL) throws(Failure) -> [SocketAddress] {
        if let literal = SocketAddress(literal: origin.host, port: origin.port) { return [literal] }
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(origin.host, String(origin.port), &hints, &list)
        guard code == 0 else {
            let why = unsafe String(cString: gai_strerror(code))
            throw .runtime("origin host '\(origin.host)' cannot be resolved: \(why)")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            var storage = sockaddr_storage()
            if let address = unsafe entry.pointee.ai_addr {
                unsafe memcpy(&storage, address, Int(entry.pointee.ai_addrlen))
            }
            if let address = SocketAddress(storage: storage), !found.contains(address) { found.append(address) }
            unsafe next = entry.pointee.ai_next
        }
        guard !found.isEmpty else { throw .runtime("origin host '\(origin.host)' has no address") }
        return found
    }
}
