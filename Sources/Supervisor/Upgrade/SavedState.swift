// The node as one supervisor binary leaves it to the next: in a memfd, one checked line and JSON. Descriptors are named
// by their numbers, which exec keeps. A newer binary must read what older ones wrote: fields are added, never changed.
import CLinux
import ControlChannel
import Foundation
import Glibc

struct SavedState: Codable, Sendable {
    struct Worker: Codable, Sendable {
        var id: MemberID
        var pid: Int32
        var pidfd: Int32
        var control: Int32
        var isChild: Bool
        var backend: UInt8?
        var build: String
    }

    struct LaunchRecord: Codable, Sendable {
        var number: UInt32
        var workerPath: String
        var configuration: Int32
        var revision: UInt64
        var orphanSeconds: UInt32
    }

    struct ListenerRecord: Codable, Sendable {
        var addresses: [Listeners.Address]
        /// As `ListenSpec` reads them.
        var specs: [String]
        var requested: [String]
        var slots: Int
        var steeringRefused: String?
        var placement: [Int]?
    }

    static let version = 1
    /// Larger ones are neither written nor read.
    static let mostBytes = 64 << 20
    private static let magic = "martlet-state"

    var directory: String
    var lock: Int32
    /// The admin socket and who is connected. Optional because older binaries kept none.
    var admin: AdminPort.Record?
    var directoryWasMade: Bool
    var cache: Int32
    var node: Int32
    var events: [Int32]
    var listeners: ListenerRecord
    var machine: NodeMachine
    var workers: [Worker]
    var launches: [LaunchRecord]
    var nextLaunch: UInt32
    var revision: UInt64
    var operations: OperationLog
    var restarts: [TimedRestart]
    var restartCount: Int
    var flags: RunFlags
    var demoOrigin: OriginURL?
    /// Optional because older binaries kept none.
    var cacheAsked: UInt64?
    var startedAt: Date
    var upgrades: Int
    var storedAddresses: Int
    /// The upgrade that is under way, and whether workers are to be replaced after it.
    var operation: OperationID
    var replacesWorkers: Bool
    /// What holds again if the new workers fail. Optional because older binaries did not save it.
    var flagsBefore: RunFlags?
    /// What was asked for meanwhile. Optional because older binaries refused it.
    var postponed: PostponedChanges?
    /// Workers that can pass connections on to each other already. Optional because older binaries did not save it.
    var paired: [[MemberID]]?
    var timeoutSeconds: Double

    /// Every descriptor that must stay open through exec.
    var descriptors: [Int32] {
        [lock, cache, node] + events + listeners.addresses.flatMap(\.descriptors)
            + (admin.map { [$0.listener] + $0.connections.map(\.fd) } ?? [])
            + workers.flatMap { [$0.pidfd, $0.control] } + launches.map(\.configuration)
    }

    func write() throws(Failure) -> Int32 {
        guard let json = try? JSONEncoder().encode(self) else { throw .runtime("the state cannot be encoded") }
        let head = Data("\(Self.magic) \(Self.version) \(json.count) \(Self.checksum(json))\n".utf8)
        guard head.count + json.count < Self.mostBytes else {
            throw .runtime(
                "the state of this node takes \(json.count >> 20) MiB, and a new supervisor reads less than "
                    + "\(Self.mostBytes >> 20) MiB")
        }
        let fd = unsafe cl_memfd_create("martlet-state")
        let bytes = [UInt8](head + json)
        let written = fd < 0 ? -1 : unsafe bytes.withUnsafeBytes { unsafe pwrite(fd, $0.baseAddress, $0.count, 0) }
        guard written == bytes.count else {
            let why = systemText(cl_errno())
            if fd >= 0 { close(fd) }
            throw .runtime("the state cannot be written: \(why)")
        }
        return fd
    }

    static func read(_ fd: Int32) throws(Failure) -> SavedState {
        let size = Int(lseek(fd, 0, SEEK_END))
        guard size > 0 else { throw .runtime("descriptor \(fd) holds no saved state") }
        guard size < mostBytes else {
            throw .runtime(
                "the saved state takes \(size >> 20) MiB; this binary reads less than \(mostBytes >> 20) MiB")
        }
        var bytes = [UInt8](repeating: 0, count: size)
        let got = unsafe bytes.withUnsafeMutableBytes { unsafe Glibc.pread(fd, $0.baseAddress, $0.count, 0) }
        guard got == size, let newline = bytes.firstIndex(of: 10) else {
            throw .runtime("the saved state cannot be read")
        }
        let words = String(decoding: bytes[..<newline], as: UTF8.self).split(separator: " ").map(String.init)
        let json = Data(bytes[(newline + 1)...])
        guard words.count == 4, words[0] == magic else { throw .runtime("descriptor \(fd) holds no saved state") }
        guard words[1] == String(version) else {
            throw .runtime("the saved state has version \(words[1]); this binary reads version \(version)")
        }
        guard words[2] == String(json.count), words[3] == checksum(json) else {
            throw .runtime("the saved state is damaged")
        }
        do {
            return try JSONDecoder().decode(SavedState.self, from: json)
        } catch {
            throw .runtime("the saved state is not understood: \(error)")
        }
    }

    private static func checksum(_ data: Data) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in data { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 16)
    }
}
