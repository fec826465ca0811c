// Every message comes back as it went out, over a real socket with descriptors too, and torn bytes only throw.
import CLinux
import Glibc
import Testing

@testable import ControlChannel

private let address = SocketAddress(ipv6: [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1], port: 443)

private let supervisorMessages: [SupervisorMessage] = [
    .assign(Assignment(generation: 7, lane: 3, slot: 2, slots: 8, cpu: nil, orphanSeconds: 60)),
    .assign(Assignment(generation: 7, lane: 3, slot: 2, slots: 8, cpu: 1)),
    .eventDescriptors(firstLane: 4, count: 12),
    .listeners([ListenerPlace(address: 0, slot: 1), ListenerPlace(address: 1, slot: 9)], last: true),
    .probe, .accept(slot: 5), .stopAccepting(slot: 6), .handOver(role: .taker, peerLane: 9),
    .drain(DrainDeadlines(idleMilliseconds: 1, requestMilliseconds: 2, streamMilliseconds: 0)),
    .stop, .report(serial: 77), .adopted(Adoption(supervisorPID: 42)),
]

private let workerMessages: [WorkerMessage] = [
    .ready(backend: .epoll, build: "0.1.0"), .failed(reason: "cannot attach"), .accepting(slot: 1),
    .stoppedAccepting(slot: 1), .laneReleased, .drained(DrainOutcome(handedOver: 3, closed: 2, cut: 1)),
    .connections(
        serial: 5, ConnectionReport(idle: .init(count: 4, oldestSeconds: 9), fills: 2, draining: true)),
    .orphan(
        OrphanState(
            pid: 99, assignment: Assignment(generation: 1, lane: 2, slot: 3, slots: 4), accepting: [3, 4],
            draining: true)),
    .eventDescriptors(firstLane: 0, count: 2), .listeners([ListenerPlace(address: 0, slot: 0)], last: false),
]

private let handOverMessages: [HandOverMessage] = [
    .connection(
        HandedConnection(id: 1, address: 0, slot: 3, peer: address, ageMilliseconds: 8, unread: [1, 2, 3])),
    .connection(HandedConnection(id: 2, address: 0, slot: 3, peer: nil, isTunnel: true, unsent: [9], origin: 4)),
    .taken(id: 1), .refused(id: 2), .end,
]

struct MessageTests {
    @Test(arguments: supervisorMessages) func supervisorMessagesComeBack(_ message: SupervisorMessage) throws {
        #expect(try SupervisorMessage.decoded(message.encoded()) == message)
    }

    @Test(arguments: workerMessages) func workerMessagesComeBack(_ message: WorkerMessage) throws {
        #expect(try WorkerMessage.decoded(message.encoded()) == message)
    }

    @Test(arguments: handOverMessages) func handOverMessagesComeBack(_ message: HandOverMessage) throws {
        #expect(try HandOverMessage.decoded(message.encoded()) == message)
    }

    @Test(arguments: workerMessages) func everyPrefixThrows(_ message: WorkerMessage) {
        let bytes = message.encoded()
        for length in 0..<bytes.count {
            #expect(throws: ControlError.self) { _ = try WorkerMessage.decoded(bytes, length: length) }
        }
    }

    @Test func anUnknownTypeIsSkippedAndAnotherVersionRefused() throws {
        var bytes = WorkerMessage.laneReleased.encoded()
        bytes[4] = 0xff
        #expect(try WorkerMessage.decoded(bytes) == nil)
        bytes[2] = 99
        #expect(throws: ControlError.version(found: 99, spoken: 1)) { _ = try WorkerMessage.decoded(bytes) }
    }

    @Test func randomBytesNeverTrap() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let seed = UInt64.random(in: 0...UInt64.max, using: &generator)
            var bytes = SupervisorMessage.stop.encoded()
            bytes[4] = UInt8(seed % 14)
            var state = seed
            for _ in 0..<Int(seed % 64) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 33))
            }
            _ = try? SupervisorMessage.decoded(bytes)
        }
    }
}

private func socketPair() -> [Int32] {
    var ends: [Int32] = [-1, -1]
    let result = unsafe cl_seqpacket_pair(&ends)
    #expect(result == 0)
    return ends
}

struct SocketTests {
    @Test func aMessageCarriesItsDescriptors() throws {
        let ends = socketPair()
        var supervisor = SupervisorControlSocket(taking: ends[0])
        var worker = WorkerControlSocket(taking: ends[1])
        #expect(try worker.receive() == .nothing)
        let file = unsafe cl_memfd_create("passed")
        #expect(ftruncate(file, 5) == 0)
        try supervisor.send(.probe, [.giving(file)])
        #expect(fcntl(file, F_GETFD) == -1)
        guard case .message(.probe, let descriptors) = try worker.receive(), let got = descriptors.first else {
            Issue.record("no probe")
            return
        }
        #expect(lseek(got, 0, SEEK_END) == 5)
        close(got)
    }

    @Test func whatTheSocketDoesNotTakeIsQueuedInOrder() throws {
        let ends = socketPair()
        var supervisor = SupervisorControlSocket(taking: ends[0])
        var worker = WorkerControlSocket(taking: ends[1])
        for serial in 0..<2_000 { try supervisor.send(.report(serial: UInt32(serial))) }
        let queued = supervisor.hasQueued
        #expect(queued)
        var next: UInt32 = 0
        while next < 2_000 {
            switch try worker.receive() {
            case .message(.report(let serial), _):
                #expect(serial == next)
                next += 1
            case .nothing: try supervisor.flush()
            default: Issue.record("unexpected")
            }
        }
        let left = supervisor.queuedCount
        #expect(left == 0)
    }

    @Test func theOtherSideClosing() throws {
        let ends = socketPair()
        var worker = WorkerControlSocket(taking: ends[1])
        close(ends[0])
        #expect(try worker.receive() == .closed)
        #expect(throws: ControlError.closed) { try worker.send(.laneReleased) }
    }

    @Test func addressesSurviveTheKernelForm() {
        for one in [address, SocketAddress(ipv4: [127, 0, 0, 1], port: 8080)] {
            var storage = sockaddr_storage()
            _ = unsafe one.withSocketAddress { pointer, length in unsafe memcpy(&storage, pointer, Int(length)) }
            #expect(SocketAddress(storage: storage) == one)
        }
        #expect(address.description == "[2001:db8::1]:443")
        #expect(SocketAddress(ipv6: [UInt8](repeating: 0, count: 16), port: 1).description == "[::]:1")
    }
}
