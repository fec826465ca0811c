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
        let parts = name.split(separator: "-").map(String.init)
        let numbers = parts.dropFirst().compactMap { Int($0) }
        switch (parts.first, numbers.count) {
        case ("cache", 0) where cache == nil: cache = fd
        case ("node", 0) where node == nil: node = fd
        case ("lane", 1): lanes[numbers[0]] = fd
        case ("slot", 2): slots[numbers[1], default: [:]][numbers[0]] = fd
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

    /// The listeners of complete groups, each known by the address that it is bound to.
    func listeners() -> Listeners? {
        guard let slotCount = slots.values.map(\.count).max() else { return nil }
        var addresses: [Listeners.Address] = []
        var specs: [SocketAddress] = []
        for (_, group) in slots.sorted(by: { $0.key < $1.key }) {
            let descriptors = (0..<slotCount).compactMap { group[$0] }
            guard descriptors.count == slotCount, let address = boundAddress(descriptors[0]) else { continue }
            addresses.append(.init(text: address.description, isActive: true, descriptors: descriptors))
            specs.append(address)
        }
        guard !addresses.isEmpty else { return nil }
        return Listeners(adopting: addresses, specs: specs, requested: specs, slots: slotCount, steeringRefused: nil)
    }
}

/// The address that a socket is bound to, if it is an internet address.
func boundAddress(_ fd: Int32) -> SocketAddress? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(fd, $0, &length) }
    }
    return SocketAddress(storage: storage)
}

extension Node {
    /// Puts into the store what is not there yet: regions and lanes once, then the listeners of new addresses.
    func fillDescriptorStore() {
        guard systemd.isActive else { return }
        if storedAddresses == 0 {
            systemd.store(regions.cache.descriptor, name: "cache")
            systemd.store(regions.node.descriptor, name: "node")
            for (lane, fd) in regions.events.enumerated() { systemd.store(fd, name: "lane-\(lane)") }
        }
        for (address, group) in listeners.addresses.enumerated() {
            let isNew = address >= storedAddresses
            for (slot, fd) in group.descriptors.enumerated() where isNew || slot >= storedSlots {
                systemd.store(fd, name: "slot-\(slot)-\(address)")
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
        let slots = listeners.addresses.indices.flatMap { address in
            (0..<listeners.slots).map { "slot-\($0)-\(address)" }
        }
        for name in ["cache", "node"] + lanes + slots { systemd.forget(name: name) }
    }
}
