// The embedded origin of a node without one: a small site with pages, JSON, an image and a slow endpoint, on a loopback
// port inside the supervisor. For looking and trying, not for serving anybody.
import Foundation
import Hummingbird
import Logging

struct DemoOrigin: Sendable {
    /// Serves until its task is cancelled; `listening` gets the port. With `port` 0 the kernel chooses one.
    func run(port: Int = 0, _ listening: @escaping @Sendable (Int) async -> Void) async throws {
        var quiet = Logger(label: "martlet.demo")
        quiet.logLevel = .critical
        let application = Application(
            router: router(), configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? 0) }, logger: quiet)
        try await application.run()
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/") { _, _ in page(DemoPages.home, "text/html; charset=utf-8", "max-age=60") }
        router.get("/about") { _, _ in page(DemoPages.about, "text/html; charset=utf-8", "max-age=300") }
        router.get("/style.css") { _, _ in page(DemoPages.style, "text/css", "max-age=3600") }
        router.get("/logo.svg") { _, _ in page(DemoPages.logo, "image/svg+xml", "max-age=3600") }
        router.get("/api/birds") { _, _ in page(DemoPages.birds, "application/json", "max-age=10") }
        router.get("/api/now") { _, _ in
            page("{\"now\": \"\(Date().ISO8601Format())\"}\n", "application/json", "no-store")
        }
        router.get("/slow") { _, _ in
            try await Task.sleep(for: .milliseconds(1_500))
            return page(DemoPages.slow, "text/html; charset=utf-8", "max-age=30")
        }
        return router
    }

    private func page(_ text: String, _ type: String, _ cacheControl: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: cacheControl],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
