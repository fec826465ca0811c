// The admin plane's door. The listening socket is the node's own and outlives the server behind it: an upgrade in place
// closes the server, keeps the socket through exec, and whoever asks meanwhile waits in its queue.
import CLinux
import ControlChannel
import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOExtras
import NIOPosix

actor AdminGate {
    /// Bound to `admin.sock` and listening for as long as the node lives.
    nonisolated let socket: Int32
    private let channel: HTTP1Channel
    private var quiescing: ServerQuiescingHelper?
    private var server: (any Channel)?
    private var serving: Task<Void, Never>?
    /// How long a connection that was just let in has to ask its question when the door closes.
    private static var grace: Duration { .milliseconds(150) }
    private static let log: Logger = {
        var quiet = Logger(label: "martlet.admin")
        quiet.logLevel = .critical
        return quiet
    }()

    init(socket: Int32, router: Router<BasicRequestContext>) {
        self.socket = socket
        let responder = router.buildResponder()
        channel = HTTP1Channel { request, writer, channel in
            let source = ApplicationRequestContextSource(channel: channel, logger: Self.log)
            let response: Response
            do {
                response = try await responder.respond(to: request, context: BasicRequestContext(source: source))
            } catch {
                response = Response(status: .internalServerError)
            }
            try await writer.write(response: response.head, body: response.body)
        }
    }

    /// A socket that listens; it appears under its name only now.
    static func listen(in directory: RuntimeDirectory) throws(Failure) -> Int32 {
        let temporary = directory.path + "/admin-\(getpid()).sock"
        unsafe unlink(temporary)
        let fd = cl_stream_socket(AF_UNIX)
        let address = SocketAddress(path: temporary)
        guard fd >= 0, unsafe address.withSocketAddress({ unsafe bind(fd, $0, $1) }) == 0, Glibc.listen(fd, 64) == 0,
            unsafe rename(temporary, directory.adminSocket) == 0
        else {
            throw .runtime("\(directory.adminSocket) cannot be listened on: \(systemText(cl_errno()))")
        }
        return fd
    }

    /// Answers those who wait in the queue, and who comes.
    func open() async throws {
        guard quiescing == nil else { return }
        let quiescing = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        let channel = channel
        let copy = fcntl(socket, F_DUPFD_CLOEXEC, 3)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { server in
                server.eventLoop.makeCompletedFuture {
                    let handler = quiescing.makeServerChannelHandler(channel: server)
                    try server.pipeline.syncOperations.addHandler(handler)
                }
            }
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .bind(copy) { child in channel.setup(channel: child, logger: Self.log) }
        self.quiescing = quiescing
        self.server = server.channel
        serving = Task.detached { await Self.serve(server, channel) }
    }

    private static func serve(_ server: NIOAsyncChannel<HTTP1Channel.Value, Never>, _ channel: HTTP1Channel) async {
        await withDiscardingTaskGroup { group in
            try? await server.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { await channel.handle(value: connection, logger: log) }
                }
            }
        }
    }

    /// Takes nobody in any more, and answers what has been asked; whoever does not read is cut after a while.
    func close(patience: Duration) async {
        guard let quiescing, let server, let serving else { return }
        self.quiescing = nil
        self.serving = nil
        try? await server.close()
        let watchdog = Task.detached {
            try await Task.sleep(for: Self.grace)
            let promise = MultiThreadedEventLoopGroup.singleton.next().makePromise(of: Void.self)
            quiescing.initiateShutdown(promise: promise)
            try await Task.sleep(for: patience)
            serving.cancel()
        }
        await serving.value
        watchdog.cancel()
    }
}
