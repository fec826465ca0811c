// The commands' side of the admin socket: one request, one JSON answer, and waiting for an operation.
import AsyncHTTPClient
import Foundation
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

    func get<Answer: Decodable>(_ path: String, as: Answer.Type = Answer.self) async throws -> Answer {
        try decode(try await send(.GET, path, nil))
    }

    func raw(_ path: String) async throws -> String { String(decoding: try await send(.GET, path, nil), as: UTF8.self) }

    /// Asks for a change and waits for its outcome, printing each step as it comes.
    func change(_ path: String, _ body: [String: String], timeoutSeconds: Double, quiet: Bool = false) async throws {
        var fields = body.map { "\"\($0)\": \"\($1)\"" }
        fields.append("\"timeoutSeconds\": \(timeoutSeconds)")
        let answer = try await send(.POST, path, "{\(fields.joined(separator: ", "))}")
        let accepted: Accepted = try decode(answer)
        try await follow(accepted.operation, timeoutSeconds: timeoutSeconds + 5, path: path, quiet: quiet)
    }

    private func follow(_ number: UInt32, timeoutSeconds: Double, path: String, quiet: Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(timeoutSeconds)
        var seen = 0
        while ContinuousClock.now < deadline {
            let operation: Operation
            do {
                operation = try await get("/v1/operations/\(number)?seen=\(seen)")
            } catch let failure as Failure {
                // The supervisor may be between two program images, or gone because it was told to stop.
                if path == "/v1/stop", !RuntimeDirectory.isLocked(directory) { return Console.say("stopped") }
                guard RuntimeDirectory.isLocked(directory) else {
                    throw Failure.runtime(
                        "the supervisor died; its workers serve on, and the next `martlet run` adopts them (\(failure))"
                    )
                }
                try await Task.sleep(for: .milliseconds(50))
                continue
            }
            for line in operation.progress.dropFirst(seen) where !quiet { Console.say("  " + line) }
            seen = operation.progress.count
            guard let outcome = operation.outcome else { continue }
            guard outcome.succeeded else { throw Failure.runtime(outcome.text) }
            return Console.say(outcome.text)
        }
        throw Failure.runtime("no outcome within \(Int(timeoutSeconds)) s")
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

    private func send(_ method: HTTPMethod, _ path: String, _ body: String?) async throws -> Data {
        let socket = directory + "/admin.sock"
        guard FileManager.default.fileExists(atPath: socket) else {
            throw Failure.runtime("no node runs in \(directory) (there is no admin.sock); --runtime-dir names another")
        }
        guard let url = URL(httpURLWithSocketPath: socket, uri: path) else {
            throw Failure.usage("runtime directory \(directory) cannot be used as a socket path")
        }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = method
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        do {
            let response = try await client.execute(request, timeout: .seconds(30))
            let data = Data(try await response.body.collect(upTo: 16 << 20).readableBytesView)
            try await client.shutdown()
            guard (200...299).contains(response.status.code) else {
                let text = (try? JSONDecoder().decode(Complaint.self, from: data))?.error.message
                let isOurs = response.status.code == 400
                throw Failure(kind: isOurs ? .usage : .runtime, description: text ?? "\(response.status)")
            }
            return data
        } catch let failure as Failure {
            throw failure
        } catch {
            try? await client.shutdown()
            if !RuntimeDirectory.isLocked(directory) {
                throw Failure.runtime(
                    "no supervisor lives in \(directory); `martlet run` adopts the workers that serve on, if any")
            }
            throw Failure.runtime("no node answers on \(socket): \(error)")
        }
    }
}
