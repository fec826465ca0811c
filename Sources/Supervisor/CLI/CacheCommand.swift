// `martlet cache ...`: hands over to the program martlet-cache, found beside this one.
import ArgumentParser
import Foundation
import Glibc

struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Look into a cache region, check it, or replay a trace through the engine.",
        discussion: "Everything behind `cache` is for martlet-cache; `martlet cache --help` lists its commands.",
        helpNames: [])
    @Argument(parsing: .captureForPassthrough, help: "Words for martlet-cache.") var words: [String] = []

    mutating func run() throws {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "martlet"
        let directory = (own as NSString).deletingLastPathComponent
        let names = ["martlet-cache", "CacheTool"].map { directory + "/" + $0 }
        guard let path = names.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else {
            throw Failure.runtime("there is no martlet-cache beside this program, in \(directory)")
        }
        let list = unsafe (["martlet-cache"] + (words.isEmpty ? ["help"] : words)).map { unsafe strdup($0) } + [nil]
        unsafe execv(path, list)
        throw Failure.runtime("cannot start \(path): \(systemText(errno))")
    }
}
