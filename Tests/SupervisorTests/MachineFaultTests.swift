// Workers that hang or do not hear, and requests that come too late.
import Testing

@testable import Supervisor

struct MachineFaultTests {
    @Test func nothingBeginsAfterTheStop() {
        var harness = MachineHarness.serving(2)
        harness.request(.stop(.now))
        #expect(harness.actions.contains(.finished))
        harness.actions = []
        harness.replace(2, launch: 2)
        #expect(harness.outcome?.succeeded == false)
        harness.request(.resize(4))
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.spawned().isEmpty && harness.machine.members.isEmpty)
        harness.request(.stop(.drain))
        #expect(harness.outcome?.succeeded == true)
        #expect(!harness.actions.contains(.finished))
    }

    @Test func deathsBySignalHaveTheSignalsName() {
        let names = [(1, "SIGHUP"), (2, "SIGINT"), (9, "SIGKILL"), (10, "SIGUSR1"), (12, "SIGUSR2"), (14, "SIGALRM")]
        for (number, name) in names {
            #expect("\(ExitReason(waitStatus: Int32(number)))" == "was killed by signal \(number) (\(name))")
        }
    }

    @Test func aHangWhileWatchedGivesTheSlotBack() {
        var harness = MachineHarness.serving(3)
        let before = harness.machine.holders
        harness.hanging = [2]
        harness.replace(3, launch: 2)
        harness.advance(1_000)
        #expect(harness.outcome == nil)
        harness.advance(2_000)
        #expect(harness.outcome?.succeeded == false)
        #expect(harness.outcome?.text.contains("did not answer a probe") == true)
        #expect(harness.machine.holders == before)
        #expect(harness.machine.members.count == 3)
        #expect(harness.uncovered.isEmpty)
    }
}
