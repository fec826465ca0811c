// The admin socket and who is connected to it, on the node's loop. Listener and connections outlive the program: an
// upgrade in place hands them on with what was read of them, so nobody who asks is refused, cut or left waiting.
import CLinux
import ControlChannel
import Glibc

/// One connection: a question, its answer, the end.
final class AdminConnection {
    enum Phase {
        case reading
        case answering(AdminRequest)
        /// `output` is being sent.
        case sending(since: Int64)
        /// `output` is out, and what still comes is thrown away: closing before it has been read would reset the
        /// connection under whoever reads the answer.
        case lingering(since: Int64)
    }

    let fd: Int32
    let openedAt: Int64
    var phase = Phase.reading
    /// All that was read; kept until the answer is known.
    var input: [UInt8]
    var output: [UInt8] = []
    var sent = 0
    /// The request was refused before all of it was read.
    var lingers = false

    init(fd: Int32, openedAt: Int64, input: [UInt8] = []) {
        self.fd = fd
        self.openedAt = openedAt
        self.input = input
    }

    deinit { close(fd) }
}

struct AdminPort {
    /// Bound to `admin.sock` and listening for as long as the node lives.
    var listener: Int32
    /// Gives its place to a connection when there are no descriptors left, so that whoever asks is told why nothing
    /// can be done.
    private var spare: Int32 = -1
    /// Nothing more can be accepted now: the listener is not watched.
    private(set) var isDeaf = false
    var connections: [UInt32: AdminConnection] = [:]
    var nextID: UInt32 = 1

    static let mostConnections = 512
    static let mostInput = 256 * 1024
    /// Of all questions together, as they pass through an upgrade.
    static let mostInputPassed = 1024 * 1024

    /// As one program image leaves it to the next.
    struct Record: Codable, Sendable {
        struct Connection: Codable, Sendable {
            var fd: Int32
            var input: [UInt8]
        }

        var listener: Int32
        var connections: [Connection]
    }

    init(listener: Int32) {
        self.listener = listener
        keepSpare()
    }

    private mutating func keepSpare() { if spare < 0 { spare = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC) } }

    /// The next connection, or -1.
    mutating func accept() -> Int32 {
        var peer = sockaddr_storage()
        var length: socklen_t = 0
        var fd = unsafe cl_accept(listener, &peer, &length)
        guard fd < 0, cl_errno() == EMFILE || cl_errno() == ENFILE else { return fd }
        if spare >= 0 {
            Glibc.close(spare)
            spare = -1
            fd = unsafe cl_accept(listener, &peer, &length)
        }
        isDeaf = fd < 0 && cl_errno() != EAGAIN
        return fd
    }

    mutating func listenAgain() {
        keepSpare()
        isDeaf = false
    }

    func close() {
        Glibc.close(listener)
        closeSpare()
    }

    func closeSpare() { if spare >= 0 { Glibc.close(spare) } }

    /// A socket that listens; it appears under its name only now.
    static func listen(in directory: RuntimeDirectory) throws(Failure) -> AdminPort {
        let temporary = directory.path + "/admin-\(getpid()).sock"
        unsafe unlink(temporary)
        let fd = cl_stream_socket(AF_UNIX)
        let address = SocketAddress(path: temporary)
        guard fd >= 0, unsafe address.withSocketAddress({ unsafe bind(fd, $0, $1) }) == 0,
            Glibc.listen(fd, 1_024) == 0, unsafe rename(temporary, directory.adminSocket) == 0
        else {
            let why = systemText(cl_errno())
            if fd >= 0 { Glibc.close(fd) }
            unsafe unlink(temporary)
            throw .runtime("\(directory.adminSocket) cannot be listened on: \(why)")
        }
        return AdminPort(listener: fd)
    }

    /// Whether exec must wait: something that must not be done twice is being done, or an answer is half out and its
    /// reader has not had a second to take the rest.
    func isBusy(_ now: Int64) -> Bool {
        connections.values.contains { connection in
            switch connection.phase {
            case .reading, .lingering: false
            case .answering(let request): !request.isRepeatable
            case .sending(let since): now - since < 1_000
            }
        }
    }

    /// Questions under way are put again to the next image, which finds their bytes here.
    var record: Record {
        let (passed, _) = passing
        return Record(
            listener: listener,
            connections: passed.compactMap { connections[$0] }.map { Record.Connection(fd: $0.fd, input: $0.input) })
    }

    /// Those that go on in the next image, oldest first, and those that have sent too much for that.
    var passing: (passed: [UInt32], tooLong: [UInt32]) {
        let sizes = connections.filter { _, connection in
            switch connection.phase {
            case .reading, .answering: true
            case .sending, .lingering: false
            }
        }
        return Self.divide(sizes.mapValues(\.input.count))
    }

    /// The shortest questions are passed, which are those that people ask.
    static func divide(_ sizes: [UInt32: Int]) -> (passed: [UInt32], tooLong: [UInt32]) {
        var left = mostInputPassed
        var passed: [UInt32] = []
        var tooLong: [UInt32] = []
        for (id, size) in sizes.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            left -= size
            if left >= 0 { passed.append(id) } else { tooLong.append(id) }
        }
        return (passed.sorted(), tooLong)
    }
}

