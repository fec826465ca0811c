// Generations, canary and rollback, growing and shrinking, deaths and stops, without a process or a clock.
import Dice
import Testing

@testable import Supervisor

struct GenerationTests {
    @Test func theFirstGenerationServesAndIsSteeredTo() {
        var harness = MachineHarness()
        harness.replace(3, launch: 1)
        #expect(harness.outcome?.succeeded == true)
        #expect(harness.machine.holders.count == 3)
        #expect(harness.steered() == [[0, 1, 2]])
        #expect(harness.drained().isEmpty)
    }

    @Test func withoutSteeringEverySlotIsAcceptedFrom() {
        let harness = MachineHarness.serving(3, canSteer: false)
        #expect(harness.machine.holders.keys.sorted() == Array(0..<8))
        #expect(harness.uncovered.isEmpty)
    }

    @Test func aFailingFirstGenerationIsAbandoned() {
        var harness = MachineHarness()
        harness.failing = [1]
        harness.replace(2, launch: 1)
        let abandoned = harness.actions.contains { if case .abandon = $0 { true } else { false } }
        #expect(abandoned)
    }

    @Test func slotsMoveOneAtATimeAfterTheCanaryWindow() {
        var harness = MachineHarness.serving(3)
        let old = harness.machine.serving.map(\.id)
        harness.replace(3, launch: 2)
        #expect(harness.machine.change?.remaining == [1, 2])
        #expect(harness.outcome == nil)
        #expect(harness.uncovered.isEmpty)
        harness.advance(249)
        #expect(harness.machine.change?.remaining == [1, 2])
        harness.advance(1)
        #expect(harness.outcome?.succeeded == true)
        #expect(harness.drained() == old)
        #expect(harness.machine.serving.allSatisfy { $0.generation == 2 })
        let connections = harness.actions.filter { if case .connect = $0 { true } else { false } }
        #expect(connections.count == 3)
    }

    @Test func aWorkerThatFailsTakesTheChangeBack() {
        var harness = MachineHarness.serving(3)
        let before = harness.machine.holders
        harness.failing = [2]
        harness.replace(3, launch: 2)
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.machine.holders == before)
        #expect(harness.drained().isEmpty)
        #expect(harness.machine.members.count == 3)
        #expect(harness.actions.contains(.retire(launch: 2)))
        harness.replace(3, launch: 3)
        harness.advance(300)
        #expect(harness.outcome?.succeeded == true)
    }

    @Test func aWorkerThatHangsTakesTheChangeBackInTime() {
        var harness = MachineHarness.serving(2)
        harness.mute = [2]
        harness.replace(2, launch: 2)
        harness.advance(harness.machine.settings.startMilliseconds)
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.outcome?.text.contains("ready within") == true)
        #expect(harness.machine.members.count == 2)
    }

    @Test func theCommandsTimeoutTakesTheChangeBack() {
        var harness = MachineHarness.serving(2)
        harness.mute = [2]
        harness.replace(2, launch: 2, timeout: 500)
        harness.advance(500)
        #expect(harness.outcome?.text.contains("timed out") == true)
    }

    @Test func aCrashInTheCanaryWindowGivesTheSlotBack() throws {
        var harness = MachineHarness.serving(3)
        let before = harness.machine.holders
        harness.replace(3, launch: 2)
        harness.advance(100)
        let canary = try #require(harness.machine.holders[0])
        harness.send(.exited(canary, .signal(11)))
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.outcome?.text.contains("SIGSEGV") == true)
        #expect(harness.machine.holders == before)
        #expect(harness.uncovered.isEmpty)
    }

    @Test func aStopDoesNotWaitForWhoeverIsLeavingAnyway() {
        var harness = MachineHarness.serving(2)
        harness.mute = [1]
        harness.deaf = true
        harness.request(.resize(3), 2_000)
        harness.advance(2_000)
        #expect(harness.outcome?.succeeded == false)
        let leaving = harness.machine.members.values.filter { $0.phase == .leaving }
        #expect(leaving.count == 1)
        harness.request(.stop(.drain))
        #expect(harness.machine.members.values.filter { $0.phase == .leaving } == leaving)
        harness.advance(3_000)
        #expect(harness.machine.members.count == 2)
    }

    @Test func aCrashOnAcceptGivesTheSlotBack() {
        var harness = MachineHarness.serving(2)
        let before = harness.machine.holders
        harness.dieOnAccept = [2]
        harness.replace(2, launch: 2)
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.machine.holders == before)
    }

    @Test func aFifthOldGenerationMustWait() {
        var harness = MachineHarness.serving(1)
        for launch in 2...5 {
            harness.replace(1, launch: UInt32(launch))
            harness.advance(300)
        }
        #expect(harness.machine.oldGenerations.count == 4)
        harness.actions = []
        let operation = harness.replace(1, launch: 6, timeout: 5_000)
        #expect(harness.spawned().isEmpty)
        let said = harness.actions.contains { if case .progress(operation, _) = $0 { true } else { false } }
        #expect(said)
        harness.advance(5_000)
        #expect(harness.outcome?.succeeded == false)
        harness.replace(1, launch: 7)
        let oldest = harness.machine.draining[0].id
        harness.send(.exited(oldest, .exited(0)))
        harness.advance(300)
        #expect(harness.outcome?.succeeded == true)
    }

    @Test func aReloadMayChangeTheNumberOfWorkers() {
        var harness = MachineHarness.serving(2)
        harness.replace(4, launch: 2)
        harness.advance(300)
        #expect(harness.machine.serving.count == 4)
        #expect(harness.steered().last == [0, 1, 2, 3])
        harness.replace(1, launch: 3)
        harness.advance(300)
        #expect(harness.machine.serving.count == 1)
        #expect(harness.steered().last == [0])
        #expect(harness.uncovered.isEmpty)
        #expect(harness.machine.holders.count == 4)
    }
}

