// The command `martlet` and its subcommands. Failures are one line on standard error and an exit code: 2 for a wrong
// command line or configuration, 1 for everything else.
import ArgumentParser
import CLinux
import Dispatch
import Foundation
import Glibc

struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "An HTTP edge node: a caching reverse proxy that is never down.",
        version: Build.version,
        subcommands: [
            RunCommand.self, CheckCommand.self, ConfigCommand.self, StatusCommand.self, ReloadCommand.self,
            WorkersCommand.self, TuneCommand.self, UpgradeCommand.self, StopCommand.self, CacheCommand.self,
            PurgeCommand.self, PreflightCommand.self, ResumeCommand.self,
        ])
}

@main
enum Program {
    /// Not an asynchronous `main`: that one parks the first thread with every signal unblocked, where the default
    /// action of SIGTERM or SIGHUP would meet it.
    static func main() {
        cl_open_standard_descriptors()
        signal(SIGPIPE, SIG_IGN)
        do {
            let command = try Martlet.parseAsRoot()
            if command is ResumeCommand { Watchdog.arm() }
            if command is RunCommand || command is ResumeCommand { Signals.block() }
            // No thread but this one has opened anything yet.
            if let resume = command as? ResumeCommand { try resume.closeOthers() }
            let box = CommandBox(command)
            Task.detached {
                await box.run()
                LogWriter.shared.flush()
                // Not `exit`: the threads of the loop and of the admin server still run, and would meet the
                // destructors of what they use.
                fflush(nil)
                _exit(0)
            }
            DispatchSemaphore(value: 0).wait()
        } catch {
            leave(error)
        }
    }

    /// What was thrown, as one line and an exit code; help and version go to standard output.
    static func leave(_ error: any Error) -> Never {
        if let failure = error as? Failure {
            Console.complain(failure.description)
            LogWriter.shared.flush()
            exit(failure.kind.rawValue)
        }
        if let interrupted = error as? Interrupted { exit(interrupted.exitCode) }
        let code = Martlet.exitCode(for: error)
        if code.isSuccess {
            print(Martlet.fullMessage(for: error))
            exit(0)
        }
        let isUsage = code == .validationFailure
        let help = "; `martlet --help` and `martlet COMMAND --help` list what there is"
        Console.complain(isUsage ? Martlet.message(for: error) + help : "\(error)")
        LogWriter.shared.flush()
        exit(isUsage ? 2 : 1)
    }
}

/// Carries the parsed command to the task that runs it, and nowhere else.
private struct CommandBox: @unchecked Sendable {
    private let command: any ParsableCommand

    init(_ command: any ParsableCommand) { self.command = command }

    func run() async {
        do {
            var command = command
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            Program.leave(error)
        }
    }
}
