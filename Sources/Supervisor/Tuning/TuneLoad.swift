// Self-made traffic for `martlet tune`: a few threads, each with one keep-alive connection and one request after the
// other. Closed loop, so that it shows what the node can do with so many clients.
import CLinux
import ControlChannel
import Foundation
import Glibc

final class TuneLoad: @unchecked Sendable {
    private let address: SocketAddress
    private let request: [UInt8]
    private let lock = NSLock()
    private var isStopping = false
    private var latencies: [Double] = []
    private var failure: String?
    private let finished = DispatchGroup()

    init(address: SocketAddress, host: String, path: String) {
        self.address = address
        request = Array("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: martlet-tune\r\n\r\n".utf8)
    }

    func start(connections: Int) {
        for _ in 0..<connections {
            finished.enter()
            let thread = Thread { [self] in
                let seen = run()
                lock.withLock { latencies += seen }
                finished.leave()
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
    }

    /// Ends it. Latencies in microseconds, sorted.
    func stop() throws(Failure) -> [Double] {
        lock.withLock { isStopping = true }
        finished.wait()
        if latencies.isEmpty { throw .runtime("no request was answered: \(failure ?? "the node did not answer")") }
        return latencies.sorted()
    }

    private var goesOn: Bool { lock.withLock { !isStopping } }

    private func run() -> [Double] {
        var seen: [Double] = []
        while goesOn {
            let fd = socket(address.domain, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            defer { close(fd) }
            var limit = timeval(tv_sec: 5, tv_usec: 0)
            unsafe setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            guard unsafe address.withSocketAddress({ unsafe connect(fd, $0, $1) }) == 0 else {
                fail("connect: \(systemText(errno))")
                usleep(10_000)
                continue
            }
            while goesOn {
                let began = LoopClock.nanoseconds()
                guard exchange(fd) else { break }
                seen.append(Double(LoopClock.nanoseconds() - began) / 1_000)
            }
        }
        return seen
    }

    private func fail(_ text: String) { lock.withLock { failure = failure ?? text } }

    /// One request and its whole response. False when the connection cannot go on.
    private func exchange(_ fd: Int32) -> Bool {
        guard unsafe send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return false }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var head: [UInt8] = []
        while true {
            let count = unsafe recv(fd, &buffer, buffer.count, 0)
            guard count > 0 else {
                fail("a response was cut")
                return false
            }
            head += buffer[0..<count]
            guard let end = Self.endOfHead(head) else { continue }
            guard let length = Self.contentLength(head[..<end]) else {
                fail("--path must name something with a Content-Length")
                return false
            }
            var missing = end + length - head.count
            while missing > 0 {
                let more = unsafe recv(fd, &buffer, buffer.count, 0)
                guard more > 0 else { return false }
                missing -= more
            }
            return missing == 0
        }
    }

    static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 {
            return index + 1
        }
        return nil
    }

    static func contentLength(_ head: ArraySlice<UInt8>) -> Int? {
        for line in String(decoding: head, as: UTF8.self).split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
            return Int(parts[1].trimmingCharacters(in: .whitespaces))
        }
        return nil
    }
}

enum LoopClock {
    static func nanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}
