// The node's descriptors in systemd's store: named when they are put there, sorted out when a new supervisor is started
// with them. Names are `cache`, `node`, `lane-<i>` and `slot-<i>-<address index>`.
import CLinux
import ControlChannel
import Foundation
import Glibc
import ShmCache

struct DescriptorStore: Sendable, Equatable {
    var cache: Int32?
    var node: Int32?
    var lanes: [Int: Int32] = [:]
    var slots: [Int: [Int: Int32]] = [:]
    /// Names that this version does not know; closed.
    var others: [Int32] = []
    /// All, as the manager keeps them.
    var names: [String] = []
    /// Those whose descriptors were of no use.
    private(set) var rejected: [String] = []

    /// What the manager passed: LISTEN_FDS descriptors from 3 on, for this process only.
    static func received(environment: [String: String] = ProcessInfo.processInfo.environment) -> DescriptorStore? {
        guard let pid = environment["LISTEN_PID"].flatMap({ Int32($0) }), pid == getpid(),
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), count > 0
        else { return nil }
        let names = environment["LISTEN_FDNAMES"]?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        var store = DescriptorStore()
        for index in 0..<count {
            let fd = 3 + index
            _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
            store.add(fd, name: Int(index) < names.count ? String(names[Int(index)]) : "")
        }
        return store
    }

    mutating func add(_ fd: Int32, name: String) {
        names.append(name)
        let parts = name.split(separator: "-").map(String.init)
        let numbers = parts.dropFirst().compactMap { Int($0) }
        switch (parts.first, numbers.count) {
        case ("cache", 0) where cache == nil: cache = fd
        case ("node", 0) where node == nil: node = fd
        case ("lane", 1) where lanes[numbers[0]] == nil: lanes[numbers[0]] = fd
        case ("slot", 2) where slots[numbers[1]]?[numbers[0]] == nil:
            slots[numbers[1], default: [:]][numbers[0]] = fd
        default: others.append(fd)
        }
    }

    /// Both regions and every lane's eventfd.
    var hasRegions: Bool { cache != nil && node != nil && lanes.count == Regions.laneCount }

    func closeAll() {
        for fd in [cache, node].compactMap({ $0 }) + lanes.values + slots.values.flatMap(\.values) + others {
            close(fd)
        }
    }

    /// The listeners of whole groups that still listen, each known by the address that it is bound to. Everything else
    /// is closed, and named in `rejected`: as long as the manager has copies, neither its address nor a cache file can
    /// be had anew.
    mutating func takeListeners(usualSlots: Int) -> Listeners? {
        for fd in others { close(fd) }
        others = []
        if !hasRegions { rejectRegions() }
        for (index, group) in slots where !group.values.allSatisfy(isListening) { reject(index) }
        let slotCount = slots.values.filter { !isUnix($0) }.map(\.count).max() ?? usualSlots
        var addresses: [Listeners.Address] = []
        var specs: [SocketAddress] = []
        for (index, group) in slots.sorted(by: { $0.key < $1.key }) {
            guard let (address, descriptors) = Self.whole(group, slotCount), !specs.contains(address) else {
                reject(index)
                continue
            }
            addresses.append(.init(text: address.description, isActive: true, descriptors: descriptors))
            specs.append(address)
        }
        guard !addresses.isEmpty else { return nil }
        return Listeners(adopting: addresses, specs: specs, requested: specs, slots: slotCount, steeringRefused: nil)
    }

    private func isUnix(_ group: [Int: Int32]) -> Bool { group.values.contains { boundAddress($0)?.family == .unix } }

    /// Of a Unix socket there is one for all slots; the manager keeps it once, or by each name.
    private static func whole(_ group: [Int: Int32], _ slotCount: Int) -> (SocketAddress, [Int32])? {
        guard let (slot, first) = group.min(by: { $0.key < $1.key }), let address = boundAddress(first) else {
            return nil
        }
        guard address.family == .unix else {
            let descriptors = (0..<slotCount).compactMap { group[$0] }
            return descriptors.count == slotCount ? (address, descriptors) : nil
        }
        guard isReached(by: address, first) else { return nil }
        for (other, fd) in group where other != slot { close(fd) }
        return (address, [Int32](repeating: first, count: slotCount))
    }

    private mutating func reject(_ index: Int) {
        for (slot, fd) in slots.removeValue(forKey: index) ?? [:] {
            close(fd)
            rejected.append(Self.name(slot: slot, address: index))
        }
    }

    private mutating func rejectRegions() {
        for fd in [cache, node].compactMap({ $0 }) + lanes.values { close(fd) }
        rejected += [cache.map { _ in "cache" }, node.map { _ in "node" }].compactMap { $0 }
        rejected += lanes.keys.map { "lane-\($0)" }
        (cache, node, lanes) = (nil, nil, [:])
    }

    static func name(slot: Int, address: Int) -> String { "slot-\(slot)-\(address)" }
}

