// Runs the kill fuzz in small; `make soak-cache` is the long version.
import CLinux
@unsafe @preconcurrency import Glibc
import Testing

@Suite struct StormTests {
    @Test func nothingIsWrongOrLostAfterRandomKills() throws {
        let seed = UInt64.random(in: 1...1_000_000)
        let (status, output) = try run(["--kills", "150", "--seed", "\(seed)"])
        #expect(status == 0, "seed \(seed): \(output)")
        #expect(output.contains("\"wrongReads\":0"), "seed \(seed): \(output)")
        #expect(output.contains("\"problems\":[]"), "seed \(seed): \(output)")
    }

    /// The storm has to notice when segments are reused under readers, else its silence proves nothing.
    @Test(arguments: ["epoch-wait", "pin-scan", "loan-end"]) func theStormNoticesAMissingProtection(protection: String) throws {
        var output = ""
        for _ in 0..<5 {
            let seed = UInt64.random(in: 1...1_000_000)
            let status: Int32
            (status, output) = try run([
                "--kills", "40", "--turns", "20000", "--size", "1000000", "--slow", "50", "--seed", "\(seed)",
                "--without", protection,
            ])
            // Wrong bytes are noticed, or somebody trips over them.
            if status != 0 { return }
        }
        Issue.record("nothing noticed without \(protection): \(output)")
    }

    /// Deaths at every write of these works, and two works crossed at every access: the rest of them is a part of its
    /// own, on the release build.
    @Test(arguments: [
        ["--stops", "--only", "replace"], ["--stops", "--only", "evict"], ["--crossings", "--only", "look up"],
    ])
    func nothingIsWrongAtAnyInstruction(words: [String]) throws {
        let (status, output) = try run(words)
        #expect(status == 0, "\(output)")
        #expect(output.contains("\"problems\":[]"), "\(output)")
    }

    /// The same has to notice each thing that is left out.
    @Test(arguments: [
        ("recover-pending", "--stops", "replace"), ("recover-segments", "--stops", "insert in"),
        ("recover-evictions", "--stops", "evict"), ("recover-wholes", "--stops", "replace large"),
        ("recover-fills", "--stops", "insert in"), ("recover-ended", "--stops", "insert in"),
        ("recover-claims", "--stops", "give up"), ("recover-pins", "--stops", "read"),
        ("predecessor", "--stops", "take over in"), ("second-look", "--crossings", "look up"),
        ("ban-writer", "--crossings", "purge prefix, 256"), ("recover-index", "--stops", "extend"),
    ]) func theStopsNoticeWhatIsLeftOut(part: String, mode: String, name: String) throws {
        let (status, output) = try run([mode, "--only", name, "--recoveries", "1000", "--without", part])
        #expect(status != 0, "nothing noticed without \(part): \(output)")
    }

    /// Runs the storm beside this test bundle; its exit status and what it printed.
    private func run(_ arguments: [String]) throws -> (Int32, String) {
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        var path = [CChar](repeating: 0, count: 4096)
        let length = unsafe readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path[0..<max(0, length)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The test runner is the bundle itself or a helper that was given the bundle's path.
        let candidates = [own] + CommandLine.arguments
        let storm = candidates.map {
            $0.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/CacheStorm"
        }
        .first { unsafe access($0, X_OK) == 0 }
        let program = try #require(storm)
        var argv = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        // A process that crashes for want of a protection need not explain itself.
        var environment = unsafe [strdup("SWIFT_BACKTRACE=enable=no"), nil]
        defer { unsafe (argv + environment).forEach { unsafe free($0) } }
        let map: [Int32] = [-1, ends[1], 2]
        let pid = unsafe cl_spawn(program, &argv, &environment, map, 3)
        close(ends[1])
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(ends[0], &buffer, buffer.count)
            guard count > 0 else { break }
            output += buffer[0..<count]
        }
        close(ends[0])
        return (cl_wait(pid), String(decoding: output, as: UTF8.self))
    }
}