struct WorkerCountTests {
    @Test func growingSteersOnlyWhenAllAreReady() {
        var harness = MachineHarness.serving(2)
        harness.mute = [1]
        harness.request(.resize(4))
        #expect(harness.steered().isEmpty)
        for member in harness.spawned() { harness.send(.ready(member.id)) }
        #expect(harness.steered() == [[0, 1, 2, 3]])
        #expect(harness.outcome?.succeeded == true)
    }

    @Test func shrinkingLeavesNoSlotWithoutAcceptor() {
        var harness = MachineHarness.serving(4)
        harness.request(.resize(1))
        #expect(harness.steered() == [[0]])
        #expect(harness.drained().count == 3)
        #expect(harness.uncovered.isEmpty)
        for id in harness.drained() { harness.send(.exited(id, .exited(0))) }
        #expect(harness.machine.members.count == 1)
        #expect(harness.machine.freeLanes().count == 63)
        harness.request(.resize(4))
        #expect(harness.machine.serving.count == 4)
        #expect(harness.uncovered.isEmpty)
        for slot in 0..<4 { #expect(harness.machine.home(of: slot)?.id == harness.machine.holders[slot]) }
    }

    @Test func failingToGrowChangesNothing() {
        var harness = MachineHarness.serving(2)
        harness.mute = [1]
        harness.request(.resize(3))
        let id = harness.spawned()[0].id
        harness.send(.failed(id, reason: "no"))
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.machine.current.count == 2)
        #expect(harness.machine.members.count == 2)
        harness.advance(60_000)
        #expect(harness.machine.members.count == 2)
    }
}

struct DeathTests {
    @Test func aSiblingAcceptsUntilTheReplacementDoes() throws {
        var harness = MachineHarness.serving(2)
        harness.mute = [1]
        let victim = try #require(harness.machine.holders[1])
        let sibling = try #require(harness.machine.holders[0])
        harness.send(.exited(victim, .signal(9)))
        #expect(harness.machine.holders[1] == sibling)
        let replacement = try #require(harness.spawned().first)
        #expect(replacement.slot == 1)
        #expect(harness.actions.contains(.recover(lane: 1)))
        harness.send(.ready(replacement.id))
        #expect(harness.machine.holders[1] == replacement.id)
        #expect(harness.actions.contains(.stopAccepting(sibling, slot: 1)))
    }

    @Test func aCrashLoopBacksOff() throws {
        var harness = MachineHarness.serving(1)
        var delays: [Int64] = []
        for _ in 0..<8 {
            let victim = try #require(harness.machine.holders[0])
            harness.actions = []
            harness.send(.exited(victim, .exited(1)))
            for case .restarted(let restart) in harness.actions { delays.append(restart.delayMilliseconds) }
            harness.advance(delays.last ?? 0)
            #expect(harness.machine.serving.count == 1)
        }
        #expect(delays == [0, 100, 200, 400, 800, 1_600, 3_200, 6_400])
        harness.advance(harness.machine.settings.healthyMilliseconds)
        let victim = try #require(harness.machine.holders[0])
        harness.actions = []
        harness.send(.exited(victim, .exited(1)))
        #expect(harness.spawned().count == 1)
    }

    @Test func aWorkerThatDiesBeforeItsSlotMovesIsNotReplacedTwice() throws {
        var harness = MachineHarness.serving(3)
        harness.replace(3, launch: 2)
        let victim = try #require(harness.machine.holders[2])
        harness.send(.exited(victim, .signal(9)))
        #expect(harness.uncovered.isEmpty)
        harness.advance(300)
        #expect(harness.outcome?.succeeded == true)
        #expect(harness.machine.serving.count == 3)
        #expect(harness.machine.serving.allSatisfy { $0.generation == 2 })
    }

    @Test func aReleasedLaneIsFreeAndNotRecovered() throws {
        var harness = MachineHarness.serving(1)
        harness.replace(1, launch: 2)
        harness.advance(300)
        let old = try #require(harness.machine.draining.first)
        harness.send(.laneReleased(old.id))
        #expect(harness.machine.freeLanes().contains(old.lane))
        harness.actions = []
        harness.send(.exited(old.id, .signal(9)))
        #expect(!harness.actions.contains(.recover(lane: old.lane)))
    }
}

