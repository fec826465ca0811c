// The listening sockets of the node: one per address and slot, bound once, kept as long as the address is configured.
import CLinux
import ControlChannel
import Glibc

struct Listeners: ~Copyable {
    struct Address: Equatable, Codable, Sendable {
        var text: String
        var isActive: Bool
        /// One descriptor per slot.
        var descriptors: [Int32]
    }

    /// The index is the address index that workers and hand-overs speak of.
    private(set) var addresses: [Address] = []
    private(set) var specs: [SocketAddress] = []
    /// As configured: port 0 stands for the one that the kernel chose.
    private(set) var requested: [SocketAddress] = []
    /// Per address; more are appended, none is ever taken away.
    private(set) var slots: Int
    /// Nil as long as steering works; else why the kernel's hash chooses.
    private(set) var steeringRefused: String?

    /// The CPUs that slots' workers are pinned to, in turn; empty when they are not.
    var placement: [Int] = []

    /// Those that were adopted serve on although this process never takes them into use.
    private var leavesSocketFiles = false

    init(slots: Int) { self.slots = slots }

    /// The CPU of a slot's worker, if it has one of its own.
    func cpu(ofSlot slot: Int) -> UInt16? {
        placement.isEmpty ? nil : UInt16(clamping: placement[slot % placement.count])
    }

    init(
        adopting addresses: [Address], specs: [SocketAddress], requested: [SocketAddress], slots: Int,
        steeringRefused: String?
    ) {
        self.addresses = addresses
        self.specs = specs
        self.requested = requested
        self.slots = slots
        self.steeringRefused = steeringRefused
        leavesSocketFiles = true
    }

    /// Opens what is new among `wanted` and notes what is gone; nothing is closed here. All or nothing: on an error
    /// everything is as before.
    mutating func open(_ wanted: [SocketAddress], live: [Int]) throws(Failure) {
        var opened: [(requested: SocketAddress, exact: SocketAddress, descriptors: [Int32])] = []
        do {
            for address in wanted where !requested.contains(address) {
                guard let group = try openGroup(address, live: live, isOnlyOne: wanted.count == 1) else { continue }
                opened.append((address, group.0, group.1))
            }
        } catch {
            for group in opened { for fd in Set(group.descriptors) { close(fd) } }
            throw error
        }
        for group in opened {
            requested.append(group.requested)
            specs.append(group.exact)
            addresses.append(
                Address(text: group.exact.description, isActive: true, descriptors: group.descriptors))
        }
        use(wanted)
        guard addresses.contains(where: \.isActive) else {
            throw .runtime("none of the listen addresses can be used on this machine")
        }
    }

    /// Appends slots to every group. The program decides who gets connections, so the new ones stay empty until it
    /// names them; where the kernel's hash decides they would be met at once, by nobody.
    mutating func grow(to count: Int) throws(Failure) {
        guard count > slots else { return }
        if let steeringRefused {
            throw .runtime(
                "max-workers cannot be raised from \(slots) to \(count) while the node runs: \(steeringRefused)")
        }
        var added: [[Int32]] = []
        do throws(Failure) {
            for index in addresses.indices { added.append(try moreSlots(index, count - slots)) }
        } catch {
            for index in addresses.indices where specs[index].family != .unix && index < added.count {
                for fd in added[index] { close(fd) }
            }
            throw error
        }
        for index in addresses.indices { addresses[index].descriptors += added[index] }
        slots = count
    }

    private func moreSlots(_ index: Int, _ count: Int) throws(Failure) -> [Int32] {
        guard let first = addresses[index].descriptors.first else { return [] }
        if specs[index].family == .unix { return [Int32](repeating: first, count: count) }
        var group: [Int32] = []
        do throws(Failure) {
            for _ in 0..<count {
                let fd = cl_stream_socket(specs[index].domain)
                guard fd >= 0 else { throw failure(specs[index], "socket") }
                group.append(fd)
                try bindAndListen(fd, specs[index], reusePort: true)
            }
        } catch {
            for fd in group { close(fd) }
            throw error
        }
        return group
    }

