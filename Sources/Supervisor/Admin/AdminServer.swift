// The admin plane: HTTP and JSON on `admin.sock`. Each change answers 202 with the number of an operation, whose
// progress is read (and waited for, a second at a time) from `/v1/operations/N`.
import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import ShmCache

struct AdminServer: Sendable {
    let node: Node
    let directory: RuntimeDirectory

    struct ChangeBody: Decodable {
        var timeoutSeconds: Double?
        var workers: String?
        var binary: String?
        var worker: String?
        var io: String?
        var manner: String?
        var seconds: Double?
    }

    /// The server as a service group: told to shut down, it answers what it has been asked before it returns. The
    /// socket appears under its name only once it listens.
    func service() -> ServiceGroup {
        let temporary = directory.path + "/admin-\(getpid()).sock"
        let final = directory.adminSocket
        var quiet = Logger(label: "martlet.admin")
        quiet.logLevel = .critical
        let application = Application(
            router: router(), configuration: .init(address: .unixDomainSocket(path: temporary)),
            onServerRunning: { _ in
                unsafe rename(temporary, final)
            }, logger: quiet)
        return ServiceGroup(configuration: .init(services: [application], logger: quiet))
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/v1/status") { _, _ in try await status() }
        router.get("/v1/operations/{id}") { request, context in try await operation(request, context) }
        router.post("/v1/reload") { request, context in
            let body = try await body(request, context)
            let change = RunFlags.Change(workers: body.workers, io: body.io)
            return accepted(await node.reload(timeoutSeconds: body.timeoutSeconds ?? 60, change: change))
        }
        router.post("/v1/workers") { request, context in
            let body = try await body(request, context)
            guard let workers = body.workers else { throw complaint("say how many: {\"workers\": \"4\"}") }
            return try await checked {
                try await node.resize(workers, timeoutSeconds: body.timeoutSeconds ?? 60)
            }
        }
        router.post("/v1/upgrade") { request, context in
            let body = try await body(request, context)
            return accepted(
                await node.upgrade(
                    binary: body.binary, worker: body.worker, timeoutSeconds: body.timeoutSeconds ?? 60))
        }
        router.post("/v1/stop") { request, context in
            let body = try await body(request, context)
            guard let manner = StopManner(rawValue: body.manner ?? "drain") else {
                throw complaint("manner must be now, drain or patient")
            }
            return accepted(await node.stop(manner, timeoutSeconds: body.timeoutSeconds))
        }
        let purger = Purger(node.regions)
        router.post("/v1/purge") { request, context in
            let buffer = try await request.body.collect(upTo: 128 * 1024)
            guard let wanted = try? JSONDecoder().decode(PurgeRequest.self, from: Data(buffer.readableBytesView)) else {
                throw complaint("say what to purge: {\"url\": ...}, prefix, host, tag or {\"all\": true}")
            }
            do {
                return json(try purger.purge(wanted, sites: await node.liveSites()))
            } catch let failure as Failure {
                throw complaint(failure.description)
            }
        }
        if ProcessInfo.processInfo.environment["MARTLET_TEST"] == "1" { addTestRoutes(router) }
        return router
    }

    private func addTestRoutes(_ router: Router<BasicRequestContext>) {
        router.post("/v1/test/advance-clock") { request, context in
            let body = try await body(request, context)
            guard let seconds = body.seconds, abs(seconds) < 1e9 else { throw complaint("say {\"seconds\": N}") }
            node.regions.cache.shiftClock(nanoseconds: Int64(seconds * 1e9))
            return json(["clockSeconds": node.regions.cache.now().seconds])
        }
    }

    // MARK: Answers

    private func status() async throws -> Response {
        let asked = await node.askForReports()
        for _ in 0..<10 {
            if await node.haveReports(since: asked) { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        return json(await node.status(node.regions.cache.statistics()))
    }

    private func operation(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let number = try context.parameters.require("id", as: UInt32.self)
        let seen = request.uri.queryParameters["seen"].flatMap { Int($0) } ?? 0
        for _ in 0..<50 {
            guard let operation = await node.operation(number) else {
                throw HTTPError(.notFound, message: "\(Operation.unknown) \(number)")
            }
            if operation.outcome != nil || operation.progress.count > seen { return json(operation) }
            try await Task.sleep(for: .milliseconds(20))
        }
        guard let operation = await node.operation(number) else {
            throw HTTPError(.notFound, message: "\(Operation.unknown) \(number)")
        }
        return json(operation)
    }

    private func body(_ request: Request, _ context: BasicRequestContext) async throws -> ChangeBody {
        let buffer = try await request.body.collect(upTo: 64 * 1024)
        guard buffer.readableBytes > 0 else { return ChangeBody() }
        do {
            return try JSONDecoder().decode(ChangeBody.self, from: Data(buffer.readableBytesView))
        } catch {
            throw complaint("the body is not the JSON expected here")
        }
    }

    private func complaint(_ text: String) -> HTTPError { HTTPError(.badRequest, message: text) }

    private func checked(_ body: () async throws -> OperationID) async throws -> Response {
        do {
            return accepted(try await body())
        } catch let failure as Failure {
            throw complaint(failure.description)
        }
    }

    private func accepted(_ operation: OperationID) -> Response {
        json(["operation": operation.number], status: .accepted)
    }

    private func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        let data = (try? encoder.encode(value)) ?? Data("{}".utf8)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: data + Data("\n".utf8))))
    }
}
