// The directory that is the node: made if missing, for its owner only, locked while a supervisor lives. Everything in
// it is removed when the node stops.
import CLinux
import Foundation
import Glibc

struct RuntimeDirectory: Sendable {
    let path: String
    let lock: Int32
    private let wasMade: Bool

    static func defaultPath() -> String {
        if let base = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"], !base.isEmpty { return base + "/martlet" }
        return "/run/martlet"
    }

    /// Makes, checks and locks the directory. `isAgain`: for a node that had it, under which something was removed.
    static func take(_ path: String, isAgain: Bool = false) throws(Failure) -> RuntimeDirectory {
        let path = absolute(path)
        try checkLength(path)
        let wasMade = unsafe mkdir(path, 0o700) == 0
        if !wasMade, errno != EEXIST {
            throw .runtime(
                "runtime directory \(path) cannot be made: \(systemText(errno)); choose another with --runtime-dir")
        }
        var facts = cl_file_facts()
        guard unsafe cl_file_facts(path, &facts) == 0, facts.isDirectory else {
            throw .runtime("runtime directory \(path) is not a directory")
        }
        guard facts.owner == geteuid() else {
            throw .runtime("runtime directory \(path) belongs to another user (uid \(facts.owner))")
        }
        if !wasMade, !isAgain { try checkContents(path, permissions: facts.permissions) }
        let lock = try lockFile(path)
        if facts.permissions & 0o077 != 0 { unsafe chmod(path, 0o700) }
        // The lock file says who made the directory, for the supervisor that follows one that was killed.
        if wasMade { _ = unsafe write(lock, "made\n", 5) }
        return RuntimeDirectory(path: path, lock: lock, wasMade: wasMade || isNotedAsMade(lock))
    }

    static func checkLength(_ path: String) throws(Failure) {
        guard absolute(path).utf8.count > 80 else { return }
        throw .usage("runtime directory \(path): at most 80 bytes, because socket paths inside are limited to 107")
    }

    /// After an upgrade in place: the lock came along as a descriptor.
    init(path: String, lock: Int32, wasMade: Bool) {
        self.path = path
        self.lock = lock
        self.wasMade = wasMade
    }

    var adminSocket: String { path + "/admin.sock" }
    func workerSocket(_ pid: Int32) -> String { path + "/worker-\(pid).sock" }

    /// Whether a supervisor of this directory lives.
    static func isLocked(_ path: String) -> Bool {
        let fd = unsafe open(path + "/lock", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        return flock(fd, LOCK_EX | LOCK_NB) != 0
    }

    /// Whether a supervisor of this directory lives, or has died. One that stops removes the file.
    static func hasLock(_ path: String) -> Bool { unsafe access(path + "/lock", F_OK) == 0 }

    /// What a node has not made is left as it is: a directory for others as well, and files that only seem to be a
    /// node's.
    private static func checkContents(_ path: String, permissions: UInt32) throws(Failure) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        guard !names.contains("lock") else { return }
        // What orphans of a killed supervisor have there is a node's.
        let foreign = names.filter { !($0.hasPrefix("worker-") && $0.hasSuffix(".sock")) }
        if permissions & 0o077 != 0, !foreign.isEmpty {
            throw .runtime(
                "runtime directory \(path) is open to others and holds files that are not a node's; choose one for "
                    + "the node alone, which it makes if it is missing")
        }
        if let name = names.first(where: { ["pid", "admin.sock"].contains($0) }) {
            throw .runtime("\(path)/\(name) is not a node's; remove it, or choose another --runtime-dir")
        }
    }

    /// Whether who wrote the file `pid` is dead: a process that it was just starting may hold its lock for a moment.
    private static func isHolderDead(_ path: String) -> Bool {
        guard let text = try? String(contentsOfFile: path + "/pid", encoding: .utf8),
            let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 0
        else { return false }
        return kill(pid, 0) != 0 && errno == ESRCH
    }

    private static func lockFile(_ path: String) throws(Failure) -> Int32 {
        let end = LoopExecutor.now() + 2_000
        while true {
            let fd = unsafe open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard fd >= 0 else {
                throw .runtime("runtime directory \(path) cannot be written to: \(systemText(errno))")
            }
            guard flock(fd, LOCK_EX | LOCK_NB) == 0 else {
                close(fd)
                if isHolderDead(path), LoopExecutor.now() < end {
                    usleep(10_000)
                    continue
                }
                throw .runtime(
                    "a node already runs in \(path); choose another --runtime-dir or stop it with `martlet stop`")
            }
            // Whoever held it may have removed the file between our open and our lock.
            var mine = cl_file_facts()
            var named = cl_file_facts()
            if unsafe cl_descriptor_facts(fd, &mine) == 0, unsafe cl_file_facts(path + "/lock", &named) == 0,
                mine.inode == named.inode
            {
                return fd
            }
            close(fd)
        }
    }

    /// Sockets of workers, by process id.
    func workerSockets() -> [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.compactMap { name in
            guard name.hasPrefix("worker-"), name.hasSuffix(".sock") else { return nil }
            return Int32(name.dropFirst(7).dropLast(5))
        }
    }

    func writePIDFile() {
        try? "\(getpid())\n".write(toFile: path + "/pid", atomically: true, encoding: .utf8)
    }

    /// Whether the name still means the directory that we have locked: it was not removed, nor replaced.
    var isOurs: Bool {
        var mine = cl_file_facts()
        var named = cl_file_facts()
        guard unsafe cl_descriptor_facts(lock, &mine) == 0, unsafe cl_file_facts(path + "/lock", &named) == 0 else {
            return false
        }
        return mine.inode == named.inode
    }

    /// Whether commands find us there.
    var isWhole: Bool {
        guard isOurs else { return false }
        return unsafe access(adminSocket, F_OK) == 0
    }

    /// Makes and locks it again, under the same descriptor.
    func makeAgain() throws(Failure) {
        let new = try Self.take(path, isAgain: true)
        defer { close(new.lock) }
        guard dup2(new.lock, lock) >= 0 else { throw .runtime("\(path)/lock: \(systemText(errno))") }
        _ = fcntl(lock, F_SETFD, FD_CLOEXEC)
    }

    /// Removes everything of ours, the directory too if we made it.
    func clear(keepingWorkers: Bool = false) {
        // Another node may live under the name by now.
        guard isOurs else { return }
        let isMadeByUs = wasMade || Self.isNotedAsMade(lock)
        for pid in keepingWorkers ? [] : workerSockets() { unsafe unlink(workerSocket(pid)) }
        for name in ["admin.sock", "pid", "lock"] { unsafe unlink(path + "/" + name) }
        if isMadeByUs { unsafe rmdir(path) }
    }

    private static func isNotedAsMade(_ lock: Int32) -> Bool {
        var noted: UInt8 = 0
        return unsafe pread(lock, &noted, 1, 0) == 1
    }

    var wasMadeByUs: Bool { wasMade }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
