// Requests to the admin plane as bytes, whole and in pieces; and what an upgrade in place hands on of them.
import Foundation
import Glibc
import Testing

@testable import Supervisor

struct AdminRequestTests {
    private let post = Array(
        "POST /v1/workers HTTP/1.1\r\nHost: x\r\nContent-Length: 15\r\n\r\n{\"workers\":\"4\"}".utf8)

    @Test func arrivesInPieces() {
        for count in 0..<post.count {
            #expect(AdminRequest.parse(Array(post[..<count])) == .incomplete, "\(count) bytes")
        }
        let body = Array("{\"workers\":\"4\"}".utf8)
        #expect(
            AdminRequest.parse(post)
                == .whole(AdminRequest(method: "POST", path: "/v1/workers", query: [:], body: body)))
    }

    @Test func hasAQuery() {
        let bytes = Array("GET /v1/operations/7?seen=2&x&=&=y HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        guard case .whole(let request) = AdminRequest.parse(bytes) else {
            Issue.record("not whole")
            return
        }
        #expect(request.path == "/v1/operations/7" && request.query == ["seen": "2", "x": "", "": "y"])
        #expect(request.isRepeatable)
    }

    @Test func isRefusedWithAStatus() {
        for (text, status) in [
            ("GET /\u{1} HTTP/1.1\r\n\r\n", 400), ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ] {
            guard case .refused(let answer) = AdminRequest.parse(Array(text.utf8)) else {
                Issue.record("not refused: \(text)")
                continue
            }
            #expect(answer.status == status)
            #expect(String(decoding: answer.bytes, as: UTF8.self).hasPrefix("HTTP/1.1 \(status) "))
        }
    }
}

struct AdminPortTests {
    private func connection(_ phase: AdminConnection.Phase, _ input: String = "") -> AdminConnection {
        let connection = AdminConnection(fd: -1, openedAt: 0, input: Array(input.utf8))
        connection.phase = phase
        return connection
    }

    private let question = AdminRequest(method: "GET", path: "/v1/status", query: [:], body: [])
    private let order = AdminRequest(method: "POST", path: "/v1/reload", query: [:], body: [])

    @Test func questionsAreHandedOnAndOrdersWaitedFor() {
        var port = AdminPort(listener: -1)
        port.connections[1] = connection(.reading, "GET /v1/st")
        port.connections[2] = connection(.answering(question), "GET /v1/status HTTP/1.1\r\n\r\n")
        #expect(!port.isBusy(0))
        #expect(port.record.connections.map { $0.input.count } == [10, 27])
        port.connections[3] = connection(.answering(order), "POST")
        #expect(port.isBusy(1_000_000))
    }

    @Test func theShortestQuestionsArePassedOnOfTooMany() {
        let most = AdminPort.mostInputPassed
        let few = AdminPort.divide([7: 100, 8: most - 100])
        #expect(few.passed == [7, 8] && few.tooLong.isEmpty)
        let many = AdminPort.divide([1: most / 2, 2: most / 2 + 1, 3: 0, 4: 20, 5: most])
        #expect(many.passed == [1, 3, 4] && many.tooLong == [2, 5])
    }

    @Test func anAnswerHalfOutIsWaitedForASecondAndNeverSentTwice() {
        var port = AdminPort(listener: -1)
        port.connections[1] = connection(.sending(since: 5_000), "GET /v1/status HTTP/1.1\r\n\r\n")
        #expect(port.isBusy(5_999))
        #expect(!port.isBusy(6_000))
        #expect(port.record.connections.isEmpty)
    }
}
