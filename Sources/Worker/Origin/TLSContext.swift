// What all TLS connections to origins share: trusted authorities, protocol versions. Made only when an origin wants it,
// so that others do not pay for it.

internal import COpenSSL
internal import ControlChannel

@safe struct TLSContext: ~Copyable {
    private let context: OpaquePointer

    /// Fails with a reason when the authorities cannot be loaded.
    init(_ settings: OriginTLS) throws(StartupFailure) {
        guard let context = unsafe martlet_tls_context() else {
            throw StartupFailure(reason: "origin-tls: \(TLSError.last())")
        }
        let loaded =
            settings.authorityFile.isEmpty
            ? unsafe SSL_CTX_set_default_verify_paths(context)
            : unsafe SSL_CTX_load_verify_file(context, settings.authorityFile)
        guard loaded == 1 else {
            unsafe SSL_CTX_free(context)
            throw StartupFailure(reason: "origin-tls.ca-file \(settings.authorityFile): \(TLSError.last())")
        }
        unsafe SSL_CTX_set_verify(context, settings.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        unsafe self.context = context
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// The client's side of a connection over a connected socket. `name` is what the certificate must be for; unless it
    /// is an address it is also what the server is asked for (RFC 6066 section 3).
    borrowing func stream(over descriptor: Int32, name: String) -> TLSStream? {
        guard let stream = unsafe SSL_new(context) else { return nil }
        var protocols: [UInt8] = [8]
        protocols += Array("http/1.1".utf8)
        guard unsafe SSL_set_fd(stream, descriptor) == 1,
            unsafe SSL_set_alpn_protos(stream, &protocols, UInt32(protocols.count)) == 0
        else {
            unsafe SSL_free(stream)
            return nil
        }
        if unsafe martlet_tls_expect_address(stream, name) != 1 {
            guard unsafe martlet_tls_server_name(stream, name) == 1, unsafe SSL_set1_host(stream, name) == 1 else {
                unsafe SSL_free(stream)
                return nil
            }
        }
        unsafe SSL_set_connect_state(stream)
        return unsafe TLSStream(stream)
    }
}

enum TLSError {
    /// The oldest entry of the library's error queue in words; empties the queue.
    static func last() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else { return "connection lost" }
        return unsafe String(cString: reason)
    }
}
