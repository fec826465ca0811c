// Requests to the origin: RFC 9110 sections 7.6 and 13, RFC 9111 section 4.3.1, RFC 7239, and the guards.
import HTTPMessage
import Testing

@testable import CachePolicy

@Suite struct OriginRequestTests {
    private func write(
        _ purpose: OriginRequest.Purpose, _ fields: [String], line: String = "GET /a", stored: [String]? = nil,
        range: ByteRange? = nil, vary: String? = nil, client: String = "192.0.2.1",
        context: ForwardContext = ForwardContext(), settings: PolicySettings = PolicySettings()
    ) -> [String] {
        let block = stored.flatMap { storedBlock(["Cache-Control: max-age=60", "Date: \(noonText)"] + $0) } ?? []
        let recordBlock = vary.flatMap { record([$0])?.block } ?? []
        let found = withRequest(line, fields) { head, bytes, table in
            withBytes("/norm") { target in
                withBytes("example.com") { authority in
                    withBytes(client) { address in
                        text { sink in
                            OriginRequest.write(
                                purpose: purpose, head: head, bytes: bytes, fields: table, target: target,
                                authority: authority, clientAddress: address,
                                stored: StoredHead(unsafe block.span.bytes), range: range,
                                record: VaryRecord(unsafe recordBlock.span.bytes), context: context,
                                settings: settings, into: &sink)
                        }
                    }
                }
            }
        }
        return Array(found.components("\r\n").dropLast(2))
    }