extension Node {
    /// Begins to answer, with what an earlier image had begun.
    func openAdmin(_ port: AdminPort, _ inherited: [AdminPort.Record.Connection] = []) {
        admin = port
        loop.watch(port.listener, token: LoopToken.admin.packed)
        for connection in inherited { take(connection.fd, connection.input) }
    }

    func acceptAdmin() {
        while let fd = admin?.accept(), fd >= 0 { take(fd, []) }
        // Not told of what it cannot take; looked at again before long.
        if let port = admin, port.isDeaf { loop.unwatch(port.listener) }
    }

    func tendAdmin() {
        let wasDeaf = admin?.isDeaf
        admin?.listenAgain()
        if wasDeaf == true, let port = admin { loop.watch(port.listener, token: LoopToken.admin.packed) }
        for (id, connection) in admin?.connections ?? [:] {
            if case .lingering(let since) = connection.phase, LoopExecutor.now() - since > 2_000 { dropAdmin(id) }
        }
    }

    /// A socket that took the name over.
    func replaceAdmin(_ port: AdminPort) {
        guard let old = admin else { return }
        loop.unwatch(old.listener)
        Glibc.close(old.listener)
        admin?.listener = port.listener
        port.closeSpare()
        loop.watch(port.listener, token: LoopToken.admin.packed)
    }

    /// Before an upgrade in place: who cannot be passed on is told so.
    func refuseLongQuestions() {
        for id in admin?.passing.tooLong ?? [] {
            guard case .reading = admin?.connections[id]?.phase else { continue }
            refuse(.complaint(503, "the supervisor is being upgraded, and this is too much to keep: ask again"), id)
        }
    }

    private func take(_ fd: Int32, _ input: [UInt8]) {
        if let count = admin?.connections.count, count >= AdminPort.mostConnections { dropOldestAdmin() }
        guard let id = admin?.nextID else { return }
        admin?.nextID &+= 1
        admin?.connections[id] = AdminConnection(fd: fd, openedAt: LoopExecutor.now(), input: input)
        loop.watch(fd, token: LoopToken.adminConnection(id).packed)
        readAdmin(id)
    }

    /// Whoever connects and never asks must not keep others out.
    private func dropOldestAdmin() {
        guard let oldest = admin?.connections.keys.min() else { return }
        dropAdmin(oldest)
    }

    private func dropAdmin(_ id: UInt32) {
        guard let connection = admin?.connections.removeValue(forKey: id) else { return }
        loop.unwatch(connection.fd)
    }

    func adminReady(_ id: UInt32) {
        guard let connection = admin?.connections[id] else { return }
        switch connection.phase {
        case .reading: readAdmin(id)
        case .answering: break
        case .sending: sendAdmin(id)
        case .lingering: throwAwayAdmin(id)
        }
    }

