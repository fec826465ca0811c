// What a request for a change has altered in the supervisor itself before its outcome is known: flags that a later
// reload goes by, settings, addresses. A change that fails takes all of it back, so that "untouched" is the truth.

import ControlChannel

struct BeforeChange: Equatable {
    /// The addresses that it names. Nil for a change of the worker count, which does not touch them.
    var addresses: [SocketAddress]?
    var flags: RunFlags
    var changedFlags: RunFlags
    var settings: MachineSettings
}

/// The requests that are waiting or under way, each with what it must give back.
struct PendingChanges {
    private var order: [OperationID] = []
    private var records: [OperationID: BeforeChange] = [:]

    /// Every address that some change names which is not decided yet.
    var addresses: [SocketAddress] { records.values.flatMap { $0.addresses ?? [] } }

    /// Those of the youngest change that names any.
    var youngestAddresses: [SocketAddress]? { order.reversed().lazy.compactMap { self.records[$0]?.addresses }.first }

    mutating func begin(_ operation: OperationID, _ record: BeforeChange) {
        order.append(operation)
        records[operation] = record
    }

    mutating func succeeded(_ operation: OperationID) -> BeforeChange? {
        order.removeAll { $0 == operation }
        return records.removeValue(forKey: operation)
    }

    /// Gives back what the change had set, unless a younger request has set it again; that one then knows the older
    /// value as the one from before.
    mutating func failed(
        _ operation: OperationID, _ flags: inout RunFlags, _ settings: inout MachineSettings
    ) -> BeforeChange? {
        guard let place = order.firstIndex(of: operation) else { return nil }
        guard let record = succeeded(operation) else { return nil }
        let younger = order[place...]
        for path in RunFlags.changeable where record.flags[keyPath: path] != record.changedFlags[keyPath: path] {
            let (old, new) = (record.flags[keyPath: path], record.changedFlags[keyPath: path])
            if flags[keyPath: path] == new { flags[keyPath: path] = old }
            for id in younger where records[id]?.flags[keyPath: path] == new {
                if records[id]?.changedFlags[keyPath: path] == new { records[id]?.changedFlags[keyPath: path] = old }
                records[id]?.flags[keyPath: path] = old
            }
        }
        if let next = younger.first {
            records[next]?.settings.takePatience(of: record.settings)
        } else {
            settings.takePatience(of: record.settings)
        }
        return record
    }
}

extension RunFlags {
    /// What commands may change while the node runs.
    static var changeable: [WritableKeyPath<RunFlags, String?>] { [\.workers, \.io, \.worker] }
}

extension MachineSettings {
    /// The part that comes from the configuration.
    mutating func takePatience(of other: MachineSettings) {
        canaryMilliseconds = other.canaryMilliseconds
        drainIdleMilliseconds = other.drainIdleMilliseconds
        drainRequestMilliseconds = other.drainRequestMilliseconds
        drainStreamMilliseconds = other.drainStreamMilliseconds
        stopMilliseconds = other.stopMilliseconds
    }
}