    /// Marks which of the open addresses are in use. Says nothing of the others' end.
    mutating func use(_ wanted: [SocketAddress]) {
        for index in specs.indices { addresses[index].isActive = wanted.contains(requested[index]) }
    }

    /// As configured, those in use.
    var inUse: [SocketAddress] { addresses.indices.filter { addresses[$0].isActive }.map { requested[$0] } }

    /// Ends the groups that nobody names any more, and says which. Their indexes stay, as holes. Shut down as well as
    /// closed: old workers still have copies, and a client must be refused rather than left waiting.
    mutating func end(allBut named: [SocketAddress]) -> [Int] {
        let ended = addresses.indices.filter { isOpen($0) && !named.contains(requested[$0]) }
        for index in ended { closeGroup(index) }
        return ended
    }

    func isUnix(_ index: Int) -> Bool { specs[index].family == .unix }

    func hasOther(than named: [SocketAddress]) -> Bool {
        addresses.indices.contains { isOpen($0) && !named.contains(requested[$0]) }
    }

    private func isOpen(_ index: Int) -> Bool { !addresses[index].descriptors.isEmpty }

    private mutating func closeGroup(_ index: Int) {
        for fd in Set(addresses[index].descriptors) {
            shutdown(fd, Int32(SHUT_RDWR))
            close(fd)
        }
        if specs[index].family == .unix, !addresses[index].descriptors.isEmpty { unsafe unlink(specs[index].path) }
        addresses[index].descriptors = []
        addresses[index].isActive = false
        requested[index] = Self.hole
    }

    /// Socket files go with the node; a process that exits runs no deinit. Not those of ended groups: by now another
    /// server may listen there.
    func removeSocketFiles() {
        for index in specs.indices where isUnix(index) && isOpen(index) { unsafe unlink(specs[index].path) }
    }

    static let hole = SocketAddress(path: "")

    /// What the workers are told: all addresses, in the order of their indexes.
    var snapshot: [ListenAddress] {
        specs.indices.map { ListenAddress(address: specs[$0], isActive: addresses[$0].isActive) }
    }

    /// Sends new connections to these slots only, in every group.
    mutating func steer(_ live: [Int]) {
        guard steeringRefused == nil else { return }
        let program = Steering.program(live: live, placement: placement)
        for (index, address) in addresses.enumerated() where specs[index].family != .unix {
            guard let first = address.descriptors.first else { continue }
            if unsafe cl_attach_reuseport_cbpf(first, program, Int32(program.count)) != 0 {
                steeringRefused = "the kernel refuses the steering program (\(systemText(cl_errno())))"
                return
            }
        }
    }

    /// As the saved state of an upgrade keeps it.
    var record: SavedState.ListenerRecord {
        .init(
            addresses: addresses, specs: specs.map(\.description), requested: requested.map(\.description),
            slots: slots, steeringRefused: steeringRefused, placement: placement)
    }

    init(_ record: SavedState.ListenerRecord) throws(Failure) {
        func parse(_ texts: [String]) throws(Failure) -> [SocketAddress] {
            var found: [SocketAddress] = []
            for text in texts {
                found += text == Self.hole.description ? [Self.hole] : try ListenSpec(text: text).addresses()
            }
            return found
        }
        self.init(
            adopting: record.addresses, specs: try parse(record.specs), requested: try parse(record.requested),
            slots: record.slots, steeringRefused: record.steeringRefused)
        placement = record.placement ?? []
    }

    deinit {
        for fd in Set(addresses.flatMap(\.descriptors)) { close(fd) }
        if !leavesSocketFiles { removeSocketFiles() }
    }

    // MARK: Opening

