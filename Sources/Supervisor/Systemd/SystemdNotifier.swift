// systemd's notify protocol (sd_notify(3)): datagrams to the socket that NOTIFY_SOCKET names, with descriptors for the
// descriptor store. Without that variable everything here does nothing.
import CLinux
import Dispatch
import Foundation
import Glibc

struct SystemdNotifier: Sendable {
    private let path: String?
    /// A slow manager must never hold up the node's loop; a second per message is what it gets.
    private let queue = DispatchQueue(label: "martlet.systemd")

    init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        path = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    }

    var isActive: Bool { path != nil }

    /// Serving; `status` is what `systemctl status` shows.
    func ready(_ status: String) { send("READY=1\nMAINPID=\(getpid())\nSTATUS=\(status)") }

    /// A change began; `ready` says when it is over. systemd 253 and later want the time with it.
    func reloading() { send("RELOADING=1\nMONOTONIC_USEC=\(cl_monotonic_nanoseconds() / 1_000)") }

    func stopping() { send("STOPPING=1") }

    /// Puts a copy of the descriptor into the manager's store, where it survives this process.
    func store(_ fd: Int32, name: String) { send("FDSTORE=1\nFDPOLL=0\nFDNAME=\(name)", [fd]) }

    func forget(name: String) { send("FDSTOREREMOVE=1\nFDNAME=\(name)") }

    /// The same of many; returns when they are said.
    func forget(_ names: [String]) {
        for name in names { forget(name: name) }
        flush()
    }

    /// Waits, at most two seconds, until everything said so far is out.
    func flush() {
        guard isActive else { return }
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + 2)
    }

    /// One datagram. A manager that is not there is no reason to stop serving.
    private func send(_ text: String, _ descriptors: [Int32] = []) {
        guard let path else { return }
        queue.async { Self.deliver(text, descriptors, to: path) }
    }

    private static func deliver(_ text: String, _ descriptors: [Int32], to path: String) {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, kind, 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = unsafe setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        guard connect(fd, path) else { return }
        _ = unsafe cl_send_descriptors(fd, text, text.utf8.count, descriptors, Int32(descriptors.count))
    }

    /// "@name" is a name in the abstract namespace: a zero byte in front, and the length says where it ends.
    private static func connect(_ fd: Int32, _ path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8.prefix(107))
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let isAbstract = bytes.first == 0
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe Glibc.connect(fd, $0, length) == 0 }
        }
    }
}
