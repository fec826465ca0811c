// What travels from one supervisor to the next: the saved state, orphans' accounts of themselves, stored descriptors.
import ControlChannel
import Foundation
import Glibc
import Testing

@testable import Supervisor

private func state(_ machine: NodeMachine) -> SavedState {
    SavedState(
        directory: "/run/x", lock: 3,
        admin: .init(listener: 13, connections: [.init(fd: 14, input: [71, 69])]), directoryWasMade: true, cache: 4,
        node: 5, events: [6, 7],
        listeners: .init(
            addresses: [.init(text: "127.0.0.1:80", isActive: true, descriptors: [8, 9])], specs: ["127.0.0.1:80"],
            requested: ["127.0.0.1:80"], slots: 2, steeringRefused: nil),
        machine: machine,
        workers: [
            .init(id: MemberID(number: 1), pid: 99, pidfd: 10, control: 11, isChild: true, backend: 1, build: "b")
        ],
        launches: [.init(number: 1, workerPath: "/w", configuration: 12, revision: 3, orphanSeconds: 0)], nextLaunch: 2,
        revision: 3, operations: OperationLog(), restarts: [], restartCount: 0, flags: RunFlags(), demoOrigin: nil,
        startedAt: Date(timeIntervalSince1970: 5), upgrades: 1, storedAddresses: 0,
        operation: OperationID(number: 1), replacesWorkers: true, timeoutSeconds: 60)
}

struct SavedStateTests {
    @Test func comesBackWithTheMachineAsItWas() throws {
        var harness = MachineHarness.serving(3)
        harness.request(.resize(2))
        let fd = try state(harness.machine).write()
        defer { close(fd) }
        let back = try SavedState.read(fd)
        #expect(back.machine == harness.machine)
        #expect(back.descriptors.sorted() == Array(3...14))
        #expect(back.admin?.connections.map(\.input) == [[71, 69]])
        #expect(back.flags == RunFlags())
    }

    /// Whoever upgrades runs an older binary: what it saves must be understood for ever. The folder keeps one state for
    /// every change of what is saved.
    @Test func statesOfOlderBinariesAreUnderstood() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("SavedStates")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.isEmpty)
        for name in names {
            let fd = unsafe open(folder.appendingPathComponent(name).path, O_RDONLY)
            defer { close(fd) }
            let state = try SavedState.read(fd)
            #expect(state.machine.serving.count == 3 && state.machine.current.count == 3, "\(name)")
            #expect(state.workers.count == 3 && state.events.count == 128, "\(name)")
            let waits = name.contains("postponed") ? 2 : 0
            #expect((state.postponed?.changes.count ?? 0) == waits, "\(name)")
        }
    }

    @Test func oneThatNobodyWouldReadIsNotWritten() throws {
        var large = state(MachineHarness.serving(1).machine)
        large.directory = String(repeating: "x", count: SavedState.mostBytes)
        #expect(throws: Failure.self) { _ = try large.write() }
        let fd = try state(MachineHarness.serving(1).machine).write()
        defer { close(fd) }
        #expect(ftruncate(fd, off_t(SavedState.mostBytes)) == 0)
        #expect(throws: Failure.runtime("the saved state takes 64 MiB; this binary reads less than 64 MiB")) {
            _ = try SavedState.read(fd)
        }
    }

    @Test func damageAndOtherVersionsAreRefused() throws {
        let fd = try state(MachineHarness.serving(1).machine).write()
        defer { close(fd) }
        #expect(unsafe pwrite(fd, "x", 1, 200) == 1)
        #expect(throws: Failure.runtime("the saved state is damaged")) { _ = try SavedState.read(fd) }
        #expect(unsafe pwrite(fd, "martlet-state 9", 15, 0) == 15)
        #expect(throws: Failure.self) { _ = try SavedState.read(fd) }
        #expect(ftruncate(fd, 0) == 0)
        #expect(throws: Failure.self) { _ = try SavedState.read(fd) }
    }
}

