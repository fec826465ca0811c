// One TLS connection to an origin over a non-blocking socket, in the manner of `recv` and `send`: bytes, 0 at the
// proper end, or -errno, EAGAIN when it waits for the socket. An end without a closing alert is an error, never an end.

internal import COpenSSL
internal import Glibc
internal import HTTPMessage

@safe struct TLSStream: ~Copyable {
    enum Handshake: Equatable {
        case done
        /// The socket must become readable or writable first.
        case waiting
        case failed(String)
    }

    let stream: OpaquePointer

    @unsafe init(_ stream: OpaquePointer) { unsafe self.stream = stream }

    deinit { unsafe SSL_free(stream) }

    mutating func handshake() -> Handshake {
        ERR_clear_error()
        let result = unsafe SSL_do_handshake(stream)
        if result == 1 { return checkProtocol() }
        switch unsafe SSL_get_error(stream, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .waiting
        default: break
        }
        let verdict = unsafe SSL_get_verify_result(stream)
        guard verdict != Int(X509_V_OK), let text = unsafe X509_verify_cert_error_string(verdict) else {
            return .failed(TLSError.last())
        }
        ERR_clear_error()
        return .failed("certificate refused: \(unsafe String(cString: text))")
    }

    /// A server that chose another protocol than ours would not understand what follows (RFC 7301 section 3.2).
    private func checkProtocol() -> Handshake {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(stream, &name, &length)
        guard let name = unsafe name, length > 0 else { return .done }
        let chosen = unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
        return chosen == "http/1.1" ? .done : .failed("the server speaks \(chosen)")
    }

    mutating func receive(into space: inout MutableRawSpan) -> Int {
        ERR_clear_error()
        let result = unsafe space.withUnsafeMutableBytes { unsafe SSL_read(stream, $0.baseAddress, Int32($0.count)) }
        return result > 0 ? Int(result) : outcome(result)
    }

    /// Whether something is there to be received: data, the end, an error. What only the protocol needs (session
    /// tickets) is taken up on the way.
    mutating func isReadable() -> Bool {
        ERR_clear_error()
        var byte: UInt8 = 0
        let result = unsafe SSL_peek(stream, &byte, 1)
        return result > 0 || outcome(result) != -Int(EAGAIN)
    }

    mutating func send(_ bytes: RawSpan) -> Int {
        guard bytes.byteCount > 0 else { return 0 }
        ERR_clear_error()
        let result = unsafe bytes.withUnsafeBytes { unsafe SSL_write(stream, $0.baseAddress, Int32($0.count)) }
        return result > 0 ? Int(result) : outcome(result)
    }

    /// Says that nothing more will be sent; the answer is not waited for.
    borrowing func close() {
        ERR_clear_error()
        if unsafe SSL_is_init_finished(stream) == 1 { _ = unsafe SSL_shutdown(stream) }
        ERR_clear_error()
    }

    private func outcome(_ result: Int32) -> Int {
        switch unsafe SSL_get_error(stream, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return -Int(EAGAIN)
        case SSL_ERROR_ZERO_RETURN: return 0
        default: return -Int(EPROTO)
        }
    }
}
