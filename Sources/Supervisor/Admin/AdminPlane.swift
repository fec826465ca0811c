// What the admin socket answers: HTTP and JSON. Each change answers 202 with the number of an operation, whose progress
// is read (and waited for, a second at a time) from `/v1/operations/N`. Sockets are AdminPort's business.
import Foundation
import Glibc
import ShmCache

struct AdminPlane: Sendable {
    let node: Node

    struct ChangeBody: Decodable {
        var timeoutSeconds: Double?
        var workers: String?
        var binary: String?
        var worker: String?
        var io: String?
        var cacheSize: String?
        var manner: String?
        var seconds: Double?
    }

    func answer(_ request: AdminRequest) async -> AdminAnswer {
        do {
            return try await route(request)
        } catch let failure as Failure {
            return .complaint(400, failure.description)
        } catch {
            return .complaint(400, "\(error)")
        }
    }

    private func route(_ request: AdminRequest) async throws -> AdminAnswer {
        let operations = "/v1/operations/"
        switch (request.method, request.path) {
        case ("GET", "/v1/status"): return await status()
        case ("GET", let path) where path.hasPrefix(operations):
            return try await operation(String(path.dropFirst(operations.count)), seen: request.query["seen"])
        case ("POST", "/v1/reload"): return try await reload(body(request))
        case ("POST", "/v1/workers"): return try await resize(body(request))
        case ("POST", "/v1/upgrade"): return try await upgrade(body(request))
        case ("POST", "/v1/stop"): return try await stop(body(request))
        case ("POST", "/v1/purge"): return try await purge(request)
        case ("POST", "/v1/test/advance-clock") where Node.isForTests: return try await advanceClock(body(request))
        case ("GET", _), ("POST", _): return .complaint(404, "there is no \(request.method) \(request.path)")
        default: return .complaint(405, "GET and POST are what is understood here")
        }
    }

    // MARK: Questions

    private func status() async -> AdminAnswer {
        let asked = await node.askForReports()
        for _ in 0..<10 {
            if await node.haveReports(since: asked) { break }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return .json(await node.status(node.regions.cache.statistics()))
    }

    /// Waits up to 4 s for news of the operation: less than who asks waits for an answer, and long enough that a node
    /// which is about to end is seldom asked anew.
    private func operation(_ text: String, seen: String?) async throws -> AdminAnswer {
        guard let number = UInt32(text) else { throw Failure.usage("'\(text)' is no number of an operation") }
        let seen = seen.flatMap { Int($0) } ?? 0
        for _ in 0..<200 {
            guard let operation = await node.operation(number) else { return Self.unknown(number) }
            if operation.outcome != nil || operation.progress.count > seen { return .json(operation) }
            try await Task.sleep(for: .milliseconds(20))
        }
        guard let operation = await node.operation(number) else { return Self.unknown(number) }
        return .json(operation)
    }

    private static func unknown(_ number: UInt32) -> AdminAnswer {
        .complaint(AdminAnswer.unknownOperation, "there is no operation \(number)")
    }

    // MARK: Changes

    private func reload(_ body: ChangeBody) async -> AdminAnswer {
        let change = RunFlags.Change(workers: body.workers, io: body.io, cacheSize: body.cacheSize)
        return accepted(await node.reload(timeoutSeconds: body.timeoutSeconds ?? 60, change: change))
    }

    private func resize(_ body: ChangeBody) async throws -> AdminAnswer {
        guard let workers = body.workers else { throw Failure.usage("say how many: {\"workers\": \"4\"}") }
        return accepted(try await node.resize(workers, timeoutSeconds: body.timeoutSeconds ?? 60))
    }

    private func upgrade(_ body: ChangeBody) async -> AdminAnswer {
        accepted(
            await node.upgrade(
                binary: body.binary, worker: body.worker, timeoutSeconds: body.timeoutSeconds ?? 60))
    }

    private func stop(_ body: ChangeBody) async throws -> AdminAnswer {
        guard let manner = StopManner(rawValue: body.manner ?? "drain") else {
            throw Failure.usage("manner must be now, drain or patient")
        }
        return accepted(await node.stop(manner))
    }

    private func purge(_ request: AdminRequest) async throws -> AdminAnswer {
        guard let wanted = try? JSONDecoder().decode(PurgeRequest.self, from: Data(request.body)) else {
            throw Failure.usage("say what to purge: {\"url\": ...}, prefix, host, tag or {\"all\": true}")
        }
        return .json(try await node.purger.purge(wanted, sites: await node.liveSites()))
    }

    private func advanceClock(_ body: ChangeBody) async throws -> AdminAnswer {
        guard let seconds = body.seconds, abs(seconds) < 1e9 else { throw Failure.usage("say {\"seconds\": N}") }
        return .json(["clockSeconds": await node.advanceClock(nanoseconds: Int64(seconds * 1e9))])
    }

    private func body(_ request: AdminRequest) throws -> ChangeBody {
        guard !request.body.isEmpty else { return ChangeBody() }
        guard let body = try? JSONDecoder().decode(ChangeBody.self, from: Data(request.body)) else {
            throw Failure.usage("the body is not the JSON expected here")
        }
        if let seconds = body.timeoutSeconds, !Patience.allows(seconds) {
            throw Failure.usage("timeoutSeconds must be \(Patience.bounds)")
        }
        return body
    }

    private func accepted(_ operation: OperationID) -> AdminAnswer {
        .json(["operation": operation.number], status: 202)
    }
}