    private func readAdmin(_ id: UInt32) {
        guard let connection = admin?.connections[id] else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var hasEnded = false
        while connection.input.count < AdminPort.mostInput {
            let count = unsafe recv(connection.fd, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN { break }
            hasEnded = count <= 0
            if hasEnded { break }
            connection.input += buffer[0..<count]
        }
        // Whoever asked has given up: nothing is done that nobody waits for.
        if hasEnded, hasHungUp(connection.fd) { return dropAdmin(id) }
        switch AdminRequest.parse(connection.input) {
        case .incomplete:
            if hasEnded { return dropAdmin(id) }
            if connection.input.count >= AdminPort.mostInput { refuse(.complaint(413, "the request is too large"), id) }
        case .refused(let answer): refuse(answer, id)
        case .whole(let request):
            // Not watched meanwhile: a client that leaves would keep the loop busy until its answer is there.
            loop.unwatch(connection.fd)
            connection.phase = .answering(request)
            Task {
                let answer = await AdminPlane(node: self).answer(request)
                self.send(answer, id)
            }
        }
    }

    /// Gone altogether; a peer that has only finished sending still wants its answer.
    private func hasHungUp(_ fd: Int32) -> Bool {
        var poll = pollfd(fd: fd, events: 0, revents: 0)
        return unsafe Glibc.poll(&poll, 1, 0) > 0 && poll.revents & Int16(POLLHUP) != 0
    }

    private func refuse(_ answer: AdminAnswer, _ id: UInt32) {
        admin?.connections[id]?.lingers = true
        send(answer, id)
    }

    private func send(_ answer: AdminAnswer, _ id: UInt32) {
        guard let connection = admin?.connections[id] else { return }
        connection.output = answer.bytes
        connection.phase = .sending(since: LoopExecutor.now())
        sendAdmin(id)
    }

    private func sendAdmin(_ id: UInt32) {
        guard let connection = admin?.connections[id] else { return }
        while connection.sent < connection.output.count {
            let count = unsafe connection.output.withUnsafeBytes {
                unsafe cl_send(connection.fd, $0.baseAddress! + connection.sent, $0.count - connection.sent, false)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                return loop.watch(connection.fd, token: LoopToken.adminConnection(id).packed, writable: true)
            }
            guard count > 0 else { return dropAdmin(id) }
            connection.sent += count
        }
        guard connection.lingers else { return dropAdmin(id) }
        connection.phase = .lingering(since: LoopExecutor.now())
        shutdown(connection.fd, Int32(SHUT_WR))
        loop.watch(connection.fd, token: LoopToken.adminConnection(id).packed)
        throwAwayAdmin(id)
    }

    /// At most a mebibyte at a time: others want to be heard as well.
    private func throwAwayAdmin(_ id: UInt32) {
        guard let connection = admin?.connections[id] else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        for _ in 0..<64 {
            let count = unsafe recv(connection.fd, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN { return }
            if count == 0 || (count < 0 && errno != EINTR) { return dropAdmin(id) }
        }
    }

    /// The node ends: whoever has asked is answered, within the patience; nobody else is let in.
    func closeAdmin(patienceMilliseconds: Int64) async {
        guard let port = admin else { return }
        acceptAdmin()
        loop.unwatch(port.listener)
        let began = LoopExecutor.now()
        while LoopExecutor.now() - began < patienceMilliseconds {
            let waiting = admin?.connections.values.contains { connection in
                switch connection.phase {
                case .reading: LoopExecutor.now() - connection.openedAt < 200
                case .lingering: false
                case .answering, .sending: true
                }
            }
            guard waiting == true else { break }
            try? await Task.sleep(for: .milliseconds(5))
        }
        admin?.close()
        for id in (admin?.connections ?? [:]).keys { dropAdmin(id) }
        admin = nil
    }
}