/// The address that a socket is bound to; nil for none, and for a name in the abstract namespace.
func boundAddress(_ fd: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(fd, $0, &length) }
    }
    guard Int32(storage.ss_family) == AF_UNIX else { return SocketAddress(storage: storage) }
    let bytes = unsafe withUnsafeBytes(of: &storage) { unsafe Array($0.prefix(Int(length)).dropFirst(2)) }
    let path = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    return path.isEmpty ? nil : SocketAddress(path: path)
}

/// False once it was shut down: whoever connects is refused, however long somebody keeps it.
func isListening(_ fd: Int32) -> Bool {
    var answer: Int32 = 0
    return unsafe cl_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &answer) == 0 && answer == 1
}

/// Whether the file that a Unix listener was bound to still leads to it: it may be gone, or be somebody else's. The
/// connection tells who listens; it is closed again, and whoever accepts it finds nothing in it.
private func isReached(by address: SocketAddress, _ listener: Int32) -> Bool {
    let probe = cl_stream_socket(AF_UNIX)
    guard probe >= 0 else { return false }
    defer { close(probe) }
    guard unsafe address.withSocketAddress({ unsafe connect(probe, $0, $1) }) == 0 else {
        // A full queue: nobody has accepted for a while, as it is when every process is gone.
        return errno == EAGAIN
    }
    return cl_listening_process(probe) == cl_listening_process(listener)
}

extension Node {
    /// Puts into the store what is not there yet: regions and lanes once, then the listeners of new addresses.
    func fillDescriptorStore() {
        guard systemd.isActive else { return }
        if storedAddresses == 0 {
            // Names are given anew: an address may have another index than under the supervisor before.
            for name in storedBefore { systemd.forget(name: name) }
            storedBefore = []
            systemd.store(regions.cache.descriptor, name: "cache")
            systemd.store(regions.node.descriptor, name: "node")
            for (lane, fd) in regions.events.enumerated() { systemd.store(fd, name: "lane-\(lane)") }
        }
        for (address, group) in listeners.addresses.enumerated() {
            let isNew = address >= storedAddresses
            let descriptors = listeners.isUnix(address) ? Array(group.descriptors.prefix(1)) : group.descriptors
            for (slot, fd) in descriptors.enumerated() where isNew || slot >= storedSlots {
                systemd.store(fd, name: DescriptorStore.name(slot: slot, address: address))
            }
        }
        storedAddresses = listeners.addresses.count
        storedSlots = listeners.slots
    }

    /// After a stop that was asked for the next start begins anew. What is in the store may be from a supervisor before
    /// this one, which has not filled it yet; a name that is not there is nothing to the manager.
    func forgetDescriptors() {
        guard systemd.isActive else { return }
        let lanes = regions.events.indices.map { "lane-\($0)" }
        forgetListeners(Array(listeners.addresses.indices))
        for name in ["cache", "node"] + lanes + storedBefore { systemd.forget(name: name) }
    }

    /// What has ended must not be kept for a next start: it would be taken for an address that is served.
    func forgetListeners(_ addresses: [Int]) {
        guard systemd.isActive else { return }
        for address in addresses {
            for slot in 0..<listeners.slots { systemd.forget(name: DescriptorStore.name(slot: slot, address: address)) }
        }
    }
}
