// One HTTP/1.1 request on a connection of its own, over TCP or a Unix socket: what the commands and the demo need. No
// pool, no retry, no TLS.
import NIOCore
import NIOHTTP1
import NIOPosix

struct OneShotClient: Sendable {
    enum Place: Sendable {
        case unixSocket(String)
        case host(String, port: Int)
    }

    struct Answer: Sendable {
        var status: HTTPResponseStatus
        var fields: HTTPHeaders
        var body: ByteBuffer
    }

    enum Problem: Error, CustomStringConvertible {
        case closed
        case tooLarge
        case timedOut

        var description: String {
            switch self {
            case .closed: "the connection was closed before the answer was complete"
            case .tooLarge: "the answer is larger than it may be"
            case .timedOut: "no answer in time"
            }
        }
    }

    let place: Place

    private static var largestAnswer: Int { 16 << 20 }

    /// Sends the request and collects the answer, in `timeout` at most.
    func send(
        _ method: HTTPMethod, _ target: String, body: ByteBuffer? = nil, timeout: Duration = .seconds(30)
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask { try await exchange(method, target, body) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw Problem.timedOut
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw Problem.closed }
            return answer
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    private func exchange(_ method: HTTPMethod, _ target: String, _ body: ByteBuffer?) async throws -> Answer {
        let connection = try await connect()
        return try await connection.executeThenClose { inbound, outbound in
            var head = HTTPRequestHead(version: .http1_1, method: method, uri: target)
            head.headers.add(name: "Host", value: host)
            head.headers.add(name: "Connection", value: "close")
            if let body {
                head.headers.add(name: "Content-Type", value: "application/json")
                head.headers.add(name: "Content-Length", value: String(body.readableBytes))
            }
            // All at once: behind a head that is the whole request the server may have answered and closed already.
            var parts: [HTTPClientRequestPart] = [.head(head)]
            if let body { parts.append(.body(.byteBuffer(body))) }
            try await outbound.write(contentsOf: parts + [.end(nil)])
            return try await Self.collect(inbound)
        }
    }

    private func connect() async throws -> Connection {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        let prepare: @Sendable (any Channel) -> EventLoopFuture<Connection> = { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                return try Connection(wrappingChannelSynchronously: channel)
            }
        }
        switch place {
        case .unixSocket(let path):
            return try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: prepare)
        case .host(let host, let port):
            return try await bootstrap.connect(host: host, port: port, channelInitializer: prepare)
        }
    }

    private var host: String {
        switch place {
        case .unixSocket: "localhost"
        case .host(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    private static func collect(_ parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>) async throws -> Answer {
        var answer: Answer?
        for try await part in parts {
            switch part {
            case .head(let head): answer = Answer(status: head.status, fields: head.headers, body: ByteBuffer())
            case .body(var piece):
                answer?.body.writeBuffer(&piece)
                guard (answer?.body.readableBytes ?? 0) <= largestAnswer else { throw Problem.tooLarge }
            case .end:
                guard let answer else { throw Problem.closed }
                return answer
            }
        }
        throw Problem.closed
    }
}