struct StopTests {
    @Test func aStopDrainsThenFinishes() {
        var harness = MachineHarness.serving(2)
        harness.request(.stop(.drain), 10_000)
        #expect(harness.drained().count == 2)
        for id in harness.drained() { harness.send(.exited(id, .exited(0))) }
        #expect(harness.actions.last == .finished)
        #expect(harness.spawned().isEmpty)
    }

    @Test func aStopThatTakesTooLongIsCutShort() {
        var harness = MachineHarness.serving(2)
        harness.request(.stop(.patient), 1_000)
        harness.advance(1_000)
        #expect(harness.actions.last == .finished)
    }

    @Test func aStopDuringAChangeEndsIt() {
        var harness = MachineHarness.serving(2)
        harness.replace(2, launch: 2)
        harness.request(.stop(.now))
        #expect(harness.actions.last == .finished)
        #expect(harness.machine.members.isEmpty)
    }
}

struct RandomStormTests {
    /// Random deaths, resizes, reloads and passing time: at rest every covered slot is accepted from, the worker count
    /// is what was asked for, and nothing is left over.
    @Test func atRestEverythingIsAsItShouldBe() {
        for _ in 0..<40 {
            let seed = UInt64.random(in: 0...UInt64.max)
            var random = Dice(seed: seed)
            var harness = MachineHarness.serving(Int(random.next() % 4) + 1)
            var launch: UInt32 = 10
            for _ in 0..<40 {
                switch random.next() % 6 {
                case 0: harness.request(.resize(Int(random.next() % 6) + 1))
                case 1:
                    harness.replace(Int(random.next() % 6) + 1, launch: launch)
                    launch += 1
                case 2, 3:
                    let ids = harness.machine.members.keys.sorted()
                    if let id = ids.isEmpty ? nil : ids[Int(random.next() % UInt64(ids.count))] {
                        harness.send(.exited(id, .signal(9)))
                    }
                default: harness.advance(Int64(random.next() % 400))
                }
                for member in harness.machine.draining where random.next() % 3 == 0 {
                    harness.send(.exited(member.id, .exited(0)))
                }
            }
            for _ in 0..<20 {
                for member in harness.machine.draining { harness.send(.exited(member.id, .exited(0))) }
                harness.advance(20_000)
            }
            let machine = harness.machine
            #expect(harness.uncovered.isEmpty, "seed \(seed)")
            #expect(machine.serving.count == machine.current.count, "seed \(seed)")
            #expect(machine.members.count == machine.current.count, "seed \(seed)")
            #expect(machine.change == nil && machine.queue.isEmpty, "seed \(seed)")
            #expect(machine.steered == Array(0..<machine.current.count), "seed \(seed)")
        }
    }
}

struct HandOverTests {
    @Test func theSuccessorOfTheSlotTakesTheConnections() {
        var harness = MachineHarness.serving(2)
        let old = harness.machine.serving
        harness.replace(2, launch: 2)
        harness.advance(300)
        let new = harness.machine.serving
        #expect(harness.connected().map(\.giver) == old.map(\.id))
        #expect(harness.connected().map(\.takers) == new.map { [$0.id] })
    }

    @Test func whenTheSuccessorIsReplacedTheNextOneTakes() {
        var harness = MachineHarness.serving(1)
        let first = harness.machine.serving[0].id
        harness.replace(1, launch: 2)
        harness.advance(300)
        harness.actions = []
        harness.replace(1, launch: 3)
        harness.advance(300)
        let newest = harness.machine.serving[0].id
        #expect(harness.connected().contains { $0.giver == first && $0.takers == [newest] })
    }

    @Test func whenTheSuccessorDiesItsReplacementTakes() {
        var harness = MachineHarness.serving(1)
        let first = harness.machine.serving[0].id
        harness.replace(1, launch: 2)
        harness.advance(300)
        harness.actions = []
        harness.send(.exited(harness.machine.serving[0].id, .signal(9)))
        harness.advance(1_000)
        #expect(harness.connected().map(\.giver) == [first])
        #expect(harness.connected().map(\.takers) == [[harness.machine.serving[0].id]])
    }

    @Test func thoseWhoGoAreKnownToAllWhoStayBeforeTheyDrain() throws {
        var harness = MachineHarness.serving(4)
        harness.request(.resize(2))
        let stay = harness.machine.serving.map(\.id)
        #expect(harness.connected().map(\.takers) == [stay, stay])
        let lastConnect = try #require(harness.actions.lastIndex { if case .connect = $0 { true } else { false } })
        let firstDrain = try #require(harness.actions.firstIndex { if case .drain = $0 { true } else { false } })
        #expect(lastConnect < firstDrain)
    }

    @Test func nobodyIsNamedWhenTheNodeStops() {
        var harness = MachineHarness.serving(2)
        harness.request(.stop(.drain))
        #expect(harness.connected().isEmpty)
    }
}