    private mutating func openGroup(
        _ address: SocketAddress, live: [Int], isOnlyOne: Bool
    ) throws(Failure) -> (SocketAddress, [Int32])? {
        if address.family == .unix { return (address, try unixListener(address)) }
        // Once without SO_REUSEPORT: a port that anyone uses, even a process of ours, is an error.
        let test = cl_stream_socket(address.domain)
        if test < 0, address.family == .ipv6, cl_errno() == EAFNOSUPPORT, !isOnlyOne { return nil }
        guard test >= 0 else { throw failure(address, "socket") }
        var exact = address
        do {
            defer { close(test) }
            try bindAndListen(test, address, reusePort: false)
            if address.port == 0 { exact.port = boundPort(test) }
        }
        var group: [Int32] = []
        do throws(Failure) {
            for slot in 0..<slots {
                let fd = cl_stream_socket(exact.domain)
                guard fd >= 0 else { throw failure(exact, "socket") }
                group.append(fd)
                // Before the first one listens, so that no connection meets a slot without a worker.
                if slot == 0 { attachFirst(fd, live) }
                try bindAndListen(fd, exact, reusePort: true)
            }
        } catch {
            for fd in group { close(fd) }
            throw error
        }
        return (exact, group)
    }

    private mutating func attachFirst(_ fd: Int32, _ live: [Int]) {
        _ = cl_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)
        guard steeringRefused == nil, !live.isEmpty else { return }
        let program = Steering.program(live: live, placement: placement)
        if unsafe cl_attach_reuseport_cbpf(fd, program, Int32(program.count)) != 0 {
            steeringRefused = "the kernel refuses the steering program (\(systemText(cl_errno())))"
        }
    }

    private func bindAndListen(_ fd: Int32, _ address: SocketAddress, reusePort: Bool) throws(Failure) {
        _ = cl_set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        if reusePort { _ = cl_set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) }
        if address.family == .ipv6 { _ = cl_set_option(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        guard unsafe address.withSocketAddress({ unsafe bind(fd, $0, $1) }) == 0 else { throw failure(address, "bind") }
        guard listen(fd, 4_096) == 0 else { throw failure(address, "listen") }
    }

    private func unixListener(_ address: SocketAddress) throws(Failure) -> [Int32] {
        let probe = cl_stream_socket(AF_UNIX)
        let isLive = unsafe address.withSocketAddress { unsafe connect(probe, $0, $1) } == 0
        close(probe)
        if isLive { throw .runtime("cannot listen on \(address): somebody listens there already") }
        var facts = cl_file_facts()
        if unsafe cl_file_facts(address.path, &facts) == 0 {
            guard facts.isSocket else {
                throw .runtime("cannot listen on \(address): there is a file that is not a socket")
            }
            unsafe unlink(address.path)
        }
        let fd = cl_stream_socket(AF_UNIX)
        guard fd >= 0, unsafe address.withSocketAddress({ unsafe bind(fd, $0, $1) }) == 0, listen(fd, 4_096) == 0
        else { throw failure(address, "bind") }
        return [Int32](repeating: fd, count: slots)
    }

    private func boundPort(_ fd: Int32) -> UInt16 {
        boundAddress(fd)?.port ?? 0
    }

    /// Whether an open address of this node's excludes the other: the port is the same, and one of them is all
    /// addresses.
    private func excludes(_ address: SocketAddress) -> Bool {
        func isAny(_ address: SocketAddress) -> Bool { address.bytes.allSatisfy { $0 == 0 } }
        return specs.indices.contains {
            !isUnix($0) && isOpen($0) && specs[$0].port == address.port && (isAny(specs[$0]) || isAny(address))
        }
    }

    private func failure(_ address: SocketAddress, _ call: String) -> Failure {
        let code = cl_errno()
        let why: String
        switch code {
        case EADDRINUSE where excludes(address):
            why = "this node has the port under another address; reload once without that one, then again with this"
        case EADDRINUSE: why = "the port is in use; stop who uses it or choose another with --listen"
        case EACCES: why = "not allowed; ports below 1024 need privileges, choose another with --listen"
        case EADDRNOTAVAIL: why = "this machine has no such address"
        case EMFILE, ENFILE: why = shortageText(code)
        default: why = "\(call) failed: \(systemText(code))"
        }
        return .runtime("cannot listen on \(address): \(why)", code: code)
    }
}

/// The same where descriptors may have run out, with what helps then.
func shortageText(_ code: Int32) -> String {
    guard code == EMFILE || code == ENFILE else { return systemText(code) }
    return "too many open descriptors; raise the limit (ulimit -n) or lower max-workers"
}

func systemText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
