// Status lines and what a status says about a body.

import HTTPMessage

enum StatusLine {
    /// Writes the line; with the standard phrase where the reason is empty.
    static func write(_ status: UInt16, reason: RawSpan, into sink: inout ByteSink) {
        if status == 200, reason.byteCount == 2 { return sink.append("HTTP/1.1 200 OK\r\n") }
        sink.append("HTTP/1.1 ")
        sink.appendDecimal(UInt64(status))
        sink.append(UInt8(ascii: " "))
        if reason.byteCount > 0 { sink.append(reason) } else { sink.append(phrase(status)) }
        sink.append("\r\n")
    }

    /// RFC 9112 section 6.3: 1xx, 204 and 304 never have a body.
    static func mayHaveBody(_ status: UInt16) -> Bool {
        status >= 200 && status != 204 && status != 304
    }

    private static func phrase(_ status: UInt16) -> StaticString {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 103: "Early Hints"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 206: "Partial Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: "Unknown"
        }
    }
}
