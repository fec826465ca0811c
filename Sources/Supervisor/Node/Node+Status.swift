// The node's status document. Building it asks nothing of workers: reports are requested beforehand and whoever did
// not answer in time is shown with its last one.
import ControlChannel
import Foundation
import Glibc
import ShmCache

extension RegionHistory {
    fileprivate var name: String {
        switch self {
        case .new: "new"
        case .sameBoot: "same-boot"
        case .cleanReboot: "clean-reboot"
        case .uncleanReboot: "unclean-reboot"
        }
    }
}

extension Node {
    /// Asks every worker for its connections. Returns when they were asked.
    func askForReports() -> Int64 {
        reportSerial += 1
        for id in workers.keys { send(id, .report(serial: reportSerial)) }
        return LoopExecutor.now()
    }

    func haveReports(since time: Int64) -> Bool { workers.values.allSatisfy { $0.reportedAt >= time } }

    func status(_ statistics: RegionStatistics) -> StatusDocument {
        let cache = StatusDocument.Cache(
            sizeBytes: regions.cache.sizeBytes, file: flags.cacheFile, warm: regions.cache.history != .new,
            history: regions.cache.history.name,
            objects: statistics.objects, storedBytes: statistics.storedBytes, bodyBytes: statistics.bodyBytes,
            fillsRunning: statistics.fillsRunning, clockSeconds: regions.cache.now().seconds)
        var counters: [String: UInt64] = [:]
        for counter in Counter.allCases {
            counters["\(counter.declaration.name)"] = regions.node.total(counter: counter.rawValue)
        }
        return StatusDocument(
            state: machine.stopping != nil ? "stopping" : machine.serving.isEmpty ? "starting" : "serving",
            supervisor: .init(
                pid: getpid(), version: Build.version, uptimeSeconds: Int(Date().timeIntervalSince(startedAt)),
                runtimeDirectory: directory.path, upgrades: upgrades),
            workers: machine.current.count, configurationRevision: revision,
            overrides: .init(workers: flags.workers, io: flags.io, cacheSize: flags.cacheSize),
            generations: generations(), slots: slotStatus(),
            change: machine.change.map { .init(what: $0.what, phase: phaseText($0)) },
            waitingChanges: waitingChanges, restarts: restartCount,
            lastRestarts: restarts.map {
                .init(
                    at: $0.at, slot: $0.restart.slot, pid: $0.restart.pid, reason: $0.restart.reason,
                    delayMilliseconds: $0.restart.delayMilliseconds)
            },
            cache: cache, janitor: janitorStatus(), counters: counters, missingMechanisms: missingMechanisms())
    }

    private var waitingChanges: Int {
        machine.queue.count + postponed.changes.count + (hangups.wantsAnother ? 1 : 0)
    }

    private func phaseText(_ change: Change) -> String {
        switch change.phase {
        case .starting: "starting"
        case .canary, .confirming: "canary"
        case .moving: "moving slots, \(change.remaining.count) left"
        }
    }

    private func slotStatus() -> StatusDocument.Slots {
        .init(
            perAddress: listeners.slots, live: machine.steered,
            steering: listeners.steeringRefused ?? "cbpf",
            addresses: listeners.addresses.filter(\.isActive).map(\.text),
            removedAddresses: listeners.addresses.filter { !$0.isActive }.map(\.text))
    }

    func missingMechanisms() -> [String] {
        var missing = listeners.steeringRefused.map { ["slot steering: \($0)"] } ?? []
        if !systemd.isActive {
            missing.append("descriptor store: not started by systemd; listeners and cache end with the last process")
        }
        return missing
    }

    private func generations() -> [StatusDocument.Generation] {
        let numbers = Set(machine.members.values.map(\.generation)).sorted()
        return numbers.map { number in
            let members = machine.members.values.filter { $0.generation == number }.sorted { $0.slot < $1.slot }
            let state: String
            if number == machine.current.number {
                state = "current"
            } else {
                state = machine.change?.generation == number ? "starting" : "draining"
            }
            return .init(
                number: number, state: state, workers: members.map(worker),
                keptBy: state == "draining" ? keptBy(members) : nil)
        }
    }

    private func worker(_ member: Member) -> StatusDocument.Worker {
        let process = workers[member.id]
        var counters: [String: UInt64] = [:]
        for counter in [Counter.requests, .hits, .misses, .connectionsAccepted, .connectionsOpen]
        where member.holdsLane {
            counters["\(counter.declaration.name)"] = regions.node.value(counter: counter.rawValue, lane: member.lane)
        }
        return .init(
            pid: member.pid, slot: member.slot, lane: member.lane, holdsLane: member.holdsLane,
            state: member.phase.rawValue, accepts: member.accepts.sorted(),
            uptimeSeconds: Int((LoopExecutor.now() - member.startedAt) / 1_000),
            adopted: process.map { !$0.isChild } ?? false, backend: process?.backend.map { "\($0)" },
            build: process?.build, connections: process?.report.map(connections), counters: counters)
    }

    private func connections(_ report: ConnectionReport) -> StatusDocument.Connections {
        func one(_ part: ConnectionReport.Class) -> StatusDocument.Connections.Class {
            .init(count: part.count, oldestSeconds: part.oldestSeconds)
        }
        return .init(
            idle: one(report.idle), active: one(report.active), streams: one(report.streams), fills: report.fills)
    }

    private func keptBy(_ members: [Member]) -> String {
        var parts: [String] = []
        let reports = members.compactMap { workers[$0.id]?.report }
        func add(_ name: String, _ part: (ConnectionReport) -> ConnectionReport.Class) {
            let count = reports.reduce(0) { $0 + part($1).count }
            guard count > 0 else { return }
            parts.append("\(count) \(name) (oldest \(reports.map { part($0).oldestSeconds }.max() ?? 0) s)")
        }
        add("idle", \.idle)
        add("active", \.active)
        add("streams", \.streams)
        let fills = reports.reduce(0) { $0 + $1.fills }
        if fills > 0 { parts.append("\(fills) fills") }
        return parts.isEmpty ? "its last work" : parts.joined(separator: ", ")
    }
}
