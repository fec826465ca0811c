// The commands' side of the admin socket: one request, one JSON answer, and waiting for an operation.
import Foundation
import Glibc
import NIOCore
import NIOHTTP1

struct AdminClient {
    let directory: String

    init(runtimeDirectory: String?) {
        directory = runtimeDirectory.map(absolutePath) ?? RuntimeDirectory.defaultPath()
    }

    struct Accepted: Decodable { var operation: UInt32 }
    private struct Complaint: Decodable {
        struct Inner: Decodable { var message: String }
        var error: Inner
    }

    /// The node was reached and said no.
    private struct Refusal: Error {
        var status: Int
        var text: String

        var failure: Failure { Failure(kind: status == 400 ? .usage : .runtime, description: text) }
    }

    func get<Answer: Decodable>(_ path: String, timeoutSeconds: Double = 30) async throws -> Answer {
        try decode(try await ask(.GET, path, nil, timeoutSeconds))
    }

    func raw(_ path: String, timeoutSeconds: Double) async throws -> String {
        String(decoding: try await ask(.GET, path, nil, timeoutSeconds), as: UTF8.self)
    }

    func post<Question: Encodable, Answer: Decodable>(
        _ path: String, _ question: Question, timeoutSeconds: Double
    ) async throws -> Answer {
        let body = try JSONEncoder().encode(question)
        return try decode(try await ask(.POST, path, String(decoding: body, as: UTF8.self), timeoutSeconds))
    }

    /// A refusal ends the command.
    private func ask(
        _ method: HTTPMethod, _ path: String, _ body: String?, _ timeoutSeconds: Double
    ) async throws -> Data {
        do {
            return try await send(method, path, body, timeout: .seconds(timeoutSeconds))
        } catch let refusal as Refusal {
            throw refusal.failure
        }
    }

    /// Asks for a change and waits for its outcome, printing each step as it comes.
    /// `quiet` leaves the steps out, `says` false the outcome too.
    func change(
        _ path: String, _ body: [String: String], timeoutSeconds: Double, quiet: Bool = false, says: Bool = true
    ) async throws {
        var fields = body.mapValues { ChangeField.text($0) }
        fields["timeoutSeconds"] = .number(timeoutSeconds)
        let request = String(decoding: try JSONEncoder().encode(fields), as: UTF8.self)
        let wasRunning = RuntimeDirectory.isLocked(directory)
        let answer: Data
        do {
            answer = try await ask(.POST, path, request, timeoutSeconds)
        } catch let failure as Failure {
            // A node that ended while it was asked to has done what was wanted.
            guard path == "/v1/stop", wasRunning, !RuntimeDirectory.isLocked(directory) else { throw failure }
            return Console.say("stopped")
        }
        let accepted: Accepted = try decode(answer)
        // The node gives up a change in that time and says so; a stop goes on.
        let patience = path == "/v1/stop" ? timeoutSeconds : timeoutSeconds + 2
        let outcome = try await follow(accepted.operation, timeoutSeconds: patience, path: path, quiet: quiet)
        if says { Console.say(outcome) }
    }

    /// What came of an operation.
    private func follow(
        _ number: UInt32, timeoutSeconds: Double, path: String, quiet: Bool
    ) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        var seen = 0
        var problem: Failure?
        while ContinuousClock.now < deadline {
            let operation: Operation
            let left = max(.milliseconds(200), deadline - ContinuousClock.now)
            // Who wants the outcome alone does not ask again for every step: a node that stops may be gone by then.
            let known = quiet ? Int(Int32.max) : seen
            do {
                operation = try decode(
                    try await send(
                        .GET, "/v1/operations/\(number)?seen=\(known)", nil, timeout: min(.seconds(5), left)))
            } catch let refusal as Refusal {
                guard refusal.status == AdminAnswer.unknownOperation else { throw refusal.failure }
                throw Failure.runtime(
                    "the supervisor that was at it died, and the one that serves now does not know of it; "
                        + "`martlet status` says how the node is")
            } catch let failure as Failure {
                // The supervisor may be between two program images, or gone because it was told to stop.
                if path == "/v1/stop", !RuntimeDirectory.isLocked(directory) { return "stopped" }
                guard RuntimeDirectory.isLocked(directory) else {
                    // Who dies leaves the lock's file behind.
                    guard RuntimeDirectory.hasLock(directory) else {
                        throw Failure.runtime("the node was stopped before it had said what came of this")
                    }
                    throw Failure.runtime(
                        "the supervisor died; its workers serve on, and the next `martlet run` adopts them (\(failure))"
                    )
                }
                problem = failure
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            problem = nil
            for line in operation.progress.dropFirst(seen) where !quiet { Console.say("  " + line) }
            seen = operation.progress.count
            guard let outcome = operation.outcome else { continue }
            guard outcome.succeeded else { throw Failure.runtime(outcome.text) }
            return outcome.text
        }
        if path == "/v1/stop", let text = await stillStopping() { throw Failure.runtime(text) }
        let why = problem.map { ": \($0)" } ?? ""
        throw Failure.runtime("no outcome within \(Int(timeoutSeconds)) s\(why)")
    }

    private var notAllowed: Failure {
        .runtime("not allowed to look into \(directory): be root or the user that runs the node")
    }

    /// Nil when the node does not say.
    private func stillStopping() async -> String? {
        guard let status: StatusDocument = try? await get("/v1/status", timeoutSeconds: 2) else { return nil }
        let workers = status.generations.flatMap(\.workers).compactMap(\.connections)
        let count = workers.reduce(0) { $0 + $1.active.count + $1.streams.count }
        let what = count == 0 ? "" : ": \(count) \(count == 1 ? "request" : "requests") under way"
        return "still stopping\(what); `martlet stop --now` ends it"
    }

    private func decode<Answer: Decodable>(_ data: Data) throws -> Answer {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            return try decoder.decode(Answer.self, from: data)
        } catch {
            throw Failure.runtime("the node's answer is not understood: \(error)")
        }
    }

    private func send(
        _ method: HTTPMethod, _ path: String, _ body: String?, timeout: Duration
    ) async throws -> Data {
        let socket = directory + "/admin.sock"
        if unsafe access(socket, F_OK) != 0 {
            if errno == EACCES { throw notAllowed }
            throw Failure.runtime("no node runs in \(directory) (there is no admin.sock); --runtime-dir names another")
        }
        let client = OneShotClient(place: .unixSocket(socket))
        let answer: OneShotClient.Answer
        do {
            answer = try await client.send(method, path, body: body.map { ByteBuffer(string: $0) }, timeout: timeout)
        } catch {
            if let problem = error as? IOError, problem.errnoCode == EACCES { throw notAllowed }
            if !RuntimeDirectory.isLocked(directory) {
                throw Failure.runtime(
                    "no supervisor lives in \(directory); `martlet run` adopts the workers that serve on, if any")
            }
            throw Failure.runtime("no node answers on \(socket): \(error)")
        }
        let data = Data(answer.body.readableBytesView)
        guard (200...299).contains(answer.status.code) else {
            let text = (try? JSONDecoder().decode(Complaint.self, from: data))?.error.message
            throw Refusal(status: Int(answer.status.code), text: text ?? "\(answer.status)")
        }
        return data
    }
}

/// A member of the body that asks for a change.
private enum ChangeField: Encodable {
    case text(String)
    case number(Double)

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .text(let text): try container.encode(text)
        case .number(let number): try container.encode(number)
        }
    }
}
