// What a failed change gives back, alone and among others that wait.
import ControlChannel
import Testing

@testable import Supervisor

@Suite struct PendingChangesTests {
    private var pending = PendingChanges()
    private var flags = RunFlags()
    private var settings = MachineSettings(slots: 2, lanes: 8)
    private var number: UInt32 = 0

    /// Asks for a change as the node does.
    private mutating func ask(
        _ change: (inout RunFlags) -> Void, canary: Milliseconds? = nil, addresses: [SocketAddress]? = nil
    ) -> OperationID {
        number += 1
        let before = flags
        change(&flags)
        pending.begin(
            OperationID(number: number),
            BeforeChange(addresses: addresses, flags: before, changedFlags: flags, settings: settings))
        if let canary { settings.canaryMilliseconds = canary }
        return OperationID(number: number)
    }

    private mutating func fail(_ operation: OperationID) { _ = pending.failed(operation, &flags, &settings) }

    @Test mutating func aFailedChangeGivesBackWhatItSet() {
        flags.worker = "/old"
        fail(ask({ $0.worker = "/new" }, canary: 9_000))
        #expect(flags.worker == "/old")
        #expect(settings.canaryMilliseconds == 250)
    }

    @Test mutating func aSuccessfulOneKeepsIt() {
        let operation = ask({ $0.workers = "4" }, canary: 9_000)
        let record = pending.succeeded(operation)
        #expect(record?.changedFlags.workers == "4")
        #expect(flags.workers == "4")
        #expect(settings.canaryMilliseconds == 9_000)
    }

    @Test mutating func whatAYoungerOneSetStays() {
        flags.worker = "/old"
        let older = ask({ $0.worker = "/bad" }, canary: 1_000)
        let younger = ask({ $0.worker = "/worse" }, canary: 2_000)
        fail(older)
        #expect(flags.worker == "/worse")
        #expect(settings.canaryMilliseconds == 2_000)
        fail(younger)
        #expect(flags.worker == "/old")
        #expect(settings.canaryMilliseconds == 250)
    }

    @Test mutating func othersFlagsAreNotTouched() {
        let older = ask({ $0.worker = "/bad" })
        _ = ask({ $0.workers = "4" })
        fail(older)
        #expect(flags.worker == nil)
        #expect(flags.workers == "4")
    }

    @Test mutating func addressesOfEveryUndecidedChangeAreNamed() {
        let (one, two) = (SocketAddress(path: "/one"), SocketAddress(path: "/two"))
        #expect(pending.youngestAddresses == nil && pending.addresses.isEmpty)
        let older = ask({ _ in }, addresses: [one])
        let younger = ask({ _ in }, addresses: [two])
        _ = ask({ $0.workers = "4" })
        #expect(pending.youngestAddresses == [two] && Set(pending.addresses.map(\.path)) == ["/one", "/two"])
        fail(older)
        #expect(pending.youngestAddresses == [two] && pending.addresses == [two])
        let record = pending.succeeded(younger)
        #expect(record?.addresses == [two])
        #expect(pending.youngestAddresses == nil && pending.addresses.isEmpty)
    }

    @Test mutating func anOperationThatSetNothingIsNobody() {
        flags.worker = "/old"
        fail(OperationID(number: 77))
        #expect(flags.worker == "/old")
    }
}