struct AdoptionTests {
    @Test func orphansBecomeTheRunningGenerationAndAreReplaced() {
        var harness = MachineHarness()
        for (pid, slot, accepting) in [(Int32(50), UInt16(0), [UInt16(0), 2]), (51, 1, [1])] {
            let assignment = Assignment(generation: 7, lane: slot, slot: slot, slots: 8)
            let orphan = OrphanState(pid: pid, assignment: assignment, accepting: accepting)
            _ = harness.machine.adopt(orphan, launch: 1, now: 0)
        }
        let old = Assignment(generation: 6, lane: 9, slot: 0, slots: 8)
        _ = harness.machine.adopt(
            OrphanState(pid: 52, assignment: old, accepting: [], draining: true), launch: 2, now: 0)
        harness.machine.settle()
        #expect(harness.machine.current.number == 7 && harness.machine.current.count == 2)
        #expect(harness.machine.covered == [0, 1, 2])
        #expect(harness.machine.draining.count == 1)
        harness.replace(2, launch: 3)
        harness.advance(300)
        #expect(harness.outcome?.succeeded == true)
        #expect(harness.machine.serving.allSatisfy { $0.generation == 8 })
        #expect(harness.uncovered.isEmpty)
        #expect(harness.uncovered.isEmpty)
        #expect(Set(harness.machine.members.values.map(\.lane)).count == harness.machine.members.count)
    }

    @Test func aFailingSuccessorLeavesTheOrphansServing() {
        var harness = MachineHarness()
        let assignment = Assignment(generation: 1, lane: 0, slot: 0, slots: 8)
        _ = harness.machine.adopt(
            OrphanState(pid: 50, assignment: assignment, accepting: [0]), launch: 1, now: 0)
        harness.machine.settle()
        harness.failing = [2]
        harness.replace(1, launch: 2)
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.machine.serving.count == 1)
        #expect(harness.uncovered.isEmpty)
    }

    /// The supervisor died while the first slot was watched, or before any was moved: the others are the old ones'.
    @Test func inTheMiddleOfAChangeTheOldGenerationIsTheCurrentOne() {
        for moved in [[UInt16(0)], []] {
            var harness = MachineHarness()
            let old: [[UInt16]] = moved.isEmpty ? [[0], [1], [2]] : [[], [1], [2]]
            for (slot, accepting) in old.enumerated() {
                let assignment = Assignment(generation: 4, lane: UInt16(slot), slot: UInt16(slot), slots: 8)
                _ = harness.machine.adopt(
                    OrphanState(pid: 50 + Int32(slot), assignment: assignment, accepting: accepting), launch: 1, now: 0)
            }
            let new = Assignment(generation: 5, lane: 8, slot: 0, slots: 8)
            _ = harness.machine.adopt(OrphanState(pid: 60, assignment: new, accepting: moved), launch: 2, now: 0)
            harness.machine.settle()
            #expect(harness.machine.current.number == 4 && harness.machine.current.count == 3)
            #expect(harness.machine.nextGeneration == 6)
            harness.send(.tick)
            #expect(harness.uncovered.isEmpty && harness.spawned().isEmpty)
            harness.replace(3, launch: 3)
            harness.advance(300)
            #expect(harness.outcome?.succeeded == true)
            #expect(harness.drained().count == 4 && harness.uncovered.isEmpty)
        }
    }
}

struct DescriptorStoreTests {
    @Test func namesSayWhatADescriptorIs() {
        var store = DescriptorStore()
        for (fd, name) in [(3, "cache"), (4, "node"), (5, "lane-0"), (6, "slot-1-0"), (7, "slot-0-0"), (8, "what")] {
            store.add(Int32(fd), name: name)
        }
        #expect(store.cache == 3 && store.node == 4)
        #expect(store.lanes == [0: 5])
        #expect(store.slots == [0: [1: 6, 0: 7]])
        #expect(store.others == [8])
        #expect(!store.hasRegions)
    }

    @Test func nothingIsTakenThatIsMeantForAnotherProcess() {
        #expect(DescriptorStore.received(environment: ["LISTEN_PID": "1", "LISTEN_FDS": "2"]) == nil)
        #expect(DescriptorStore.received(environment: [:]) == nil)
    }
}

struct ProbeTests {
    @Test func anyHTTPAnswerIsAPass() {
        #expect(ProbeAnswer.isHTTP(Array("HTTP/1.1 501 No".utf8)) == true)
        #expect(ProbeAnswer.isHTTP(Array("HTTP/".utf8)) == nil)
        #expect(ProbeAnswer.isHTTP(Array("SSH-2.0".utf8)) == false)
    }
}

struct OperationLogTests {
    @Test func itIsBoundedAndKeepsWhatIsUnderWay() {
        var log = OperationLog()
        let first = log.begin("one that lasts")
        for _ in 0..<200 {
            let id = log.begin("x")
            log.progress(id, "a step")
            log.progress(id, "a step")
            log.finish(id, succeeded: true, "done")
        }
        #expect(log.operations.count <= 65)
        #expect(log.operation(first.number) != nil)
        #expect(log.operations.last?.progress == ["a step"])
    }
}