    private let added = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "Via: 1.1 martlet"]

    @Test("What is forwarded is what was keyed")
    func line() {
        #expect(write(.fill, []) == ["GET /norm HTTP/1.1", "Host: example.com"] + added)
        #expect(write(.fill, [], line: "HEAD /a").first == "GET /norm HTTP/1.1")
        #expect(write(.pass, [], line: "HEAD /a").first == "HEAD /norm HTTP/1.1")
        #expect(write(.pass, [], line: "FOO /a").first == "FOO /norm HTTP/1.1")
        #expect(write(.pass, [], line: "OPTIONS *").first == "OPTIONS * HTTP/1.1")
        var settings = PolicySettings()
        settings.originHost = "inner"
        #expect(write(.fill, [], settings: settings)[1] == "Host: inner")
        #expect(write(.fill, [], settings: settings).contains("X-Forwarded-Host: example.com"))
    }

    @Test("RFC 9110 section 7.6.1: hop-by-hop fields stay here")
    func hopByHop() {
        let fields = [
            "Connection: keep-alive, x-a", "X-A: 1", "Keep-Alive: 5", "Proxy-Connection: x", "TE: gzip",
            "Proxy-Authorization: x", "X-B: 2", "Content-Length: 0",
        ]
        #expect(write(.fill, fields) == ["GET /norm HTTP/1.1", "Host: example.com", "X-B: 2"] + added)
    }

    @Test("RFC 9111 section 4.3.1: a validation carries what is stored and not what the client said")
    func validate() {
        let client = [
            "If-None-Match: \"client\"", "If-Modified-Since: \(date(-5))", "Range: bytes=0-1", "If-Range: \"x\"",
        ]
        let found = write(.validate, client, stored: ["ETag: W/\"s\"", "Last-Modified: \(date(-99))"])
        #expect(
            found.filter { $0.hasPrefix("If-") || $0.hasPrefix("Range") }
                == ["If-None-Match: W/\"s\"", "If-Modified-Since: \(date(-99))"])
        let unquoted = write(.validate, client, stored: ["ETag: abc"])
        #expect(unquoted.contains("If-None-Match: abc"))
    }

    @Test("A fill forwards the client's conditions unless others wait for the body, and never its range")
    func fill() {
        let client = ["If-None-Match: \"c\"", "If-Modified-Since: \(date(-5))", "Range: bytes=0-1", "If-Range: \"x\""]
        #expect(write(.fill, client).filter { $0.hasPrefix("If-") || $0.hasPrefix("Range") } == Array(client[0...1]))
        var context = ForwardContext()
        context.forwardsConditions = false
        #expect(write(.fill, client, context: context).filter { $0.hasPrefix("If-") || $0.hasPrefix("Range") } == [])
        #expect(write(.pass, client).filter { $0.hasPrefix("If-") || $0.hasPrefix("Range") } == client)
    }

    @Test("RFC 9110 section 13.1.5: a missing range is asked for under a strong validator")
    func range() {
        let part = ByteRange(first: 5, last: 9)
        #expect(
            write(.range, [], stored: ["ETag: \"s\"", "Last-Modified: \(date(-9))"], range: part)
                .contains("If-Range: \"s\""))
        let dated = write(.range, [], stored: ["ETag: W/\"s\"", "Last-Modified: \(date(-9))"], range: part)
        #expect(dated.contains("If-Range: \(date(-9))") && dated.contains("Range: bytes=5-9"))
    }

    @Test("RFC 9110 section 12.5.3: the codings that are asked for are those of the key")
    func codings() {
        #expect(write(.fill, ["Accept-Encoding: gzip, deflate, br;q=0.1"]).contains("Accept-Encoding: br, gzip"))
        #expect(write(.fill, ["Accept-Encoding: deflate"]).contains("Accept-Encoding: identity"))
        #expect(write(.fill, ["Accept-Encoding: identity"]).contains("Accept-Encoding: identity"))
        #expect(write(.fill, ["Accept-Encoding:"]).contains("Accept-Encoding: identity"))
        #expect(!write(.fill, []).contains { $0.hasPrefix("Accept-Encoding") })
        #expect(write(.pass, ["Accept-Encoding: deflate"]).contains("Accept-Encoding: identity"))
        var context = ForwardContext()
        context.cacheable = false
        #expect(write(.pass, ["Accept-Encoding: deflate"], context: context).contains("Accept-Encoding: deflate"))
    }

    @Test("Poisoning: fields that change what is answered without being keyed")
    func poisoning() {
        let fields = [
            "X-Forwarded-Host: evil", "X-Forwarded-Scheme: x", "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /x",
            "X-Host: evil", "X-Original-URL: /x", "X-Rewrite-URL: /x", "X-HTTP-Method: PUT",
            "X-HTTP-Method-Override: PUT",
        ]
        #expect(write(.fill, fields) == ["GET /norm HTTP/1.1", "Host: example.com"] + added)
        #expect(write(.fill, fields, vary: "X-Forwarded-Host").contains("X-Forwarded-Host: evil"))
        var settings = PolicySettings()
        settings.guardsAgainstPoisoning = false
        #expect(write(.fill, fields, settings: settings).count == 2 + fields.count + added.count)
        var context = ForwardContext()
        context.cacheable = false
        #expect(write(.pass, fields, context: context).count == 2 + fields.count + added.count)
    }

    @Test("RFC 7239: who asked is told by the node, and by trusted peers only")
    func forwarded() {
        let fields = ["X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https", "Forwarded: for=1.1.1.1"]
        #expect(write(.fill, fields) == ["GET /norm HTTP/1.1", "Host: example.com"] + added)
        var context = ForwardContext()
        context.trustedPeer = true
        let trusted = write(.fill, fields, context: context)
        #expect(trusted.contains("X-Forwarded-For: 1.1.1.1, 192.0.2.1"))
        #expect(trusted.contains("X-Forwarded-Proto: https"))
        var settings = PolicySettings()
        settings.forwardedStyle = .forwarded
        #expect(
            write(.fill, fields, settings: settings)
                .contains("Forwarded: for=192.0.2.1;proto=http;host=\"example.com\""))
        #expect(
            write(.fill, fields, context: context, settings: settings)
                .contains("Forwarded: for=1.1.1.1, for=192.0.2.1;proto=http;host=\"example.com\""))
        settings.forwardedStyle = .none
        #expect(write(.fill, fields, settings: settings).count == 3)
    }

    @Test("RFC 7239 section 6.2: what the node asks of itself names no client")
    func background() {
        #expect(write(.validate, [], client: "").allSatisfy { !$0.hasPrefix("X-Forwarded-For") })
        var settings = PolicySettings()
        settings.forwardedStyle = .forwarded
        #expect(
            write(.validate, [], client: "", settings: settings)
                .contains("Forwarded: for=unknown;proto=http;host=\"example.com\""))
    }

    @Test("A strict list of forwarded fields, and those of a stored Vary")
    func allowList() {
        var settings = PolicySettings()
        settings.forwardedFieldNames = ["x-a"]
        let fields = ["X-A: 1", "X-B: 2", "X-C: 3", "Cookie: d"]
        #expect(
            write(.fill, fields, vary: "X-C", settings: settings).filter { $0.hasPrefix("X-") && !$0.contains("For") }
                == ["X-A: 1", "X-C: 3"])
        var context = ForwardContext()
        context.cacheable = false
        #expect(write(.pass, fields, context: context, settings: settings).contains("Cookie: d"))
    }

    @Test("RFC 9111 section 4.1: an answer chosen without a field that was kept from the origin is not for its value")
    func withheld() {
        func selects(
            _ vary: String, _ fields: [String], known: String? = nil, settings: PolicySettings = PolicySettings()
        ) -> Bool {
            let sent = write(.fill, fields, vary: known, settings: settings).joined(separator: "\r\n") + "\r\n\r\n"
            return withRequest("GET /a", fields) { _, request, table in
                withResponse(["Vary: \(vary)"]) { _, response, answered in
                    withBytes(sent) { head in
                        WithheldFields.select(
                            responseBytes: response, responseFields: answered, requestBytes: request,
                            requestFields: table, sent: head, settings: settings)
                    }
                }
            }
        }
        let fields = ["X-Forwarded-Host: a", "X-Host:", "Foo: 1", "Range: bytes=0-1", "Accept-Encoding: deflate"]
        #expect(selects("Foo, x-forwarded-host", fields) && selects("X-Host", fields))
        for vary in ["Foo", "X-Original-URL", "Range", "Accept-Encoding", "Host"] { #expect(!selects(vary, fields)) }
        #expect(!selects("X-Forwarded-Host", fields, known: "x-forwarded-host"))
        #expect(selects("X-Forwarded-Host, X-Host", fields, known: "x-forwarded-host"))
        var settings = PolicySettings()
        settings.forwardedFieldNames = ["x-a"]
        #expect(selects("Foo", fields, settings: settings) && !selects("X-A", ["X-A: 1"], settings: settings))
        #expect(!selects("Foo", fields, known: "Foo", settings: settings))
        settings = PolicySettings()
        settings.guardsAgainstPoisoning = false
        #expect(!selects("X-Forwarded-Host", fields, settings: settings))
    }

    @Test("RFC 9112 sections 6 and 9, RFC 9110 sections 7.8 and 10.1: bodies, upgrades, trailers")
    func passes() {
        var context = ForwardContext()
        context.framing = .length(5)
        context.expectsContinue = true
        let post = write(.pass, ["Content-Length: 5", "Expect: 100-continue"], line: "POST /", context: context)
        #expect(post.contains("Content-Length: 5") && post.filter { $0 == "Expect: 100-continue" }.count == 1)
        context = ForwardContext()
        context.framing = .chunked
        #expect(
            write(.pass, ["Transfer-Encoding: chunked"], line: "POST /", context: context)
                .contains("Transfer-Encoding: chunked"))
        let upgrade = write(.pass, ["Connection: Upgrade", "Upgrade: websocket"])
        #expect(upgrade.contains("Connection: upgrade") && upgrade.contains("Upgrade: websocket"))
        #expect(write(.pass, ["TE: trailers", "Connection: TE"]).contains("TE: trailers"))
        context = ForwardContext()
        context.keepAlive = false
        #expect(write(.fill, [], context: context).last == "Connection: close")
    }
}
