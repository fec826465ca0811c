// The command `martlet` and its subcommands. Failures are one line on standard error and an exit code: 2 for a wrong
// command line or configuration, 1 for everything else.
import ArgumentParser
import Foundation
import Glibc

@main
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "An HTTP edge node: a caching reverse proxy that is never down.",
        version: Build.version,
        subcommands: [
            RunCommand.self, StatusCommand.self, ReloadCommand.self, WorkersCommand.self, UpgradeCommand.self,
            StopCommand.self, PreflightCommand.self, ResumeCommand.self,
        ])

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            complain(failure.description)
            Glibc.exit(failure.kind.rawValue)
        } catch let code as ExitCode {
            Glibc.exit(code.rawValue)
        } catch {
            leave(error)
        }
    }

    /// What ArgumentParser threw: help and version go to standard output, mistakes are usage errors.
    private static func leave(_ error: any Error) -> Never {
        let code = exitCode(for: error)
        if code.isSuccess {
            print(fullMessage(for: error))
            Glibc.exit(0)
        }
        let isUsage = code == .validationFailure
        complain(
            isUsage
                ? message(for: error) + "; `martlet --help` and `martlet COMMAND --help` list what there is"
                : "\(error)")
        Glibc.exit(isUsage ? 2 : 1)
    }

    static func complain(_ text: String) {
        FileHandle.standardError.write(Data("martlet: \(text)\n".utf8))
    }
}
